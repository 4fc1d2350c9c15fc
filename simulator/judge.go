package simulator

import "time"

// An Outcome is what became of one request. The zero value is one that was never answered.
type Outcome struct {
	Status    int
	Sent      time.Duration // after the start of the run
	Answered  time.Duration
	Reference string // of the receipt, when it was refused
	Problem   string // why there was no answer
}

// Refused reports whether the gateway answered: the sandbox never says 403 or 429.
func (o Outcome) Refused() bool { return o.Status == 403 || o.Status == 429 }

// Facts are what the target knows about one actor after the run.
type Facts struct {
	Alerts    []AlertFact    `json:"alerts"`
	Decisions []DecisionFact `json:"decisions"`
}

// An AlertFact is as much of an alert as promises speak of.
type AlertFact struct {
	ID        string `json:"id"`
	Rule      string `json:"rule"`
	Severity  string `json:"severity"`
	Open      bool   `json:"open"`
	Incident  string `json:"incident"`  // empty for none
	Reference string `json:"reference"` // of the incident
}

// A DecisionFact is as much of a decision as promises speak of.
type DecisionFact struct {
	ID      string `json:"id"`
	Action  string `json:"action"`
	Rule    string `json:"rule"`    // empty when no rule made it
	Own     bool   `json:"own"`     // about this actor alone, not a network around it
	InForce bool   `json:"inForce"` // neither lifted nor over
	Seconds int    `json:"seconds"` // how long it lasts; 0 until lifted
}

// Played is a plan and everything that came of it: Outcomes and Facts of each actor, in the
// order of the plan. An actor that was stopped has fewer outcomes than requests.
type Played struct {
	Plan     Plan
	Outcomes [][]Outcome
	Facts    []Facts
	Took     time.Duration
}

// A Verdict says whether a promise came true, in one sentence with the figures.
type Verdict struct {
	Kind     string `json:"kind"`
	Group    string `json:"group,omitempty"`
	Claim    string `json:"claim"`
	Kept     bool   `json:"kept"`
	Sentence string `json:"sentence"`
}

// A kind of promise: the fields it needs and takes, the slots of its sentence, and the judgement,
// which returns what to fill into them, and what broke the promise for each actor that did.
type kind struct {
	needs, takes, says []string
	judge              func(*Played, *Promise) (fills, []string)
	later              bool // may still come true after the last answer
}

var general = []string{"{actors}", "{requests}", "{refused}"}

var kinds = map[string]kind{
	"refused": {
		needs: []string{"group", "from", "status", "then"},
		says:  append([]string{"{request}", "{seconds}"}, general...),
		judge: judgeRefused,
	},
	"late":     {takes: []string{"max"}, says: append([]string{"{late}", "{due}"}, general...), judge: judgeLate},
	"answered": {needs: []string{"group", "status"}, takes: []string{"from", "to"}, says: general, judge: judgeAnswered},
	"alert": {
		needs: []string{"group", "rule", "severity", "exactly"}, takes: []string{"alone"},
		says: append([]string{"{alerts}"}, general...), judge: judgeAlert, later: true,
	},
	"decision": {
		needs: []string{"group", "rule", "action"}, takes: []string{"seconds"},
		says: general, judge: judgeDecision, later: true,
	},
	"incident": {
		needs: []string{"exactly"}, takes: []string{"group"},
		says: append([]string{"{alerts}", "{incidents}"}, general...), judge: judgeIncident, later: true,
	},
	"silent": {takes: []string{"group"}, says: general, judge: judgeSilent},
}

// Judge says of every promise of the scenario whether it came true.
func Judge(p *Played) []Verdict {
	var vs []Verdict
	for i := range p.Plan.Scenario.Promises {
		pr := &p.Plan.Scenario.Promises[i]
		f, broken := kinds[pr.Kind].judge(p, pr)
		v := Verdict{Kind: pr.Kind, Group: pr.Group, Claim: pr.Claim, Kept: len(broken) == 0}
		switch len(broken) {
		case 0:
			v.Sentence = f.into(pr.Kept)
		case 1:
			v.Sentence = broken[0]
		default:
			v.Sentence = say("more", fills{"sentence": broken[0], "others": len(broken) - 1})
		}
		vs = append(vs, v)
	}
	return vs
}

// Late counts the requests that got through although an earlier one had been promised the first
// refusal, and how many had to be refused.
func Late(p *Played) (late, due int) {
	for i := range p.Plan.Scenario.Promises {
		pr := &p.Plan.Scenario.Promises[i]
		if pr.Kind != "refused" {
			continue
		}
		for _, a := range p.Plan.members(pr.Group) {
			for _, o := range p.Outcomes[a][min(pr.From-1, len(p.Outcomes[a])):] {
				due++
				if o.Status != 0 && !o.Refused() {
					late++
				}
			}
		}
	}
	return late, due
}

func judgeRefused(p *Played, pr *Promise) (fills, []string) {
	var slowest time.Duration
	broken := each(p, pr, func(i int, address string) string {
		os := p.Outcomes[i]
		for n, o := range os {
			promised := 0
			switch {
			case n+1 < pr.From && o.Refused():
				return say("early", fills{"address": address, "request": n + 1, "status": o.Status, "promised": pr.From})
			case n+1 == pr.From:
				promised = pr.Status
			case n+1 > pr.From:
				promised = pr.Then
			}
			if promised != 0 && o.Status != promised {
				return say("answered", fills{"address": address, "request": n + 1, "status": o.Status, "promised": promised})
			}
			if o.Refused() && o.Reference == "" {
				return say("unreferenced", fills{"address": address, "request": n + 1, "status": o.Status})
			}
		}
		slowest = max(slowest, os[pr.From-1].Answered-os[0].Sent)
		return ""
	})
	return p.general(pr).and("request", pr.From).and("seconds", slowest), broken
}

