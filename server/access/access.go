// Package access knows who may work in the console: operators with passwords and sessions,
// tokens of programs, and what each role may do. Secrets are kept nowhere: passwords as
// argon2id, everything else as the SHA-256 of 256 bits of chance.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"
)

// How long things hold.
const (
	idle     = 12 * time.Hour     // of a session that asks for nothing
	absolute = 7 * 24 * time.Hour // of any session
	linkFor  = 24 * time.Hour
	toMinute = time.Minute     // how exactly it is known when somebody was last seen
	clockSet = 5 * time.Minute // how far the clock may be put back before sessions end by it
)

// How many there may be, so that no mistake fills the database.
const (
	mostOperators = 1000
	mostTokens    = 1000
	mostSessions  = 50 // of one operator: the oldest goes
)

// Config is what an Access stands on.
type Config struct {
	Ledger Ledger
	Log    *slog.Logger
	Clock  func() time.Time // nil: time.Now
	Cost   *argon2id.Params // of a password's hash; nil: 19 MiB, two passes
}

// An Access is safe for concurrent use.
type Access struct {
	ledger  Ledger
	log     *slog.Logger
	now     func() time.Time
	hasher  *hasher
	doors   *throttle
	tickets tickets
	ended   chan struct{}

	mu      sync.Mutex
	touched map[string]time.Time // when it was last written that somebody was seen
	denials map[string]*bucket   // entries of what somebody was denied
}

// New returns an Access; it takes as long as hashing a password does.
func New(c Config) (*Access, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h, err := newHasher(c.Cost)
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	return &Access{
		ledger: c.Ledger, log: c.Log, now: c.Clock, hasher: h, doors: newThrottle(), ended: make(chan struct{}, 1),
		touched: map[string]time.Time{}, denials: map[string]*bucket{},
	}, nil
}

// By is who changes something, for the audit log.
type By struct {
	Name   string
	Origin string // address, or "cli"
}

func (a *Access) entry(by By, verb, object, detail string) Entry {
	return Entry{At: a.now(), Actor: by.Name, Origin: by.Origin, Verb: verb, Object: object, Detail: detail}
}

// A Pass is who was let in, and by what.
type Pass struct {
	ID      string // of the operator, or of the token
	Name    string
	Role    Role
	Token   bool // a program
	Created time.Time
	Seen    time.Time

	hash Hash      // of the session or the token
	ends time.Time // at the latest; zero: not by itself
}

// Ended is told when somebody's session or token has ended here: whoever serves something that
// lasts, as a socket, asks with Holds whether it may go on. What ends on other nodes is not told.
func (a *Access) Ended() <-chan struct{} { return a.ended }

func (a *Access) tellEnded() {
	select {
	case a.ended <- struct{}{}:
	default: // it is about to be asked for anyway
	}
}

// Holds reports whether a pass still is good, without counting as being used. While the
// database can't be asked it holds until it ends by itself.
func (a *Access) Holds(ctx context.Context, p Pass) bool {
	if !p.ends.IsZero() && !a.now().Before(p.ends) {
		return false
	}
	now, err := a.recognize(ctx, p.hash, p.Token)
	if err != nil {
		return !isRefusal(err)
	}
	return now.ID == p.ID && now.Role == p.Role
}

// recognize finds whose a session or a token is.
func (a *Access) recognize(ctx context.Context, h Hash, token bool) (Pass, error) {
	if token {
		return a.token(ctx, h)
	}
	return a.session(ctx, h)
}

// touch writes once a minute that somebody was seen. A database that is away is tried no more
// often than that.
func (a *Access) touch(ctx context.Context, key string, seen, now time.Time, write func(context.Context) error) {
	if now.Sub(seen) < toMinute || !a.firstTouch(key, now) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := write(ctx); err != nil {
		a.log.WarnContext(ctx, "note that somebody was seen", "err", err)
	}
}

func (a *Access) firstTouch(key string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.touched[key]; ok && now.Sub(last).Abs() < toMinute {
		return false
	}
	if len(a.touched) >= mostOperators {
		clear(a.touched)
	}
	a.touched[key] = now
	return true
}

// How often it is written down that somebody was denied something.
const (
	denialsBurst  = 10
	denialsRefill = 10 * time.Second
)

// Denied writes down what somebody asked for that his role may not do; somebody who asks on and
// on does not fill the log with it.
func (a *Access) Denied(ctx context.Context, by By, deed string) {
	if !a.worthNoting(by.Name) {
		return
	}
	err := a.ledger.ChangeAccess(ctx, func(tx Tx) error { return tx.Note(a.entry(by, "denied", deed, "")) })
	if err != nil {
		a.log.WarnContext(ctx, "note what was denied", "deed", deed, "operator", by.Name, "err", err)
	}
}

func (a *Access) worthNoting(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.denials[name]
	if b == nil {
		if len(a.denials) >= mostOperators {
			clear(a.denials)
		}
		b = newBucket(denialsBurst, denialsRefill)
		a.denials[name] = b
	}
	return b.take(a.now()) == 0
}

// newSecret is 256 bits of chance, and what is kept of them.
func newSecret(prefix string) (string, Hash) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: it ends the process instead
	s := prefix + base64.RawURLEncoding.EncodeToString(b)
	return s, sha256.Sum256([]byte(s))
}

// secretLength is how long every secret is, without its prefix.
var secretLength = base64.RawURLEncoding.EncodedLen(32)

// hashOf is the hash of a secret that is shaped as ours are.
func hashOf(prefix, secret string) (Hash, bool) {
	if len(secret) != len(prefix)+secretLength || !strings.HasPrefix(secret, prefix) {
		return Hash{}, false
	}
	return sha256.Sum256([]byte(secret)), true
}

func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()[:16]) }
