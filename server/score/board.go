package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// A board shows the scores.
type board struct {
	all    bool
	peers  *peers
	apart  func(name string) bool
	scores []*score
	made   bytes.Buffer // what is said of made traffic
}

// pools reports whether a set is one of those that are pooled: labelled, with sources of both
// kinds, some of them legitimate.
func (b *board) pools(s *score) bool {
	return s.labels != "" && !b.apart(s.name) && s.both()
}

// pooled scores, and whose they are.
func (b *board) pooled() (sum score, names []string) {
	sum = score{set: &set{name: "pooled"}, census: &census{}, replayed: &replayed{}}
	for _, s := range b.scores {
		if !b.pools(s) {
			continue
		}
		names = append(names, s.name)
		sum.whole, sum.part = sum.whole.plus(s.whole), sum.part.plus(s.part)
		sum.cost, sum.delays = sum.cost.plus(s.cost), sum.delays.plus(s.delays)
	}
	return sum, names
}

func (b *board) print(to io.Writer) error {
	out := bufio.NewWriter(to)
	b.found(out)
	b.delayed(out)
	b.grouped(out)
	b.signIns(out)
	b.ranked(out)
	b.speed(out)
	b.beside(out)
	b.notes(out)
	_, _ = b.made.WriteTo(out) // out keeps its error
	sum, _ := b.pooled()
	fmt.Fprintf(out, "\nprecision %.3f recall %.3f f1 %.3f\n", zero(sum.part.precision()), zero(sum.part.recall()), zero(sum.part.f1()))
	return out.Flush()
}