func judgeLate(p *Played, pr *Promise) (fills, []string) {
	late, due := Late(p)
	f := p.general(pr).and("late", late).and("due", due)
	switch {
	case due == 0:
		return f, []string{say("never", f)}
	case late > pr.Max:
		return f, []string{say("late", f)}
	}
	return f, nil
}

func judgeAnswered(p *Played, pr *Promise) (fills, []string) {
	return p.general(pr), each(p, pr, func(i int, address string) string {
		for n, o := range p.Outcomes[i] {
			if within := n+1 >= pr.From && (pr.To == 0 || n+1 <= pr.To); within && o.Status != pr.Status {
				return say("answered", fills{"address": address, "request": n + 1, "status": o.Status, "promised": pr.Status})
			}
		}
		return ""
	})
}

func judgeAlert(p *Played, pr *Promise) (fills, []string) {
	alerts := 0
	broken := each(p, pr, func(i int, address string) string {
		n, severity, other := 0, pr.Severity, ""
		for _, a := range p.Facts[i].Alerts {
			switch {
			case a.Rule != pr.Rule:
				other = a.Rule
			case a.Severity != pr.Severity:
				n, severity = n+1, a.Severity
			default:
				n++
			}
		}
		alerts += n
		switch {
		case n != pr.Exactly:
			return say("alerts", fills{"address": address, "rule": pr.Rule, "count": n, "promised": pr.Exactly})
		case severity != pr.Severity:
			return say("severity", fills{"address": address, "rule": pr.Rule, "severity": severity, "promised": pr.Severity})
		case other != "" && pr.Alone:
			return say("another", fills{"address": address, "rule": other})
		}
		return ""
	})
	return p.general(pr).and("alerts", alerts), broken
}

func judgeDecision(p *Played, pr *Promise) (fills, []string) {
	return p.general(pr), each(p, pr, func(i int, address string) string {
		f := fills{"address": address, "action": pr.Action, "rule": pr.Rule, "promised": pr.Seconds}
		for _, d := range p.Facts[i].Decisions {
			if d.Own && d.InForce && d.Action == pr.Action && d.Rule == pr.Rule {
				if pr.Seconds != 0 && d.Seconds != pr.Seconds {
					return say("lasts", f.and("count", d.Seconds))
				}
				return ""
			}
		}
		return say("decision", f)
	})
}

func judgeIncident(p *Played, pr *Promise) (fills, []string) {
	alerts, known := 0, map[string]bool{}
	broken := each(p, pr, func(i int, address string) string {
		if len(p.Facts[i].Alerts) == 0 {
			return say("unseen", fills{"address": address})
		}
		for _, a := range p.Facts[i].Alerts {
			if a.Incident == "" {
				return say("loose", fills{"address": address, "rule": a.Rule})
			}
			alerts++
			known[a.Incident] = true
		}
		return ""
	})
	f := p.general(pr).and("alerts", alerts).and("incidents", len(known))
	if len(broken) == 0 && len(known) != pr.Exactly {
		broken = []string{say("incidents", f.and("promised", pr.Exactly))}
	}
	return f, broken
}

func judgeSilent(p *Played, pr *Promise) (fills, []string) {
	return p.general(pr), each(p, pr, func(i int, address string) string {
		for n, o := range p.Outcomes[i] {
			if o.Refused() {
				return say("refused", fills{"address": address, "request": n + 1, "status": o.Status})
			}
		}
		for _, a := range p.Facts[i].Alerts {
			return say("alerted", fills{"address": address, "rule": a.Rule})
		}
		for _, d := range p.Facts[i].Decisions {
			if d.Rule != "" && d.InForce {
				return say("decided", fills{"address": address, "rule": d.Rule, "action": d.Action})
			}
		}
		return ""
	})
}

// each collects what broke the promise, for each actor of its group. Whoever did not get to the
// end of his requests broke it: what was not tried was not shown.
func each(p *Played, pr *Promise, broke func(i int, address string) string) []string {
	var all []string
	for _, i := range p.Plan.members(pr.Group) {
		address := p.Plan.Actors[i].Label()
		s := p.unfinished(i, address)
		if s == "" {
			s = broke(i, address)
		}
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

// unfinished says what an actor lacks of the answers that it planned, "" for nothing.
func (p *Played) unfinished(i int, address string) string {
	planned, answered, problem := len(p.Plan.Actors[i].Requests), 0, ""
	for _, o := range p.Outcomes[i] {
		if o.Status != 0 {
			answered++
		}
		if o.Problem != "" {
			problem = ": " + o.Problem
		}
	}
	if answered == planned {
		return ""
	}
	return say("unfinished", fills{"address": address, "answered": answered, "planned": planned, "problem": problem})
}

// general are the figures that every sentence may use.
func (p *Played) general(pr *Promise) fills {
	actors, requests, refused := 0, 0, 0
	for _, i := range p.Plan.members(pr.Group) {
		actors++
		for _, o := range p.Outcomes[i] {
			requests++
			if o.Refused() {
				refused++
			}
		}
	}
	return fills{"actors": actors, "requests": requests, "refused": refused}
}
