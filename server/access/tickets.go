package access

import (
	"context"
	"slices"
	"sync"
	"time"
)

// TicketFor is how long a ticket holds.
const TicketFor = 30 * time.Second

// How many tickets there are at once.
const (
	mostTickets = 2000
	ticketsEach = 20 // of one session: a browser opens one socket for each tab
)

const ticketPrefix = "tick_"

// tickets open sockets: a page can read one, which it can't the cookie. They are known to this
// process only.
type tickets struct {
	mu  sync.Mutex
	all []ticket // oldest first
}

type ticket struct {
	hash Hash
	pass Pass
	made time.Time
}

// good reports whether it may still be used; not after the clock was put back, either.
func (k ticket) good(now time.Time) bool {
	age := now.Sub(k.made)
	return age >= 0 && age < TicketFor
}

// Ticket opens one socket, within 30 seconds, for whoever has a pass.
func (a *Access) Ticket(p Pass) string {
	secret, h := newSecret(ticketPrefix)
	a.tickets.add(ticket{h, p, a.now()})
	return secret
}

func (t *tickets) add(k ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = slices.DeleteFunc(t.all, func(o ticket) bool { return !o.good(k.made) })
	same := func(o ticket) bool { return o.pass.hash == k.pass.hash }
	mine := 0
	for _, o := range t.all {
		if same(o) {
			mine++
		}
	}
	if mine >= ticketsEach {
		oldest := slices.IndexFunc(t.all, same)
		t.all = slices.Delete(t.all, oldest, oldest+1)
	}
	if len(t.all) >= mostTickets {
		t.all = slices.Delete(t.all, 0, 1)
	}
	t.all = append(t.all, k)
}

func (t *tickets) take(h Hash) (ticket, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.all, func(o ticket) bool { return o.hash == h })
	if i < 0 {
		return ticket{}, false
	}
	k := t.all[i]
	t.all = slices.Delete(t.all, i, i+1)
	return k, true
}

// Enter is who a socket is opened for by a ticket or by an API token; ErrEnded for nobody. A
// ticket is good once.
func (a *Access) Enter(ctx context.Context, secret string) (Pass, error) {
	h, ok := hashOf(ticketPrefix, secret)
	if !ok {
		return a.Token(ctx, secret)
	}
	k, ok := a.tickets.take(h)
	if !ok || !k.good(a.now()) {
		return Pass{}, ErrEnded
	}
	return a.recognize(ctx, k.pass.hash, k.pass.Token)
}
