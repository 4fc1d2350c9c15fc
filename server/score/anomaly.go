package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os/exec"
	"slices"
)

// A ranking is how well the anomaly score alone, whatever else was found, puts attackers before
// harmless sources.
type ranking struct {
	attack, harmless int
	auc              float64 // that an attacker scores above a harmless source
	average          float64 // precision, over the attackers
	atHalf, atOne    int     // attackers above all but 0.5 % and 1 % of the harmless
}

// scored is a source with its highest score.
type scored struct {
	score   float64
	hostile bool
}

// rank the sources of a set, those without a score last.
func rank(all []scored) (r ranking) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	for _, s := range all {
		if s.hostile {
			r.attack++
		} else {
			r.harmless++
		}
	}
	before, found := 0, 0 // harmless and hostile sources with a higher score
	for from := 0; from < len(all); {
		to, hostile := from, 0
		for ; to < len(all) && all[to].score == all[from].score; to++ {
			if all[to].hostile {
				hostile++
			}
		}
		harmless := to - from - hostile
		r.auc += float64(hostile) * (float64(r.harmless-before-harmless) + float64(harmless)/2)
		r.average += float64(hostile) * float64(found+hostile) / float64(to)
		before, found = before+harmless, found+hostile
		// Who ties with one too many harmless sources is not above them.
		if all[from].score > 0 && float64(before) <= 0.005*float64(r.harmless) {
			r.atHalf = found
		}
		if all[from].score > 0 && float64(before) <= 0.01*float64(r.harmless) {
			r.atOne = found
		}
		from = to
	}
	r.auc /= float64(r.attack * r.harmless)
	r.average /= float64(r.attack)
	return r
}

// oddness runs the built product over a log once more, for the anomaly score of each client.
func oddness(ctx context.Context, binary string, s *set) (map[netip.Addr]float64, error) {
	c := exec.CommandContext(ctx, binary, "replay", "--json", "--anomaly", "--format="+s.format, s.log) //nolint:gosec // the operator names it
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s replay --anomaly: %w: %s", binary, err, bytes.TrimSpace(said.Bytes()))
	}
	scores := map[netip.Addr]float64{}
	for lines := json.NewDecoder(&out); ; {
		var line struct {
			Type   string     `json:"type"`
			Client netip.Addr `json:"client"`
			Score  float64    `json:"score"`
		}
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return scores, nil
		}
		var kind *json.UnmarshalTypeError
		if err != nil && !errors.As(err, &kind) { // lines of other types may hold anything under these names
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		if line.Type == "anomaly" {
			a := identity(line.Client)
			scores[a] = max(scores[a], line.Score)
		}
	}
}

// anomalies ranks the sources of the labelled sets, whole and those that are scored elsewhere.
func (b *board) anomalies(ctx context.Context, binary string) error {
	for _, s := range b.scores {
		if s.labels == "" {
			continue
		}
		scores, err := oddness(ctx, binary, s.set)
		if err != nil {
			return err
		}
		var whole, late []scored
		for _, o := range s.sources {
			one := scored{scores[identity(o.addr)], o.hostile}
			whole = append(whole, one)
			if !o.first().Before(s.cut) {
				late = append(late, one)
			}
		}
		s.rankings = []ranking{rank(whole), rank(late)}
	}
	return nil
}

// ranked shows the rankings.
func (b *board) ranked(out io.Writer) {
	var rows []string
	var sums [2]ranking
	for _, s := range b.scores {
		for i, r := range s.rankings {
			part := [...]string{"whole", "last 40 %"}[i]
			rows = append(rows, cells(s.name, part, r.attack+r.harmless, r.attack, figure(r.auc), figure(r.average),
				share(ratio(r.atHalf, r.attack)), share(ratio(r.atOne, r.attack))))
			if b.pools(s) {
				sum := &sums[i]
				sum.attack, sum.harmless = sum.attack+r.attack, sum.harmless+r.harmless
				sum.atHalf, sum.atOne = sum.atHalf+r.atHalf, sum.atOne+r.atOne
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	for i, sum := range sums {
		if sum.attack == 0 {
			continue
		}
		rows = append(rows, cells("pooled", [...]string{"whole", "last 40 %"}[i], sum.attack+sum.harmless, sum.attack, "-", "-",
			share(ratio(sum.atHalf, sum.attack)), share(ratio(sum.atOne, sum.attack))))
	}
	fmt.Fprint(out, "\nAnomaly score alone: attackers before harmless sources; recall where 0.5 % and 1 % of the harmless stand as high\n\n")
	table(out, "SET\tPART\tSOURCES\tATTACK\tAUC\tAVERAGE PRECISION\tRECALL AT 0.5 %\tAT 1 %", rows)
}

func figure(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.3f", x)
}
