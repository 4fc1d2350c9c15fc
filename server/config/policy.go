package config

import (
	"slices"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// What an access log is read for.
const (
	Traffic = "traffic" // its requests are judged and counted
	Answers = "answers" // to what /authz was asked
)

// Words for the modes of a rule and what it does.
const (
	modeEnforce, modeShadow, modeOff = "enforce", "shadow", "off"
	onlyAlert                        = "alert"
)

func ruleOf(t engine.Terms) Rule {
	r := Rule{Mode: modeEnforce, More: t.More, Within: t.Within, Severity: t.Severity.String(), Do: strings.ToLower(t.Do.String()), For: t.For, Ladder: slices.Clone(t.Ladder.Rungs())}
	if t.Do == 0 {
		r.Do = onlyAlert
	}
	switch {
	case t.Off:
		r.Mode = modeOff
	case t.Shadow:
		r.Mode = modeShadow
	}
	return r
}

func (r Rule) terms() engine.Terms {
	severity, _ := engine.ParseSeverity(strings.ToUpper(r.Severity)) // Validate has looked
	do, _ := engine.ParseAction(strings.ToUpper(r.Do))
	t := engine.Terms{Off: r.Mode == modeOff, Shadow: r.Mode == modeShadow, More: r.More, Within: r.Within, Severity: severity, Do: do, For: r.For, Ladder: engine.LadderOf(r.Ladder...)}
	if len(r.Ladder) > 0 {
		t.For = r.Ladder[0]
	}
	if do == 0 {
		t.For = 0
	}
	return t
}

// Policy is what the engine is started with.
func (c Config) Policy() engine.Policy {
	p := engine.Defaults()
	for id, r := range c.Rules {
		p.Rules[id] = r.terms()
	}
	p.Decoys, p.Payments, p.Balances = folded(c.Decoys), folded(c.Payments), folded(c.Balances)
	for _, a := range c.DecoyAccounts {
		p.DecoyAccounts = append(p.DecoyAccounts, engine.FoldAccount(a))
	}
	p.SignIns, p.FailedSignIns = folded(c.SignIns), nil
	for _, f := range c.FailedSignIns {
		p.FailedSignIns = append(p.FailedSignIns, engine.FailedSignIn{Path: folded([]string{f.Path})[0], Status: f.Status, MaxBytes: f.MaxBytes})
	}
	p.Denies, p.Skips = folded(c.Gateway.Deny), folded(c.Gateway.Skip)
	p.Crawlers = crawlers(c.Crawlers)
	p.Incidents = engine.IncidentTerms{From: c.Incidents.BlockFrom, For: c.Incidents.BlockFor}
	p.Packs = c.packs
	p.Observe = c.Gateway.Mode == Observe
	p.Clients, p.Decisions, p.Late, p.Collateral = c.Engine.Clients, c.Engine.Decisions, c.Engine.Late, c.Engine.Collateral
	return p
}

// crawlers are the operator's own, before those that come with the program under other names; nil for
// the latter alone.
func crawlers(own []Crawler) (all []engine.Crawler) {
	if len(own) == 0 {
		return nil
	}
	for _, c := range own {
		e := engine.Crawler{Name: c.Name}
		for _, a := range c.Agents {
			e.Claims = append(e.Claims, strings.ToLower(a))
		}
		for _, n := range c.Networks {
			e.Networks = append(e.Networks, n.Masked())
		}
		all = append(all, e)
	}
	for _, c := range engine.PublishedCrawlers() {
		if !slices.ContainsFunc(own, func(mine Crawler) bool { return mine.Name == c.Name }) {
			all = append(all, c)
		}
	}
	return all
}

// folded writes paths as rules match on them, so that an operator may write them as he likes.
func folded(paths []string) []string {
	out := make([]string, 0, len(paths))
	for _, path := range paths {
		f, bad := engine.Fold(path)
		if bad != "" { // the engine names it
			f = path
		}
		if len(f) > 1 {
			f = strings.TrimSuffix(f, "/")
		}
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// Folded is a list of paths as rules match on them.
func Folded(paths []string) []string { return folded(paths) }
