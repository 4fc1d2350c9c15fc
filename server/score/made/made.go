// Package made makes traffic of which all is known: honest people and programs, and attackers among
// them. The same seed makes the same traffic. What it makes is no measure of the real world; it shows
// what real logs at hand do not hold.
package made

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"
)

// An Exchange is one request with its answer.
type Exchange struct {
	At      time.Time
	Client  netip.Addr
	Country string
	ASN     int
	Agent   string
	Referer string // in access logs alone
	Key     string
	Account string
	Session string
	Method  string
	Path    string
	Status  int
	Bytes   int
	Kind    Kind // of who sent it
}

// Kind of who sends.
type Kind uint8

// Honest ones must be left alone. Of Bystanders nothing is asked: they are hostile, and what they do
// alone is nothing that anybody could know them by.
const (
	Honest Kind = iota
	Bot         // honest, and proves who it is by its address
	Hostile
	Bystander
)

// AppendJSON writes it as a line of Sentinel's own exchange format, its end included.
func (x *Exchange) AppendJSON(b []byte) []byte {
	b = append(b, `{"at":"`...)
	b = x.At.AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","client":"`...)
	b = x.Client.AppendTo(b)
	b = append(b, `","method":"`...)
	b = append(b, x.Method...)
	b = append(b, `","path":"`...)
	b = append(b, x.Path...)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(x.Status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, int64(x.Bytes), 10)
	for _, f := range [...]struct{ name, value string }{
		{"key", x.Key}, {"account", x.Account}, {"session", x.Session}, {"country", x.Country}, {"user_agent", x.Agent},
	} {
		if f.value != "" {
			b = append(append(append(append(b, `,"`...), f.name...), `":"`...), f.value...)
			b = append(b, '"')
		}
	}
	if x.ASN > 0 {
		b = strconv.AppendInt(append(b, `,"asn":`...), int64(x.ASN), 10)
	}
	return append(b, '}', '\n')
}

// Traffic is actors, and what they do in order of time.
type Traffic struct {
	*rand.Rand
	begin  time.Time
	actors crowd
	taken  map[netip.Addr]bool
}

// start of all traffic that is made: a Monday.
var start = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)

// New is traffic of nobody.
func New(seed uint64) *Traffic {
	return &Traffic{Rand: rand.New(rand.NewPCG(seed, 0x53656e74696e656c)), begin: start, taken: map[netip.Addr]bool{}} //nolint:gosec // not for secrets
}

// Each calls f for every exchange in order of time, so many at most, until it answers false. The
// exchange is the caller's until f returns.
func (t *Traffic) Each(most int, f func(*Exchange) bool) {
	heap.Init(&t.actors)
	for n := 0; n < most && len(t.actors) > 0; n++ {
		a := t.actors[0]
		x := a.who
		step := &a.plan[0]
		x.At, x.Method, x.Path, x.Status, x.Bytes = t.begin.Add(time.Duration(a.at)*time.Millisecond), step.method, step.path, step.status, step.bytes
		if step.as != nil {
			step.as(&x)
		}
		if !f(&x) {
			return
		}
		a.plan = a.plan[1:]
		if len(a.plan) == 0 {
			a.plan = a.visit()
		}
		if len(a.plan) == 0 {
			heap.Pop(&t.actors)
			continue
		}
		a.at += a.plan[0].wait.Milliseconds()
		heap.Fix(&t.actors, 0)
	}
}

// An actor does what it plans, one request after the other, then plans anew; without a plan it has
// gone.
type actor struct {
	who   Exchange // what all its exchanges have in common
	at    int64    // milliseconds of the next one
	n     int      // that it came with, so that ties have an order
	plan  []step
	visit func() []step
}

// A step is one request of a plan.
type step struct {
	wait         time.Duration // before it
	method, path string
	status       int
	bytes        int
	as           func(*Exchange) // what is different about it; nil for nothing
}

// join lets somebody begin after a while.
func (t *Traffic) join(who Exchange, after time.Duration, visit func() []step) {
	a := &actor{who: who, n: len(t.actors), visit: visit}
	a.plan = visit()
	if len(a.plan) == 0 {
		return
	}
	a.at = (after + a.plan[0].wait).Milliseconds()
	t.actors = append(t.actors, a)
}

// crowd is a heap by time.
type crowd []*actor

func (c crowd) Len() int { return len(c) }
func (c crowd) Less(i, j int) bool {
	if c[i].at != c[j].at {
		return c[i].at < c[j].at
	}
	return c[i].n < c[j].n
}
func (c crowd) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *crowd) Push(a any)   { *c = append(*c, a.(*actor)) }
func (c *crowd) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// address draws one that nobody has, a third of them IPv6.
func (t *Traffic) address() netip.Addr {
	for {
		var a netip.Addr
		if t.IntN(3) > 0 {
			a = netip.AddrFrom4([4]byte{byte(11 + t.IntN(100)), byte(t.IntN(256)), byte(t.IntN(256)), byte(1 + t.IntN(254))})
		} else {
			b := [16]byte{0x2a, byte(t.IntN(16))}
			for i := 2; i < 8; i++ {
				b[i] = byte(t.IntN(256))
			}
			b[15] = byte(1 + t.IntN(254))
			a = netip.AddrFrom16(b)
		}
		if !t.taken[a] {
			t.taken[a] = true
			return a
		}
	}
}

// about is a length of time somewhere around d: from half to one and a half.
func (t *Traffic) about(d time.Duration) time.Duration {
	return d/2 + time.Duration(t.Int64N(int64(d)+1))
}

func (t *Traffic) chance(percent float64) bool { return t.Float64()*100 < percent }

func pick[T any](t *Traffic, from []T) T { return from[t.IntN(len(from))] }