// zero stands for a figure that nothing defines: nobody was flagged, or nobody there.
func zero(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

// table of rows with tabs between the cells.
func table(out io.Writer, head string, rows []string) {
	if len(rows) == 0 {
		return
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, head)
	for _, r := range rows {
		fmt.Fprintln(t, r)
	}
	_ = t.Flush() // out keeps its error
}

func cells(c ...any) string {
	s := make([]string, len(c))
	for i := range c {
		s[i] = fmt.Sprint(c[i])
	}
	return strings.Join(s, "\t")
}

func (b *board) found(out io.Writer) {
	scored := "sources first seen in the last 40 % of each log's time; the whole log is replayed"
	if b.all {
		scored = "every source"
	}
	fmt.Fprintf(out, "Sources flagged (%s), with 95 %% intervals\n\n", scored)
	var rows, apart []string
	for _, s := range b.scores {
		switch {
		case s.logins != nil:
		case b.apart(s.name) || s.attackers || s.whole.quiet+s.whole.wrong == 0:
			apart = append(apart, foundRow(s, true))
		default:
			rows = append(rows, foundRow(s, false))
		}
	}
	if sum, names := b.pooled(); len(names) > 0 {
		rows = append(rows, foundRow(&sum, false))
	}
	const head = "SET\tSOURCES\tATTACK\tFLAGGED\tPRECISION\tRECALL\tF1"
	table(out, head, rows)
	if len(rows) > 0 && len(apart) > 0 {
		fmt.Fprint(out, "\nNothing legitimate in these: recall only\n\n")
	}
	table(out, head, apart)
}

func foundRow(s *score, recallOnly bool) string {
	in, t := s.part.bootstrap(), s.part
	precision, f1 := within(t.precision(), in.precision), within(t.f1(), in.f1)
	if recallOnly {
		precision, f1 = "-", "-"
	}
	return cells(s.name, t.sources(), t.hostile(), t.flagged(), precision, within(t.recall(), in.recall), f1)
}

func (b *board) delayed(out io.Writer) {
	var rows, harm []string
	row := func(s *score) {
		if d := s.delays; d.hostile > 0 {
			var requests, seconds []float64
			for _, one := range d.all {
				requests, seconds = append(requests, float64(one.requests)), append(seconds, one.seconds)
			}
			rows = append(rows, cells(s.name, len(d.all), short(quantile(requests, 0.5)), short(quantile(requests, 0.95)),
				short(quantile(seconds, 0.5)), short(quantile(seconds, 0.95)),
				share(ratio(d.blockable, d.hostile)), share(d.busy.recall())+fmt.Sprintf(" of %d", d.busy.hostile())))
		}
		if c := s.cost; c.requests > 0 && !b.apart(s.name) {
			harm = append(harm, cells(s.name, c.legitimate, c.requests, c.falseBlocks, short(c.perMillion(c.falseBlocks)),
				c.overLimit, short(c.perMillion(c.flagged))))
		}
	}
	for _, s := range b.scores {
		row(s)
	}
	if sum, names := b.pooled(); len(names) > 0 {
		row(&sum)
	}
	if len(rows) > 0 {
		fmt.Fprint(out, "\nDelay of flagged attackers: hostile requests up to the flag (at most), seconds; share of all hostile requests that a block would have stopped\n\n")
	}
	table(out, "SET\tTIMED\tREQUESTS p50\tp95\tSECONDS p50\tp95\tBLOCKABLE\tRECALL AT 5 HOSTILE REQUESTS OR MORE", rows)
	if len(harm) > 0 {
		fmt.Fprint(out, "\nLegitimate sources: wrongly blocked, also per million of their requests; blocked for being over a published limit; requests of all flagged per million\n\n")
	}
	table(out, "SET\tSOURCES\tREQUESTS\tFALSE BLOCKS\tPER MILLION\tOVER A LIMIT\tFLAGGED PER MILLION", harm)
}

func (b *board) grouped(out io.Writer) {
	var campaigns, mixed []string
	for _, s := range b.scores {
		switch {
		case s.logins != nil:
		case s.attackers:
			largest := 0
			for _, i := range s.incidents {
				largest = max(largest, len(i))
			}
			campaigns = append(campaigns, cells(s.name, len(s.sources), len(s.incidents), largest, share(s.covered)))
		default:
			mixed = append(mixed, cells(s.name, len(s.incidents), s.purity.incidents, s.purity.pure, share(s.purity.share)))
		}
	}
	if len(campaigns)+len(mixed) > 0 {
		fmt.Fprint(out, "\nIncidents, of whole logs\n\n")
	}
	table(out, "SET (attackers only)\tSOURCES\tINCIDENTS\tLARGEST\tHELD BY THE 3 LARGEST", campaigns)
	if len(campaigns) > 0 && len(mixed) > 0 {
		fmt.Fprintln(out)
	}
	table(out, "SET (labelled)\tINCIDENTS\tOF 3 SOURCES OR MORE\tATTACKERS ONLY\tATTACKERS IN ONE", mixed)
}

func (b *board) signIns(out io.Writer) {
	var rows []string
	for _, s := range b.scores {
		if l := s.logins; l != nil {
			rows = append(rows, cells(s.name, l.failing, l.truth, l.hits, l.missed, l.wrong, l.others, b.peers.Logins[s.name]))
		}
	}
	if len(rows) > 0 {
		fmt.Fprint(out, "\nFailed sign-ins, more than 5 in 10 minutes: the rule against an exact count, of whole logs\n\n")
	}
	table(out, "SET\tFAILING\tOVER\tFOUND\tMISSED\tEXTRA\tBY OTHER RULES\tPEERS", rows)
}

func (b *board) speed(out io.Writer) {
	var rows []string
	sum := &replayed{}
	add := func(name string, r *replayed) {
		memory := "-"
		if r.peak > 0 {
			memory = fmt.Sprintf("%d MB", r.peak>>20)
		}
		rows = append(rows, cells(name, r.summary.Lines, fmt.Sprintf("%.3f", r.summary.Seconds),
			short(float64(r.summary.Lines)/r.summary.Seconds), fmt.Sprintf("%.2f", r.worked.Seconds()), memory))
	}
	for _, s := range b.scores {
		add(s.name, s.replayed)
		sum.summary.Lines += s.summary.Lines
		sum.summary.Seconds += s.summary.Seconds
		sum.worked += s.worked
		sum.peak = max(sum.peak, s.peak)
	}
	add("all", sum)
	fmt.Fprint(out, "\nCost on one core: seconds of reading; of processor, with the start of the program\n\n")
	table(out, "SET\tLINES\tSECONDS\tLINES/S\tPROCESSOR\tPEAK MEMORY", rows)
}

// beside puts whole logs beside the figures of others.
func (b *board) beside(out io.Writer) {
	var rows []string
	add := func(s *score) {
		if figures, ok := b.peers.Sets[s.name]; ok {
			rows = append(rows, strings.Join(append([]string{s.name, triple(s)}, figures...), "\t"))
		}
	}
	for _, s := range b.scores {
		if s.logins == nil {
			add(s)
		}
	}
	if sum, names := b.pooled(); b.peers.compares(names) {
		add(&sum)
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\nBeside others, precision/recall/F1 of whole logs, every source scored\n\n")
	table(out, "SET\tSENTINEL\t"+strings.Join(b.peers.Peers, "\t"), rows)
	fmt.Fprintf(out, "\nThe others' figures: %s.\n", b.peers.Source)
	for _, how := range b.peers.How {
		fmt.Fprintf(out, "  %s.\n", how)
	}
	fmt.Fprintf(out, "  Cost: %s.\n", b.peers.Cost)
}

func triple(s *score) string {
	if s.attackers {
		return "-/" + bare(s.whole.recall()) + "/-"
	}
	return bare(s.whole.precision()) + "/" + bare(s.whole.recall()) + "/" + bare(s.whole.f1())
}

// notes on what the figures leave out.
func (b *board) notes(out io.Writer) {
	var notes []string
	note := func(format string, a ...any) { notes = append(notes, fmt.Sprintf(format, a...)) }
	for _, s := range b.scores {
		if s.attackers {
			note("%s has no labels: all its sources are taken for attackers", s.name)
		}
		if s.unseen > 0 {
			note("%s: %d labelled sources made no request that could be read, and count as not flagged", s.name, s.unseen)
		}
		if s.unlabelled > 0 {
			note("%s: %d sources have no label and are left out", s.name, s.unlabelled)
		}
		if s.summary.rough() && s.logins == nil {
			note("%s: its lines are out of order, so delays are not told and rates mean little", s.name)
		}
		if s.summary.Bad > 0 {
			note("%s: %d lines could not be read", s.name, s.summary.Bad)
		}
		if s.undated > 0 {
			note("%s: %d attackers were flagged as members of an incident alone, which has no time for delays", s.name, s.undated)
		}
	}
	if _, names := b.pooled(); len(names) == 0 {
		note("no labelled set has sources of both kinds, so nothing is pooled and the last line is zero")
	} else {
		note("pooled: %s", strings.Join(names, ", "))
	}
	fmt.Fprintln(out)
	for _, n := range notes {
		fmt.Fprintf(out, "%s.\n", n)
	}
}

// How figures are written; what nothing defines is a dash.

func within(x float64, s span) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.2f (%.2f-%.2f)", x, s.low, s.high)
}

func share(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*x)
}

func short(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "-"
	}
	if x == math.Trunc(x) || x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

func bare(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return strings.TrimPrefix(fmt.Sprintf("%.2f", x), "0")
}
