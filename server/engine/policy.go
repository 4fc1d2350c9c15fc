package engine

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Policy is everything about the engine that an operator may choose. Defaults gives the one
// that holds until he does; Validate says what is wrong with his.
type Policy struct {
	Rules map[string]Terms // by the rule's ID; a rule that is missing keeps its own terms
	Packs []Rule           // rules that are data, in force beside the engine's own

	Decoys   []string // folded paths that nobody has a reason to ask for, and all below them
	Payments []string // folded paths that a payment is posted to
	Balances []string // folded paths that tell a balance

	DecoyKeys     []Key    // that were given to nobody
	DecoyAccounts []string // likewise, as FoldAccount writes them

	SignIns       []string       // folded paths that a sign-in is posted to, below whatever prefix
	FailedSignIns []FailedSignIn // what failures look like there that no status tells; the rest is learned

	// Observe lets everything pass: what would have been refused is counted, and no rule decides.
	Observe bool

	Denies []string // folded paths, and all below them, that are refused to everybody, accusing nobody
	Skips  []string // folded paths, and all below them, that only the lists judge: no rule counts there

	// Crawlers are the bots that are left alone where they come from their own networks; those that
	// come with the program when nil.
	Crawlers []Crawler

	// Unlisted goes by what was learned of the API alone: paths of software that strangers look for
	// are not known by their names. It is for measuring.
	Unlisted bool

	// Collateral is how many identities with a good history in 24 hours make a rule throttle their
	// network instead of blocking it; 0 for never.
	Collateral int

	// Incidents says from which score on the sources of an incident are blocked, and for how long. The
	// engine decides nothing by it: whoever makes incidents of findings does.
	Incidents IncidentTerms

	// Clients is how many clients each rule remembers at once; it is rounded up to a power of
	// two. The rate rule takes 232 bytes for each at a hundred requests, the others about 40.
	Clients int

	// Decisions is how many decisions made by rules are in force at most; those of operators,
	// imports and feeds have no such bound.
	Decisions int

	// Late is how far behind a client's newest exchange another may lie and still be counted.
	// One that is later is judged by the lists and the decoys only.
	Late time.Duration
}

// Terms are the figures of a rule.
type Terms struct {
	Off      bool
	Shadow   bool          // counts what it would have done, and does nothing
	More     int           // more than this many trip the rule; 0 when one is enough
	Within   time.Duration // counted over a window that slides
	Severity Severity
	Do       Action        // what is done to whom tripped it; 0 when the rule only tells
	For      time.Duration // for how long
	Ladder   Ladder        // instead, for how long each time; zero for the same every time
}

// IncidentTerms are what follows from the score of an incident.
type IncidentTerms struct {
	From int           // this score or more; 0 for never
	For  time.Duration // the block
}

// LeastScore is the least from which on an incident may block: that of the band in which it is proposed.
const LeastScore = 90

// Bounds of what Validate accepts.
const (
	MostCounted   = 128            // exact windows keep that many times; more are counted by twelfths of the window
	LargestCount  = 1_000_000      // of a rule
	LongestWindow = 24 * time.Hour // of a rule
	LongestLate   = time.Hour      // a client's clock that goes further back has been put back
	LongestAction = 366 * 24 * time.Hour

	MostPaths      = 1000 // in each list of them
	MostCollateral = 32   // identities that protect a network
)

// Defaults is the policy of the mission: the numbers of the pack "core".
func Defaults() Policy {
	p := Policy{
		Rules:    map[string]Terms{},
		Decoys:   []string{"/api/admin"},
		Payments: []string{"/api/transaction"},
		Balances: []string{"/api/balance"},
		SignIns: []string{
			"/login", "/signin", "/sign-in", "/log-in", "/session", "/sessions", "/authenticate", "/auth", "/oauth/token", "/oauth2/token",
			"/connect/token", "/wp-login.php", "/xmlrpc.php", "/users/sign_in",
			"/login.php", "/login.aspx", "/login.asp", "/login.jsp", "/login.do", "/login.action", "/loginpost", "/dologin", "/j_security_check",
		},
		Incidents:  IncidentTerms{For: time.Hour},
		Collateral: 5,
		Clients:    1 << 17,
		Decisions:  1 << 17,
		Late:       15 * time.Minute,
	}
	for _, r := range rules {
		p.Rules[r.ID] = r.Terms
	}
	return p
}

// All lists the rules that there are under this policy, in the order of judgement: the engine's
// own, then those of packs.
func (p Policy) All() []Rule { return slices.Concat(rules, p.Packs) }

// rule with that ID, nil when there is none.
func (p *Policy) rule(id string) *Rule {
	for _, list := range [][]Rule{rules, p.Packs} {
		for i := range list {
			if list[i].ID == id {
				return &list[i]
			}
		}
	}
	return nil
}

