package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/ingest"
	"github.com/sentinel-protocol/sentinel/server/route"
)

// BenchmarkReplay reads a log in combined format and judges it. Run it with -cpu 1 to know what one
// core does. What only counts is the pack core as the mission has it, without what learns.
func BenchmarkReplay(b *testing.B) {
	log := readers(1_000_000, 20_000)
	format, err := ingest.ParseFormat("combined")
	if err != nil {
		b.Fatal(err)
	}
	for name, with := range map[string]func(engine.Rule) bool{
		"everything": func(engine.Rule) bool { return true },
		"core":       func(r engine.Rule) bool { return r.Pack == "core" },
		"counting": func(r engine.Rule) bool {
			return r.Pack == "core" && r.ID != "anomaly" && r.ID != "credential-stuffing"
		},
	} {
		b.Run(name, func(b *testing.B) {
			by, err := yardstickOf("", "")
			if err != nil {
				b.Fatal(err)
			}
			defer by.places.Close()
			by.policy = only(by.policy, with)
			var lines int64
			for b.Loop() {
				by.routes = route.LearnAlone(route.Limits{})
				j, err := newJudge(by)
				if err != nil {
					b.Fatal(err)
				}
				q := queue{engine: j.engine, judge: j.judge}
				stats, err := ingest.Read(context.Background(), bytes.NewReader(log), format, ingest.Options{}, q.take)
				q.settle()
				if err != nil || stats.Bad > 0 {
					b.Fatal(stats, err)
				}
				lines += stats.Lines
			}
			b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// only some of the rules, the packs' among them.
func only(p engine.Policy, with func(engine.Rule) bool) engine.Policy {
	p.Rules = maps.Clone(p.Rules)
	for _, r := range p.All() {
		if t, there := p.Rules[r.ID]; there && !with(r) {
			t.Off = true
			p.Rules[r.ID] = t
		}
	}
	return p
}

// readers is a log of people who read a site, with one request in 33 for what is not there.
func readers(lines, people int) []byte {
	dice := rand.New(rand.NewPCG(1, 2))
	pages := []string{"/", "/docs/intro.html", "/style.css", "/app.js", "/logo.png", "/about", "/blog/2024/%d", "/api/items/%d", "/search?q=a%d", "/contact"}
	at := time.Unix(1700000000, 0).UTC()
	var log bytes.Buffer
	for n := range lines {
		if n%50 == 49 {
			at = at.Add(time.Second)
		}
		who, page, status := dice.IntN(people), pages[dice.IntN(len(pages))], 200
		if dice.IntN(33) == 0 {
			page, status = "/gone/%d", 404
		}
		if bytes.ContainsRune([]byte(page), '%') {
			page = fmt.Sprintf(page, dice.IntN(300))
		}
		fmt.Fprintf(&log, "10.%d.%d.7 - - [%s] \"GET %s HTTP/1.1\" %d %d \"https://a.example/\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36\"\n",
			who>>8, who&255, at.Format("02/Jan/2006:15:04:05 -0700"), page, status, dice.IntN(9000), 100+who%30)
	}
	return log.Bytes()
}
