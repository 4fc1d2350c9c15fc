package access

import (
	"context"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// What a sign-in is refused with.
var (
	ErrWrong = errors.New("the name or the password is wrong")
	// ErrEnded says of a session or a token that it is none, or none any more.
	ErrEnded = errors.New("sign in first")
)

// Throttled says that somebody has tried too often, and how long to wait.
type Throttled struct{ Wait time.Duration }

func (t Throttled) Error() string { return "there were too many attempts: wait a little" }

// nameShape is what names are made of: letters that nobody can take for others.
var nameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}$`)

// SignIn begins a session, whose secret belongs into a cookie. The session that the browser had
// before, if any, ends. It takes as long for a name that there isn't as for a wrong password.
func (a *Access) SignIn(ctx context.Context, name, password string, from netip.Addr, before string) (string, Pass, error) {
	if !nameShape.MatchString(name) {
		name = "" // there is nobody of that name, and what was typed may be a password
	}
	if wait, first := a.doors.attempt(a.now(), name, from); wait > 0 {
		if first {
			a.note(ctx, By{"unknown", from.String()}, "sign-in throttled", "console", "too many attempts")
		}
		return "", Pass{}, Throttled{wait}
	}
	o, err := a.ledger.OperatorNamed(ctx, name)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return "", Pass{}, err
	}
	if utf8.RuneCountInString(password) > longestPassword {
		password = "" // nobody has one that long
	}
	same, err := a.hasher.same(ctx, password, o.Password)
	if err != nil {
		return "", Pass{}, err
	}
	if !same {
		object := "an unknown name"
		if o.ID != "" {
			object = "operator " + o.Name
		}
		a.note(ctx, By{"unknown", from.String()}, "failed sign-in", object, "")
		return "", Pass{}, ErrWrong
	}
	secret, pass, err := a.begin(ctx, o, from, before)
	if err != nil {
		return "", Pass{}, err
	}
	a.doors.passed(name, from)
	return secret, pass, nil
}

// begin begins a session of somebody whose password was found right, if it still is the one.
func (a *Access) begin(ctx context.Context, o Operator, from netip.Addr, before string) (secret string, pass Pass, err error) {
	err = a.ledger.ChangeAccess(ctx, func(tx Tx) error {
		all, err := tx.Operators()
		if err != nil {
			return err
		}
		now, found := withID(all, o.ID)
		if !found || now.Password != o.Password {
			return ErrWrong // it was changed meanwhile
		}
		if h, ok := hashOf("", before); ok {
			if err := tx.DropSession(h); err != nil {
				return err
			}
		}
		secret, pass, err = a.admit(tx, now, from)
		if err != nil {
			return err
		}
		return tx.Note(a.entry(By{o.Name, from.String()}, "sign-in", "operator "+o.Name, ""))
	})
	if before != "" {
		a.tellEnded()
	}
	return secret, pass, err
}

// admit writes a new session down.
func (a *Access) admit(tx Tx, o Operator, from netip.Addr) (string, Pass, error) {
	now := a.now()
	if err := tx.DropStale(now.Add(-absolute), now.Add(-idle)); err != nil {
		return "", Pass{}, err
	}
	open, err := tx.Sessions(o.ID)
	if err != nil {
		return "", Pass{}, err
	}
	for len(open) >= mostSessions {
		if err := tx.DropSession(open[0].Hash); err != nil {
			return "", Pass{}, err
		}
		open = open[1:]
	}
	secret, h := newSecret("")
	s := Session{Hash: h, Operator: o.ID, Created: now, Seen: now, Origin: from.String()}
	o.Seen = now
	if err := tx.PutSession(s); err != nil {
		return "", Pass{}, err
	}
	return secret, passOf(s, o), tx.PutOperator(o)
}

func passOf(s Session, o Operator) Pass {
	return Pass{ID: o.ID, Name: o.Name, Role: o.Role, Created: o.Created, Seen: o.Seen, hash: s.Hash, ends: s.Created.Add(absolute)}
}

// Session is who holds a session's secret; ErrEnded when nobody does. Asking prolongs it.
func (a *Access) Session(ctx context.Context, secret string) (Pass, error) {
	h, ok := hashOf("", secret)
	if !ok {
		return Pass{}, ErrEnded
	}
	p, seen, err := a.look(ctx, h)
	if err != nil {
		return Pass{}, err
	}
	now := a.now()
	a.touch(ctx, string(h[:]), seen, now, func(ctx context.Context) error { return a.ledger.TouchSession(ctx, h, now) })
	return p, nil
}

func (a *Access) session(ctx context.Context, h Hash) (Pass, error) {
	p, _, err := a.look(ctx, h)
	return p, err
}

// look finds a session that has not ended. A clock that was put back far ends it: it can't be
// told any more how old it is.
func (a *Access) look(ctx context.Context, h Hash) (p Pass, seen time.Time, err error) {
	s, o, err := a.ledger.Session(ctx, h)
	if errors.Is(err, ErrUnknown) {
		return p, seen, ErrEnded
	}
	if err != nil {
		return p, seen, err
	}
	now := a.now()
	if now.Sub(s.Created) >= absolute || now.Sub(s.Seen) >= idle || s.Seen.Sub(now) > clockSet {
		return p, seen, ErrEnded
	}
	return passOf(s, o), s.Seen, nil
}

// SignOut ends a session.
func (a *Access) SignOut(ctx context.Context, secret string, from netip.Addr) error {
	h, ok := hashOf("", secret)
	if !ok {
		return nil
	}
	p, err := a.session(ctx, h)
	if isRefusal(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = a.ledger.ChangeAccess(ctx, func(tx Tx) error {
		if err := tx.DropSession(h); err != nil {
			return err
		}
		return tx.Note(a.entry(By{p.Name, from.String()}, "sign-out", "operator "+p.Name, ""))
	})
	a.tellEnded()
	return err
}

// note writes down what changes nothing. Nobody is let in or kept out because it can't be written.
func (a *Access) note(ctx context.Context, by By, verb, object, detail string) {
	err := a.ledger.ChangeAccess(ctx, func(tx Tx) error { return tx.Note(a.entry(by, verb, object, detail)) })
	if err != nil {
		a.log.WarnContext(ctx, "write to the audit log", "verb", verb, "err", err)
	}
}

func isRefusal(err error) bool { return errors.Is(err, ErrEnded) || errors.Is(err, ErrUnknown) }

func withID(all []Operator, id string) (Operator, bool) {
	for _, o := range all {
		if o.ID == id {
			return o, true
		}
	}
	return Operator{}, false
}

func named(all []Operator, name string) (Operator, bool) {
	for _, o := range all {
		if strings.EqualFold(o.Name, name) {
			return o, true
		}
	}
	return Operator{}, false
}
