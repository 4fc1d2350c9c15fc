package incident

import (
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Restore takes up what a Book knew before: open alerts, open incidents, and the alerts of
// those, resolved ones too. It leaves what the Book knows as it is, so that something
// forgotten can be recalled at any time. An alert whose incident is unknown is alone.
func (b *Book) Restore(alerts []Alert, incidents []Incident) {
	fresh := make(map[int64]*group)
	for _, i := range incidents {
		if b.incidents[i.ID] == nil && i.Status == Open {
			g := b.found()
			g.recall(i)
			b.incidents[i.ID], fresh[i.ID] = g, g
			b.remind(g)
		}
	}
	alerts = slices.Clone(alerts)
	slices.SortStableFunc(alerts, func(x, y Alert) int { return x.Last.Compare(y.Last) })
	for _, a := range alerts {
		if b.alerts[a.ID] == nil {
			b.restore(a, fresh)
		}
	}
	for _, i := range incidents { // what has no open alert is nothing to add to
		if g := fresh[i.ID]; g != nil && g.open == 0 && i.Alerts > 0 {
			b.drop(g)
		} else if g != nil {
			g.told = len(g.listed)
			b.lay(g)
		}
	}
	b.forget()
}

// recall takes up what is stored of an incident.
func (g *group) recall(i Incident) {
	g.Incident = i
	g.Strands, g.recalled = slices.Clone(i.Strands), len(i.Strands) > 0
	for _, e := range i.Strands {
		g.long = g.long || e.Stage() == engine.CredentialAccess
	}
	for _, s := range i.Sources {
		s.Weak = true // until its alert comes
		g.admit(s)
	}
	if len(i.Sources) >= mostStored {
		g.beyond = max(0, i.Clients-len(g.sources))
	}
	g.listed = slices.Clip(i.Sources)
	g.Accounts = nil
	for _, name := range i.Accounts {
		g.touch(name)
	}
	for _, t := range i.Tokens {
		g.count(t, max(1, i.Clients-1))
	}
	if i.Bond > 0 {
		g.linked = max(1, i.Clients-1)
		g.bonds = i.Bond * float64(g.linked)
	}
	said := i.Shared
	for n := len(i.Tokens); n > 0; n-- { // tokens' labels may hold commas
		if tail := strings.Join(g.words(i.Tokens[:n]), ", "); strings.HasSuffix(said, tail) {
			said = strings.TrimSuffix(strings.TrimSuffix(said, tail), ", ")
			break
		}
	}
	if said != "" {
		g.share(strings.Split(said, ", "))
	}
}

// remind lets what shares the tokens of a restored incident link to it.
func (b *Book) remind(g *group) {
	f := engine.Finding{Weak: true, At: g.Last, Tokens: g.Tokens, Rule: g.Reference()}
	var ms [mostMarks]mark
	if marks := ms[:b.arena.marks(&f, &ms)]; len(marks) > 0 {
		b.standFor(g, &f, b.arena.signOf(&f, marks), marks, new(Change))
	}
}

// restore takes up one alert.
func (b *Book) restore(a Alert, fresh map[int64]*group) {
	g := fresh[a.Incident]
	if g == nil && a.Status != Open {
		return
	}
	e := &entry{Alert: a}
	if g == nil {
		g = b.found()
	}
	g.add(e)
	g.touch(e.Actor.Account)
	if !g.recalled {
		g.note(Strand{
			Rule: e.Rule, Title: e.Title, Level: levelOf(e.Actor), Severity: e.Severity,
			Count: e.Findings, First: e.First, Last: e.Last, Means: e.Evidence.Means,
		})
	}
	b.alerts[e.ID] = e
	if s := (subject{e.Rule, e.Actor}); e.Status == Open && b.open[s] == nil {
		b.open[s] = e
	}
	b.weigh(e)
	for _, t := range traits(e.Actor, e.Client, e.Key) {
		b.lead(t, g, e.Last)
	}
	f := engine.Finding{Rule: e.Rule, Actor: e.Actor, Client: e.Client, Key: e.Key, At: e.Last}
	var ms [mostMarks]mark
	marks := ms[:b.arena.marks(&f, &ms)]
	b.standFor(g, &f, b.arena.signOf(&f, marks), marks, new(Change))
	b.lay(g)
}

// A Resolution is what closing alerts changes.
type Resolution struct {
	Alerts    []Alert    // that were open, as they will be
	Incidents []Incident // that have no other open alert, as they will be
}

// Resolve says what changes when an operator closes these alerts. Nothing has changed until
// Settle is called with the answer, so that it can be written down in between. IDs of alerts
// that are resolved or not remembered are passed over.
func (b *Book) Resolve(at time.Time, by string, ids ...int64) Resolution {
	var r Resolution
	closing := make(map[*group]int)
	seen := make(map[int64]bool)
	for _, id := range ids {
		e := b.alerts[id]
		if e == nil || e.Status != Open || seen[id] {
			continue
		}
		seen[id] = true
		a := e.Alert
		a.Status, a.ResolvedAt, a.ResolvedBy = Resolved, milli(at), by
		r.Alerts = append(r.Alerts, a)
		closing[e.group]++
		if i := e.group.public(); i != nil && closing[e.group] == e.group.open {
			i.Status = Resolved
			r.Incidents = append(r.Incidents, *i)
		}
	}
	return r
}

// Settle makes a resolution true. Nothing may have been folded since Resolve returned it.
func (b *Book) Settle(r Resolution) {
	for _, a := range r.Alerts {
		e := b.alerts[a.ID]
		if e == nil {
			continue
		}
		e.Alert = a
		if s := (subject{e.Rule, e.Actor}); b.open[s] == e {
			delete(b.open, s)
		}
		if e.group.open--; e.group.open == 0 {
			b.drop(e.group)
		}
	}
}
