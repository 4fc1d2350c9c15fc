package main

import (
	"fmt"
	"io"
	"strings"
)

// report writes a row for each group, then each case that failed or was not run, then the sums.
// It returns how many failed.
func report(out io.Writer, cases []badCase, results []result) int {
	type sums struct{ passed, failed, not int }
	var groups []string
	rows := map[string]*sums{}
	total := &sums{}
	for i, c := range cases {
		row := rows[c.Group]
		if row == nil {
			row = &sums{}
			rows[c.Group] = row
			groups = append(groups, c.Group)
		}
		for _, s := range []*sums{row, total} {
			switch results[i].Verdict {
			case "passed":
				s.passed++
			case "failed":
				s.failed++
			default:
				s.not++
			}
		}
	}
	fmt.Fprintf(out, "%-16s %6s %6s %7s\n", "group", "passed", "failed", "not run")
	for _, g := range groups {
		fmt.Fprintf(out, "%-16s %6d %6d %7d\n", g, rows[g].passed, rows[g].failed, rows[g].not)
	}
	fmt.Fprintln(out)
	for i, c := range cases {
		switch r := results[i]; r.Verdict {
		case "failed":
			fmt.Fprintf(out, "FAIL %s %s%s\n", c.ID, oneLine(r.Why), noted(r.Notes))
		case "passed":
			if len(r.Notes) > 0 {
				fmt.Fprintf(out, "passed %s%s\n", c.ID, noted(r.Notes))
			}
		default:
			fmt.Fprintf(out, "not run %s: %s\n", c.ID, oneLine(r.Why))
		}
	}
	fmt.Fprintf(out, "passed %d, failed %d, not run %d\n", total.passed, total.failed, total.not)
	return total.failed
}

func noted(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return " (" + oneLine(strings.Join(notes, ", ")) + ")"
}

// oneLine keeps what a case says in its line, whatever it holds.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}
