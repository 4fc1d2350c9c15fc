package simulator

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// RunOptions are the flags of `sentinel simulate`.
type RunOptions struct {
	Target string  // URL of a demo
	Seed   uint64  // plays with these addresses again; 0 draws fresh ones
	Pace   float64 // how much faster pauses pass; 0 means 1
	JSON   bool    // one object instead of a table
	Clean  bool    // lifts the blocks and resolves the alerts of the run at its end

	Patience time.Duration // how long a promise may take to show on the target; 0 means five seconds
}

// A Report is what a run says to machines.
type Report struct {
	Scenario string    `json:"scenario"`
	Target   string    `json:"target"`
	Seed     uint64    `json:"seed"`
	Actors   int       `json:"actors"`
	Requests int       `json:"requests"`
	Refused  int       `json:"refused"`
	Late     int       `json:"late"`
	Seconds  float64   `json:"seconds"`
	Promises []Verdict `json:"promises"`
	Kept     bool      `json:"kept"`
}

// List writes what there is to play.
func List(w io.Writer) error {
	all, err := Load()
	if err != nil {
		return err
	}
	for _, k := range []struct {
		kind  Kind
		title string
	}{{Normal, "The baseline"}, {Attack, "Attacks, which must be noticed"}, {NearMiss, "Near misses, which must not"}} {
		fmt.Fprintln(w, k.title)
		for i := range all {
			if all[i].Kind == k.kind {
				fmt.Fprintf(w, "  %-20s %s\n", all[i].ID, all[i].Summary)
			}
		}
	}
	return nil
}

// Run plays a scenario against a target, writes what happens to w as it happens, and then whether
// each promise came true. Name is the id of a scenario that the program carries, or a file whose
// name ends in .json. It reports whether all came true; an error means that it could not be played.
func Run(ctx context.Context, w io.Writer, name string, opts RunOptions) (bool, error) {
	s, err := pick(name)
	if err != nil {
		return false, err
	}
	t, err := Open(cmp.Or(opts.Target, "http://127.0.0.1:8080"))
	if err != nil {
		return false, err
	}
	defer t.Close()
	if err := t.Ready(ctx); err != nil {
		return false, err
	}
	plan := s.Expand(opts.Seed)
	if opts.Seed == 0 {
		if plan, err = t.Fresh(ctx, &s); err != nil {
			return false, err
		}
	}
	progress := &progress{w: w, plan: &plan, next: time.Second}
	if opts.JSON {
		progress.w = io.Discard
	}
	progress.begin()
	played, err := Play(ctx, t, plan, PlayOptions{Pace: opts.Pace, Watch: progress.answer})
	if err != nil {
		return false, err
	}
	verdicts, err := Check(ctx, t, played, cmp.Or(opts.Patience, 5*time.Second))
	if err != nil {
		return false, err
	}
	if opts.Clean {
		if _, _, err := Cleanup(ctx, t, &plan); err != nil {
			return false, err
		}
	}
	r := report(t, played, verdicts)
	if opts.JSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return r.Kept, e.Encode(r)
	}
	r.write(w)
	return r.Kept, nil
}

func pick(name string) (Scenario, error) {
	if !strings.HasSuffix(name, ".json") {
		return Find(name)
	}
	b, err := os.ReadFile(name) //nolint:gosec // the operator names the file
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	s, err := Parse(b)
	if err != nil {
		return Scenario{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func report(t *Target, p *Played, vs []Verdict) *Report {
	r := &Report{
		Scenario: p.Plan.Scenario.ID, Target: t.base, Seed: p.Plan.Seed, Actors: len(p.Plan.Actors),
		Seconds: float64(p.Took.Milliseconds()) / 1000, Promises: vs, Kept: Kept(vs),
	}
	for _, os := range p.Outcomes {
		r.Requests += len(os)
		for _, o := range os {
			if o.Refused() {
				r.Refused++
			}
		}
	}
	r.Late, _ = Late(p)
	return r
}

func (r *Report) write(w io.Writer) {
	f := fills{
		"requests": r.Requests, "from": addresses(r.Actors), "refused": r.Refused, "late": r.Late,
		"took": time.Duration(r.Seconds * float64(time.Second)),
	}
	fmt.Fprintln(w, f.into("\n{requests} requests from {from} in {took} s: {refused} refused, {late} late\n"))
	broken := 0
	for _, v := range r.Promises {
		sign := "kept  "
		if !v.Kept {
			sign = "BROKEN"
			broken++
		}
		fmt.Fprintf(w, "  %s  %s\n          %s\n", sign, v.Claim, v.Sentence)
	}
	n := len(r.Promises)
	switch {
	case broken == 0 && n == 1:
		fmt.Fprint(w, "\nThe promise came true.\n")
		return
	case broken == 0:
		fmt.Fprintf(w, "\nAll %d promises came true.\n", n)
		return
	}
	fmt.Fprintf(w, "\n%d of %d promises did not come true. Play it again with --seed %d.\n", broken, n, r.Seed)
}

// progress writes a line when an actor is first refused, and one a second of how far it is.
type progress struct {
	w             io.Writer
	plan          *Plan
	done, refused int
	blocked       map[int]bool
	next          time.Duration
}

func (p *progress) begin() {
	p.blocked = map[int]bool{}
	s := p.plan.Scenario
	fmt.Fprintf(p.w, "%s: %s\n", s.Title, s.Summary)
	fmt.Fprintf(p.w, "seed %d, %s requests from %s\n\n", p.plan.Seed, thousands(p.plan.Requests()), addresses(len(p.plan.Actors)))
}

func addresses(n int) string {
	if n == 1 {
		return "one address"
	}
	return thousands(n) + " addresses"
}

func (p *progress) answer(actor, request int, o Outcome) {
	p.done++
	at := fills{"at": o.Answered, "done": p.done, "all": p.plan.Requests()}
	if o.Refused() {
		p.refused++
		if !p.blocked[actor] {
			p.blocked[actor] = true
			fmt.Fprintf(p.w, "%9s  %-24s refused with %d at request %d\n", at.into("{at} s"), p.plan.Actors[actor].Label(), o.Status, request+1)
		}
	}
	if o.Answered >= p.next {
		p.next = o.Answered.Truncate(time.Second) + time.Second
		fmt.Fprintf(p.w, "%9s  %s\n", at.into("{at} s"), at.and("refused", p.refused).into("{done} of {all} answered, {refused} refused"))
	}
}
