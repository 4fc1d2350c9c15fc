package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"slices"
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
	rules []string
	sum   hash.Hash
	found int
}

// newRuling is one by those rules alone, or by all where none is named.
func newRuling(t *testing.T, rules ...string) *ruling {
	t.Helper()
	p, places, err := replayPolicy("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = places.Close() })
	for _, r := range p.All() {
		if terms := p.Terms(r.ID); len(rules) > 0 && !slices.Contains(rules, r.ID) {
			terms.Off = true
			p.Rules[r.ID] = terms
		}
	}
	j, err := newJudge(p)
	if err != nil {
		t.Fatal(err)
	}
	j.places = places
	return &ruling{judge: j, rules: rules, sum: sha256.New()}
}

func (r *ruling) ruleOn(x *engine.Exchange) {
	v, found := r.rule(x)
	for i := range found {
		if len(r.rules) > 0 {
			found[i].Tokens = nil // they tell of what other rules know
		}
	}
	if v.Finding != nil && len(r.rules) > 0 {
		v.Finding.Tokens = nil
	}
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

func TestVerdictsAreTheSameAfterASnapshot(t *testing.T) {
	rules := []string{
		"rate-abuse", "failed-authentication", "payment-without-balance", "honeypot", "impossible-travel", "new-country",
	}
	log := busyLog(20_000)
	whole := newRuling(t, rules...)
	want := whole.read(t, strings.NewReader(strings.Join(log, "")), 1)
	anew := 0
	for _, cut := range []int{1, len(log) / 3, len(log) / 2, len(log) - 100} {
		first := newRuling(t, rules...)
		first.read(t, strings.NewReader(strings.Join(log[:cut], "")), 1)
		var snapshot bytes.Buffer
		if err := first.engine.Snapshot(&snapshot); err != nil {
			t.Fatal(err)
		}
		second, forgetful := first.again(t), first.again(t)
		if err := second.engine.Resume(&snapshot); err != nil {
			t.Fatal(err)
		}
		if got := second.read(t, strings.NewReader(strings.Join(log[cut:], "")), 1); got != want {
			t.Errorf("cut at line %d and resumed from a snapshot, the verdicts are others", cut)
		}
		if got := forgetful.read(t, strings.NewReader(strings.Join(log[cut:], "")), 1); got != want {
			anew++
		}
	}
	if anew < 2 {
		t.Error("they are the same without what was counted: this proves nothing")
	}
}

// again is what another process goes on with: the decisions, and where in the log it is.
func (r *ruling) again(t *testing.T) *ruling {
	t.Helper()
	next := newRuling(t, r.rules...)
	next.engine.Restore(r.engine.Decisions(r.watermark))
	next.requests, next.first, next.watermark, next.expire = r.requests, r.first, r.watermark, r.expire
	state, err := r.sum.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := next.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	return next
}
