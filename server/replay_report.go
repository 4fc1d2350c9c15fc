package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// A report is what a replay has to say.
type report struct {
	*judge
	logs []replayed
	took time.Duration
}

// lines of all logs, and how many of them could not be read.
func (r *report) lines() (all, bad, other int64) {
	for i := range r.logs {
		s := &r.logs[i].stats
		all, bad, other = all+s.Lines, bad+s.Bad, other+s.Other
	}
	return all, bad, other
}

func (c *culprit) verdict() string {
	if c.blocked {
		return "block"
	}
	return "alert"
}

// json writes one object a line: clients, incidents, summary.
func (r *report) json(w io.Writer) error {
	to := json.NewEncoder(w)
	to.SetEscapeHTML(false)
	for _, c := range r.verdicts() {
		requests, _ := r.requestsOf(c)
		if err := to.Encode(struct {
			Type     string    `json:"type"`
			Client   string    `json:"client"`
			Network  string    `json:"network"`
			Requests uint64    `json:"requests"`
			Verdict  string    `json:"verdict"`
			Rules    []string  `json:"rules"`
			First    time.Time `json:"first"`
			Reason   string    `json:"reason"`
			Severity string    `json:"severity"` // of the gravest finding
		}{"client", c.client.String(), c.network.String(), requests, c.verdict(), c.rules, c.first.UTC(), c.reason, c.severity.String()}); err != nil {
			return err
		}
	}
	for _, a := range r.incidents() {
		if err := to.Encode(struct {
			Type    string   `json:"type"`
			ID      string   `json:"id"`
			Score   int      `json:"score"`
			Clients []string `json:"clients"`
			Reason  string   `json:"reason"`
		}{"incident", strconv.FormatInt(a.ID, 10), a.Score(), r.clients(a), a.reason()}); err != nil {
			return err
		}
	}
	if err := r.oddest.json(to); err != nil {
		return err
	}
	lines, bad, _ := r.lines()
	clients, _ := r.census.clients()
	return to.Encode(struct {
		Type    string  `json:"type"`
		Lines   int64   `json:"lines"`
		Bad     int64   `json:"bad_lines"`
		Late    uint64  `json:"late_lines"`
		Clients uint64  `json:"clients"`
		Seconds float64 `json:"seconds"`
	}{"summary", lines, bad, r.late, clients, math.Round(r.took.Seconds()*1000) / 1000})
}

// Most rows that people are shown; --json has them all.
const (
	mostClients   = 40
	mostIncidents = 20
)

// text writes a summary for people.
func (r *report) text(w io.Writer) {
	r.read(w)
	clients := r.verdicts()
	blocked := 0
	for _, c := range clients {
		if c.blocked {
			blocked++
		}
	}
	if len(clients) == 0 {
		fmt.Fprint(w, "\nNobody would have been flagged or blocked.\n")
	} else {
		fmt.Fprintf(w, "\n%s would have been flagged, %s of them blocked; %s refused.\n\n",
			counted(uint64(len(clients)+r.more), "client"), thousands(uint64(blocked)), counted(r.refused, "request"))
		r.table(w, clients)
		if r.more > 0 {
			fmt.Fprintf(w, "More than %s clients were flagged: findings about further ones (%s) are only counted.\n",
				thousands(mostCulprits), thousands(uint64(r.more)))
		}
	}
	r.attacksTo(w)
	r.badLines(w)
}

// read tells what was read.
func (r *report) read(w io.Writer) {
	lines, bad, other := r.lines()
	formats := []string{}
	for i := range r.logs {
		if f := r.logs[i].stats.Format; len(formats) == 0 || formats[len(formats)-1] != f {
			formats = append(formats, f)
		}
	}
	files := counted(uint64(len(r.logs)), "file")
	if len(r.logs) > 1 {
		files += " in the order given"
	}
	rate := float64(lines) / max(r.took.Seconds(), 1e-6)
	fmt.Fprintf(w, "Read %s of %s (%s) in %.1f s, %s lines/s.\n",
		counted(uint64(lines), "line"), files, strings.Join(formats, ", "), r.took.Seconds(), thousands(uint64(rate)))
	clients, exact := r.census.clients()
	about := ""
	if !exact {
		about = "about "
	}
	if r.requests > 0 {
		const layout = "2006-01-02 15:04:05"
		fmt.Fprintf(w, "%s from %s%s, %s to %s UTC.\n", counted(r.requests, "request"), about, counted(clients, "client"),
			r.first.UTC().Format(layout), r.watermark.UTC().Format(layout))
	}
	if bad+other > 0 || r.late > 0 {
		fmt.Fprintf(w, "%s could not be read, %s about no request, %s happened before the one above it.\n",
			counted(uint64(bad), "line"), areOf(uint64(other)), thousands(r.late))
	}
}

func (r *report) table(w io.Writer, clients []*culprit) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CLIENT\tVERDICT\tRULES\tFIRST (UTC)\tREQUESTS\tREASON")
	for i, c := range clients {
		if i == mostClients {
			break
		}
		n, exact := r.requestsOf(c)
		requests := thousands(n)
		if !exact {
			requests = "≥ " + requests
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", c.client, c.verdict(), strings.Join(c.rules, ", "),
			c.first.UTC().Format("2006-01-02 15:04:05"), requests, c.reason)
	}
	_ = t.Flush() // w keeps its error
	if n := len(clients) - mostClients; n > 0 {
		fmt.Fprintf(w, "and %s more: --json lists them all\n", thousands(uint64(n)))
	}
}

func (r *report) attacksTo(w io.Writer) {
	attacks := r.incidents()
	if len(attacks) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n\n", counted(uint64(len(attacks)), "incident"))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "INCIDENT\tSCORE\tCLIENTS\tALERTS\tFIRST (UTC)\tWHAT")
	for i, a := range attacks {
		if i == mostIncidents {
			break
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\n", a.Reference(), a.Score(), a.Clients, a.Alerts,
			a.First.UTC().Format("2006-01-02 15:04:05"), a.reason())
	}
	_ = t.Flush() // w keeps its error
	if n := len(attacks) - mostIncidents; n > 0 {
		fmt.Fprintf(w, "and %s more: --json lists them all\n", thousands(uint64(n)))
	}
	if r.dropped > 0 {
		fmt.Fprintf(w, "There were too many to remember: %s of low score are left out.\n", thousands(uint64(r.dropped)))
	}
}

func (r *report) badLines(w io.Writer) {
	for i := range r.logs {
		l := &r.logs[i]
		if l.stats.Bad == 0 {
			continue
		}
		fmt.Fprintf(w, "\nLines of %s that could not be read:\n", l.name)
		for _, b := range l.stats.BadLines {
			fmt.Fprintf(w, "  %d %s\n", b.Number, b.Problem)
		}
		if n := l.stats.Bad - int64(len(l.stats.BadLines)); n > 0 {
			fmt.Fprintf(w, "  and %s more\n", thousands(uint64(n)))
		}
	}
}

// counted writes 1 line, 2,000 lines.
func counted(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func areOf(n uint64) string {
	if n == 1 {
		return "1 is"
	}
	return thousands(n) + " are"
}

// thousands are set apart by commas.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