// Terms are those that hold for a rule: the policy's, or the rule's own.
func (p Policy) Terms(rule string) Terms {
	if t, ok := p.Rules[rule]; ok {
		return t
	}
	if r := p.rule(rule); r != nil {
		return r.Terms
	}
	return Terms{Off: true}
}

// Invalid is a mistake that the caller can correct.
type Invalid struct{ Field, Problem string }

func (e Invalid) Error() string { return e.Field + " " + e.Problem }

// Validate reports every mistake in the policy, each an Invalid, joined.
func (p Policy) Validate() error {
	var wrong []error
	check := func(ok bool, field, problem string) {
		if !ok {
			wrong = append(wrong, Invalid{field, problem})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.Rules)) {
		check(p.rule(id) != nil, "rules."+id, "is not a rule that there is")
	}
	known := map[string]bool{}
	for _, r := range p.All() {
		check(!known[r.ID], "packs."+r.ID, "is there twice: give one of them another id")
		known[r.ID] = true
		r.validate(check)
		p.Terms(r.ID).validate(r, check)
	}
	for _, list := range []struct {
		field string
		paths []string
	}{{"decoys", p.Decoys}, {"payments", p.Payments}, {"balances", p.Balances}, {"sign_ins", p.SignIns}, {"denies", p.Denies}, {"skips", p.Skips}} {
		check(len(list.paths) <= MostPaths, list.field, fmt.Sprintf("must be %d at most", MostPaths))
		for _, path := range list.paths {
			folded, bad := Fold(path)
			check(bad == "" && trimSlash(folded) == path && path != "/", list.field,
				fmt.Sprintf("must be written as rules match on them (lower case, no slash at the end), unlike %q", path))
		}
	}
	check(len(p.DecoyKeys) <= MostPaths, "decoy_keys", fmt.Sprintf("must be %d at most", MostPaths))
	check(len(p.DecoyAccounts) <= MostPaths, "decoy_accounts", fmt.Sprintf("must be %d at most", MostPaths))
	for _, k := range p.DecoyKeys {
		check(!k.Zero(), "decoy_keys", "must hold keys, not an empty one")
	}
	for _, a := range p.DecoyAccounts {
		check(a != "" && FoldAccount(a) == a && len(a) <= MaxAccount, "decoy_accounts", fmt.Sprintf("must be written as accounts are told apart (lower case, no spaces around), unlike %q", a))
	}
	check(len(p.FailedSignIns) <= MostPaths, "failed_sign_ins", fmt.Sprintf("must be %d at most", MostPaths))
	for _, m := range p.FailedSignIns {
		check(endsIn(p.SignIns, m.Path), "failed_sign_ins", fmt.Sprintf("must name paths of sign_ins, unlike %q: add it there", m.Path))
		check(m.Status == 0 || m.Status >= 200 && m.Status < 400, "failed_sign_ins", "must have a status of 200 to 399, or 0 for any: others say by themselves what came of it")
		check(m.MaxBytes >= 0, "failed_sign_ins", "must have max_bytes of 0, for any, or more")
	}
	validCrawlers(p.Crawlers, check)
	for _, path := range p.Skips {
		check(!below(p.Decoys, path), "skips", fmt.Sprintf("must not lie below a decoy, unlike %q: it could not be both", path))
		check(!below(p.Denies, path), "skips", fmt.Sprintf("must not lie below what is denied, unlike %q: it could not be both", path))
	}
	check(p.Incidents.From == 0 || p.Incidents.From >= LeastScore && p.Incidents.From <= 100, "incidents.block_from",
		fmt.Sprintf("must be %d to 100, or 0: nobody is blocked for a score", LeastScore))
	check(p.Incidents.For >= time.Second && p.Incidents.For <= LongestAction, "incidents.block_for", "must be 1 second to "+words(LongestAction))
	check(p.Collateral >= 0 && p.Collateral <= MostCollateral, "collateral", fmt.Sprintf("must be 0 to %d", MostCollateral))
	check(p.Clients >= 1<<10 && p.Clients <= 1<<24, "clients", "must be 1024 to 16777216")
	check(p.Decisions >= 1<<10 && p.Decisions <= 1<<22, "decisions", "must be 1024 to 4194304")
	check(p.Late >= time.Second && p.Late <= LongestLate, "late", "must be 1 second to "+words(LongestLate))
	return errors.Join(wrong...)
}

