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
		case n < 50: // more names than are told apart
			request = fmt.Sprintf("GET /people/%c%c/cards", 'a'+dice.IntN(26), 'a'+dice.IntN(26))
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
	by    map[string]int // findings of each rule
}

func newRuling(t *testing.T) *ruling {
	t.Helper()
	by, err := yardstickOf("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = by.places.Close() })
	j, err := newJudge(by)
	if err != nil {
		t.Fatal(err)
	}
	return &ruling{judge: j, sum: sha256.New(), by: map[string]int{}}
}

func (r *ruling) ruleOn(x *engine.Exchange) {
	v, found := r.rule(x)
	told, _ := json.Marshal([]any{x.Route, v, found})
	r.sum.Write(told)
	r.found += len(found)
	for i := range found {
		r.by[found[i].Rule]++
	}
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
	if learned := one.routes.(interface{ Templates() []string }).Templates(); !slices.Contains(learned, "/people/{id}/cards") {
		t.Fatalf("what was learned of the API proves little: %q", learned)
	}
	if got := newRuling(t).read(t, bytes.NewReader(whole), 4); got != want {
		t.Errorf("four workers come to other verdicts than one")
	}
	queued := newRuling(t)
	q := queue{engine: queued.engine, judge: queued.ruleOn}
	if _, err := ingest.Read(t.Context(), bytes.NewReader(whole), ingest.Format{}, ingest.Options{Workers: 2}, q.take); err != nil {
		t.Fatal(err)
	}
	if q.settle(); queued.verdicts() != want {
		t.Errorf("exchanges that wait for each other get other verdicts than those that don't")
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

// lively is traffic of two days and more by people with accounts, keys, sessions, programs and
// places of their own, and of attackers of all kinds among them. Every twentieth line comes up to
// ten minutes late.
type lively struct {
	dice   *rand.Rand
	second int
	log    []string
	late   map[int][]string // by the second that they come behind
}

type line struct {
	At        string `json:"at"`
	Client    string `json:"client"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Status    int    `json:"status"`
	Key       string `json:"key,omitempty"`
	Account   string `json:"account,omitempty"`
	Session   string `json:"session,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Referer   string `json:"referer,omitempty"`
	Country   string `json:"country,omitempty"`
	ASN       int    `json:"asn,omitempty"`
	Bytes     int    `json:"bytes"`
}

func (l *lively) write(x line) {
	x.At = time.Unix(1704067200+int64(l.second), 0).UTC().Format(time.RFC3339)
	text, _ := json.Marshal(x)
	if l.dice.IntN(20) == 0 {
		behind := l.second + l.dice.IntN(600)
		l.late[behind] = append(l.late[behind], string(text)+"\n")
		return
	}
	l.log = append(l.log, string(text)+"\n")
}

func (l *lively) wait(seconds int) {
	for range seconds {
		l.log = append(l.log, l.late[l.second]...)
		delete(l.late, l.second)
		l.second++
	}
}

// person is somebody with habits.
func (l *lively) person(n int) line {
	return line{
		Client: fmt.Sprintf("198.51.%d.%d", n%4, n), Method: "GET", Path: "/api/balance", Status: 200, Bytes: 900, Key: fmt.Sprintf("key-%d", n),
		Account: fmt.Sprintf("person%d", n), Session: fmt.Sprintf("session-%d", n), UserAgent: fmt.Sprintf("Mozilla/5.0 (%d) Firefox", n%7),
		Country: []string{"DE", "FR", "AT"}[n%3], ASN: 64500 + n%3,
	}
}

func livelyLog(steps int) []string {
	l := &lively{dice: rand.New(rand.NewPCG(21, 22)), late: map[int][]string{}}
	paths := []string{"/", "/api/balance", "/api/history", "/api/profile", "/style.css"}
	for range steps {
		x := l.person(l.dice.IntN(120))
		stranger := fmt.Sprintf("203.0.%d.%d", l.dice.IntN(120), l.dice.IntN(30))
		l.wait(l.dice.IntN(20))
		switch n := l.dice.IntN(1000); {
		case n < 700:
			x.Path, x.Referer = paths[l.dice.IntN(len(paths))], "https://bank.example/"
			l.write(x)
		case n < 760:
			x.Method, x.Path, x.Status = "POST", "/api/transaction", 201
			l.write(x)
		case n < 800:
			x.Path, x.Status = fmt.Sprintf("/api/accounts/%d", l.dice.IntN(200)), []int{200, 404}[l.dice.IntN(2)]
			l.write(x)
		case n < 830: // somebody signs in
			x.Method, x.Path, x.Status = "POST", "/api/login", []int{200, 200, 401}[l.dice.IntN(3)]
			l.write(x)
		case n < 860: // lists of passwords, slowly and from everywhere
			l.write(line{Client: stranger, Method: "POST", Path: "/api/login", Status: 401, Account: fmt.Sprintf("person%d", l.dice.IntN(5)), UserAgent: "x"})
		case n < 870: // and fast
			for range 12 {
				l.write(line{Client: stranger, Method: "POST", Path: "/api/login", Status: 401, Account: fmt.Sprintf("person%d", l.dice.IntN(120)), UserAgent: "x"})
			}
		case n < 880: // answered 200 whatever comes of it
			for range 4 {
				l.write(line{Client: stranger, Method: "POST", Path: "/shop/login", Status: 200, Bytes: 700, Account: "a", UserAgent: "x"})
				l.wait(3)
			}
		case n < 900:
			l.write(line{Client: stranger, Method: "GET", Path: fmt.Sprintf("/wp-%d.php", l.dice.IntN(30)), Status: 404, UserAgent: "scan"})
		case n < 910:
			for _, path := range []string{"/.git/config", "/backup.sql", "/wp-login.php", "/phpmyadmin/", "/a?x=../../etc/passwd"} {
				l.write(line{Client: stranger, Method: "GET", Path: path, Status: 404})
			}
		case n < 915:
			l.write(line{Client: stranger, Method: "GET", Path: "/api/admin/users", Status: 404})
		case n < 925: // too fast
			for range 110 + l.dice.IntN(20) {
				l.write(x)
			}
		case n < 935: // ids, one after the other
			for id := range 60 {
				x.Path, x.Status = fmt.Sprintf("/api/accounts/%d", 7000+id), []int{200, 403}[id%2]
				l.write(x)
			}
		case n < 950: // elsewhere, and another program
			x.Client, x.Country, x.ASN, x.UserAgent = stranger, "BR", 64999, "curl/8"
			l.write(x)
		case n < 970: // nothing but posts
			for range 5 {
				l.write(line{Client: stranger, Method: "POST", Path: "/contact", Status: 200, UserAgent: "y"})
			}
		case n < 985: // steps that nobody takes
			for _, path := range []string{"/api/profile", "/api/transaction/9/undo", "/style.css", "/api/keys", "/api/history", "/api/close"} {
				x.Path = path
				l.write(x)
			}
		default:
			l.write(line{Client: stranger, Method: "GET", Path: "/%20%7b%7d;" + strings.Repeat("'", l.dice.IntN(40)), Status: 400, UserAgent: "z"})
		}
	}
	return l.log
}

func TestVerdictsAreTheSameAfterASnapshot(t *testing.T) {
	log := livelyLog(16_000)
	whole := newRuling(t)
	want := whole.read(t, strings.NewReader(strings.Join(log, "")), 1)
	if len(whole.by) < 15 {
		t.Errorf("findings of few rules prove little: %v", whole.by)
	}
	for _, cut := range []int{1, len(log) / 3, len(log) / 2, len(log) - 100} {
		first := newRuling(t)
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
		if got := forgetful.read(t, strings.NewReader(strings.Join(log[cut:], "")), 1); got == want && cut > 1 {
			t.Errorf("cut at line %d they are the same without what was counted: this proves nothing", cut)
		}
	}
}

// again is what another process goes on with: the decisions, and where in the log it is.
func (r *ruling) again(t *testing.T) *ruling {
	t.Helper()
	next := newRuling(t)
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
