package ingest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// written is a combined log of so many lines: a hundred a second from ten thousand clients,
// one in a hundred a failed sign-in from one of twenty.
func written(lines int) string {
	dice := rand.New(rand.NewPCG(1, 2))
	agents := []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"okhttp/4.9.1", "Mozilla/5.0 (compatible; Bot/7.0; +https://bot.example/robot/)",
	}
	paths := []string{"/", "/api/balance", "/api/history?page=%d", "/api/accounts/%d", "/static/main.%d.js", "/login"}
	at := time.Unix(1634894936, 0).UTC()
	var b strings.Builder
	for i := range lines {
		client, status := fmt.Sprintf("10.%d.%d.%d", dice.IntN(4), dice.IntN(25), dice.IntN(100)), 200
		if dice.IntN(100) == 0 {
			client, status = fmt.Sprintf("203.0.113.%d", dice.IntN(20)), 401
		}
		path := paths[dice.IntN(len(paths))]
		if strings.Contains(path, "%") {
			path = fmt.Sprintf(path, dice.IntN(100_000))
		}
		fmt.Fprintf(&b, "%s - - [%s] \"GET %s HTTP/1.1\" %d %d \"https://bank.example/app\" \"%s\"\n",
			client, at.Add(time.Duration(i/100)*time.Second).Format("02/Jan/2006:15:04:05 -0700"),
			path, status, dice.IntN(30_000), agents[dice.IntN(len(agents))])
	}
	return b.String()
}

func BenchmarkReadCombined(b *testing.B) {
	benchmark(b, func(*engine.Exchange) {})
}

func BenchmarkReplayCombined(b *testing.B) {
	e, err := engine.New(engine.Defaults(), 1)
	if err != nil {
		b.Fatal(err)
	}
	found := 0
	benchmark(b, func(x *engine.Exchange) {
		if v := e.Decide(x.Request); v.Refused() {
			x.Refused = true
		}
		found += len(e.Observe(*x))
	})
}

// benchmark reads lines until all are read; an operation is a line.
func benchmark(b *testing.B, each func(*engine.Exchange)) {
	const lines = 100_000
	log := written(lines)
	b.SetBytes(int64(len(log) / lines))
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= lines {
		text := log
		if left < lines {
			for range lines - left {
				text = text[strings.IndexByte(text, '\n')+1:]
			}
		}
		if _, err := Read(context.Background(), strings.NewReader(text), Format{}, Options{}, each); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
