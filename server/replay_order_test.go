package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/ingest"
)

// busyLog is traffic of many, among them who guess, hurry and look for what is not theirs. Every
// twentieth line comes up to ten minutes late.
func busyLog(lines int) (log []string) {
	dice := rand.New(rand.NewPCG(11, 12))
	late := map[int][]string{} // by the line that they come behind
	for i := range lines {
		client, request, status := fmt.Sprintf("198.51.%d.%d", dice.IntN(4), dice.IntN(250)), "GET /api/balance", 200
		switch n := dice.IntN(100); {
		case n < 10:
			client, request, status = fmt.Sprintf("203.0.113.%d", dice.IntN(30)), "POST /login", 401
		case n < 30:
			client = fmt.Sprintf("192.0.2.%d", dice.IntN(3)) // too fast, at times
		case n < 31:
			client, request, status = fmt.Sprintf("2001:db8:%d::1", dice.IntN(50)), "GET /api/admin/users", 404
		case n < 40:
			request = "POST /api/transaction"
		}
		line := logLine(client, i/20, request, status)
		if dice.IntN(20) == 0 {
			behind := i + dice.IntN(600*20)
			late[behind] = append(late[behind], line)
		} else {
			log = append(log, line)
		}
		log = append(log, late[i]...)
	}
	return log
}

// ruling is a judge whose verdicts and findings go into a hash, each.
type ruling struct {
	*judge
	sum   hash.Hash
	found int
}

func newRuling(t *testing.T) *ruling {
	t.Helper()
	p, places, err := replayPolicy("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = places.Close() })
	j, err := newJudge(p)
	if err != nil {
		t.Fatal(err)
	}
	j.places = places
	return &ruling{judge: j, sum: sha256.New()}
}

func (r *ruling) ruleOn(x *engine.Exchange) {
	v, found := r.rule(x)
	told, _ := json.Marshal([]any{v, found})
	r.sum.Write(told)
	r.found += len(found)
}

func (r *ruling) verdicts() string { return hex.EncodeToString(r.sum.Sum(nil)) }

func (r *ruling) read(t *testing.T, in io.Reader, workers int) string {
	t.Helper()
	if _, err := ingest.Read(context.Background(), in, ingest.Format{}, ingest.Options{Workers: workers}, r.ruleOn); err != nil {
		t.Fatal(err)
	}
	return r.verdicts()
}

// A paced log is written as it happens.
type paced struct {
	log   []string
	start time.Time
}

func (p *paced) Read(b []byte) (int, error) {
	if len(p.log) == 0 {
		return 0, io.EOF
	}
	line := p.log[0]
	p.log = p.log[1:]
	_, clock, _ := strings.Cut(line, "[")
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", clock[:len("02/Jan/2006:15:04:05 -0700")])
	if p.start.IsZero() {
		p.start = time.Now().Add(-at.Sub(time.Unix(1704067200, 0)))
	}
	time.Sleep(time.Until(p.start.Add(at.Sub(time.Unix(1704067200, 0)))))
	return copy(b, line), err
}

func TestVerdictsAreTheSameForAnyNumberOfWorkersAndAnyPace(t *testing.T) {
	log := busyLog(20_000)
	whole := []byte(strings.Join(log, ""))
	one := newRuling(t)
	want := one.read(t, bytes.NewReader(whole), 1)
	if one.found < 20 || one.refused < 100 || one.late < 500 {
		t.Fatalf("%d findings, %d refused and %d late prove little", one.found, one.refused, one.late)
	}
	if got := newRuling(t).read(t, bytes.NewReader(whole), 4); got != want {
		t.Errorf("four workers come to other verdicts than one")
	}
	for _, workers := range []int{1, 4} {
		live := newRuling(t)
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			if got := live.read(t, &paced{log: log}, workers); got != want {
				t.Errorf("at the pace of the log %d workers come to other verdicts than at full speed", workers)
			}
			if took := time.Since(began); took < 10*time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
	if got := newRuling(t).read(t, strings.NewReader(strings.Join(log[1:], "")), 4); got == want {
		t.Error("what is hashed tells nothing")
	}
}