// validate what a rule says of itself. The engine's own are no different.
func (r *Rule) validate(check func(ok bool, field, problem string)) {
	field := "packs." + r.ID
	check(wellNamed(r.ID), field, fmt.Sprintf("must have an id of 1 to %d small letters, digits and dashes, unlike %q", longestID, r.ID))
	check(r.Title != "", field+".title", "must not be empty")
	check(r.On == Requests || r.On == Answers, field+".on", "must be requests or answers")
	check(r.On == Requests == (r.Refuse == 403 || r.Refuse == 429), field+".refuse", "must be 403 or 429 where requests are judged, and nothing where answers are")
	check(r.On == Answers || r.Statuses == nil, field+".statuses", "must be left out where requests are judged: there is no answer yet")
	for _, status := range r.Statuses {
		check(status >= 100 && status < 600, field+".statuses", fmt.Sprintf("must be 100 to 599, unlike %d", status))
	}
	for _, method := range r.Methods {
		check(method != "" && strings.ToUpper(method) == method, field+".methods", fmt.Sprintf("must be written in capitals, unlike %q", method))
	}
	for _, route := range r.Routes {
		_, err := compile(route)
		check(err == nil, field+".routes", fmt.Sprintf("%v", err))
	}
	check(len(r.By) <= 2 && !slices.Contains(r.By, ByNothing), field+".by", "must name one dimension or two")
	check(len(r.By) < 2 || r.By[0] != r.By[1], field+".by", "must name two different dimensions")
	check(r.Distinct == ByNothing || !slices.Contains(r.By, r.Distinct), field+".distinct", "must differ from what is counted by")
	check(r.Distinct == ByNothing || r.Terms.More > 0, field+".more", "must be 1 or more where different values are counted")
}

// longestID of a rule.
const longestID = 64

func wellNamed(id string) bool {
	return id != "" && len(id) <= longestID && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// validate the terms that hold for a rule.
func (t Terms) validate(r Rule, check func(ok bool, field, problem string)) {
	field := "rules." + r.ID + "."
	if r.More > 0 {
		most := cmp.Or(r.Most, LargestCount)
		check(t.More >= 1 && t.More <= most, field+"more", fmt.Sprintf("must be 1 to %d", most))
	} else {
		check(t.More == 0, field+"more", "must be 0: one is enough for this rule")
	}
	if r.Within > 0 {
		check(t.Within >= time.Second && t.Within <= LongestWindow, field+"within", "must be 1 second to "+words(LongestWindow))
	} else {
		check(t.Within == 0, field+"within", "must be 0: this rule has no window")
	}
	check(r.More == 0 || r.Within > 0, field+"within", "must be 1 second or more, as it is counted")
	check(t.Severity >= Info && t.Severity <= Critical, field+"severity", "must be INFO, LOW, MEDIUM, HIGH or CRITICAL")
	check(t.Do <= Block, field+"do", "must be MONITOR, THROTTLE, BLOCK or nothing")
	check(t.Do == 0 || levelsOf(r.By).listed(), field+"do", "must be nothing: what many do is nobody's fault in particular")
	rungs := t.Ladder.Rungs()
	check(t.Do != 0 || len(rungs) == 0, field+"ladder", "must be left out where nothing is done")
	for i, d := range rungs {
		check(d >= time.Second && d <= LongestAction && (i == 0 || d >= rungs[i-1]), field+"ladder",
			"must hold 1 second to "+words(LongestAction)+" each, none shorter than the one before")
	}
	check(t.Do == 0 || t.For >= time.Second && t.For <= LongestAction, field+"for", "must be 1 second to "+words(LongestAction))
}

// Explain says in plain words what a rule looks for under this policy and what it does;
// empty when there is no such rule.
func (p Policy) Explain(rule string) string {
	r := p.rule(rule)
	if r == nil {
		return ""
	}
	t := p.Terms(rule)
	if t.Off {
		return "Switched off."
	}
	said := r.explain(p, t) + " " + r.consequence(t)
	switch {
	case p.Observe:
		return said + " As the gateway only observes, that is counted and not done."
	case t.Shadow && t.Do != 0:
		return said + " As it is in shadow mode, that is counted and not done."
	case t.Shadow:
		return said + " As it is in shadow mode, it refuses nothing."
	}
	return said
}

// clone shares nothing that could be changed.
func (p Policy) clone() Policy {
	p.Rules, p.Packs, p.Crawlers = maps.Clone(p.Rules), slices.Clone(p.Packs), slices.Clone(p.Crawlers)
	for _, list := range []*[]string{&p.Decoys, &p.Payments, &p.Balances, &p.SignIns, &p.Denies, &p.Skips} {
		*list = slices.Clone(*list)
	}
	p.FailedSignIns, p.DecoyKeys, p.DecoyAccounts = slices.Clone(p.FailedSignIns), slices.Clone(p.DecoyKeys), slices.Clone(p.DecoyAccounts)
	return p
}
