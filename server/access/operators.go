package access

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// What an operator can't be helped with.
var (
	ErrLastAdmin = errors.New("the last admin stays: make somebody else admin first")
	ErrLink      = errors.New("the link has been used, or is older than 24 hours: ask for another")
)

var (
	errNameShape = engine.Invalid{Field: "name", Problem: "must be 2 to 64 letters, digits and . _ @ + -, and begin with a letter or digit"}
	errNameTaken = engine.Invalid{Field: "name", Problem: "is taken"}
	errRole      = engine.Invalid{Field: "role", Problem: "must be VIEWER, ANALYST or ADMIN"}
)

// Setup makes the link by which the first admin chooses name and password, while there is no
// admin who can sign in. Each call makes a new one, and the one before is good no more.
func (a *Access) Setup(ctx context.Context) (token string, needed bool, err error) {
	secret, h := newSecret("")
	err = a.ledger.ChangeAccess(ctx, func(tx Tx) error {
		all, err := tx.Operators()
		if err != nil {
			return err
		}
		if needed = !slices.ContainsFunc(all, isAdmin); !needed {
			return nil
		}
		return tx.PutLink(Link{Hash: h, Expires: a.now().Add(linkFor)})
	})
	if err != nil || !needed {
		return "", false, err
	}
	return secret, true, nil
}

// isAdmin reports whether somebody can sign in as an admin.
func isAdmin(o Operator) bool { return o.Role == Admin && o.Password != "" }

// NeedsSetup reports whether there is no admin who can sign in.
func (a *Access) NeedsSetup(ctx context.Context) (bool, error) {
	all, err := a.ledger.Operators(ctx)
	return err == nil && !slices.ContainsFunc(all, isAdmin), err
}

// Claim uses a link: it gives its operator a password, or makes the first admin, and signs in.
// ErrLink says that the link is no good; engine.Invalid what else to correct, and the link stays.
func (a *Access) Claim(ctx context.Context, link, name, password string, from netip.Addr) (secret string, pass Pass, err error) {
	h, ok := hashOf("", link)
	if !ok {
		return "", Pass{}, ErrLink
	}
	if _, err := a.claimant(ctx, h, name, password); err != nil {
		return "", Pass{}, err // before a password is hashed for nothing
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return "", Pass{}, err
	}
	err = a.ledger.ChangeAccess(ctx, func(tx Tx) error {
		l, err := tx.TakeLink(h)
		if errors.Is(err, ErrUnknown) || err == nil && !a.now().Before(l.Expires) {
			return ErrLink
		}
		if err != nil {
			return err
		}
		o, err := a.settle(tx, l, name, hash)
		if err != nil {
			return err
		}
		if secret, pass, err = a.admit(tx, o, from); err != nil {
			return err
		}
		return tx.Note(a.entry(By{o.Name, from.String()}, "set password", "operator "+o.Name, "by link"))
	})
	if err != nil {
		return "", Pass{}, err
	}
	a.tellEnded()
	a.doors.passed(pass.Name, from)
	return secret, pass, nil
}

// claimant is the name of whoever holds a link, once everything is right about it.
func (a *Access) claimant(ctx context.Context, h Hash, name, password string) (string, error) {
	l, err := a.ledger.Link(ctx, h)
	if errors.Is(err, ErrUnknown) || err == nil && !a.now().Before(l.Expires) {
		return "", ErrLink
	}
	if err != nil {
		return "", err
	}
	all, err := a.ledger.Operators(ctx)
	if err != nil {
		return "", err
	}
	if l.Operator != "" {
		o, found := withID(all, l.Operator)
		if !found {
			return "", ErrLink
		}
		if _, same := named([]Operator{o}, name); name != "" && !same {
			return "", engine.Invalid{Field: "name", Problem: "is not the one that the link was made for"}
		}
		name = o.Name
	}
	if !nameShape.MatchString(name) {
		return "", errNameShape
	}
	if o, taken := named(all, name); l.Operator == "" && taken && o.Password != "" {
		return "", errNameTaken
	}
	return name, CheckPassword(name, password)
}

// settle gives whoever holds a link his password.
func (a *Access) settle(tx Tx, l Link, name, hash string) (Operator, error) {
	all, err := tx.Operators()
	if err != nil {
		return Operator{}, err
	}
	o, found := withID(all, l.Operator)
	switch {
	case l.Operator != "" && !found:
		return Operator{}, ErrLink
	case l.Operator == "":
		if slices.ContainsFunc(all, isAdmin) {
			return Operator{}, ErrLink // somebody was faster
		}
		if o, found = named(all, name); !found {
			o = Operator{ID: newID("op_"), Name: name, Created: a.now()}
		} else if o.Password != "" {
			return Operator{}, errNameTaken
		}
		o.Role = Admin
	}
	o.Password = hash
	if err := tx.DropSessions(o.ID); err != nil {
		return Operator{}, err
	}
	return o, tx.PutOperator(o)
}

// Operators are all, by name.
func (a *Access) Operators(ctx context.Context) ([]Operator, error) { return a.ledger.Operators(ctx) }

// AddOperator makes an operator, and the token of a link to choose a password with, good once and
// for 24 hours.
func (a *Access) AddOperator(ctx context.Context, by By, name string, role Role) (o Operator, link string, err error) {
	if !nameShape.MatchString(name) {
		return o, "", errNameShape
	}
	if !role.Valid() {
		return o, "", errRole
	}
	secret, h := newSecret("")
	err = a.ledger.ChangeAccess(ctx, func(tx Tx) error {
		all, err := tx.Operators()
		if err != nil {
			return err
		}
		if _, taken := named(all, name); taken {
			return errNameTaken
		}
		if len(all) >= mostOperators {
			return engine.Invalid{Field: "name", Problem: "is one too many: there are 1,000 operators"}
		}
		o = Operator{ID: newID("op_"), Name: name, Role: role, Created: a.now()}
		if err := tx.PutOperator(o); err != nil {
			return err
		}
		if err := tx.PutLink(Link{Hash: h, Operator: o.ID, Expires: a.now().Add(linkFor)}); err != nil {
			return err
		}
		return tx.Note(a.entry(by, "add operator", "operator "+name, role.String()))
	})
	return o, secret, err
}

// SetRole changes what an operator may do, and ends his sessions.
func (a *Access) SetRole(ctx context.Context, by By, id string, role Role) (Operator, error) {
	if !role.Valid() {
		return Operator{}, errRole
	}
	return a.alter(ctx, id, func(tx Tx, o *Operator) error {
		was := o.Role
		o.Role = role
		if err := tx.PutOperator(*o); err != nil {
			return err
		}
		if err := tx.DropSessions(o.ID); err != nil {
			return err
		}
		return tx.Note(a.entry(by, "set role", "operator "+o.Name, was.String()+" to "+role.String()))
	})
}

// RemoveOperator ends all that an operator may do.
func (a *Access) RemoveOperator(ctx context.Context, by By, id string) error {
	_, err := a.alter(ctx, id, func(tx Tx, o *Operator) error {
		if err := tx.DropOperator(o.ID); err != nil {
			return err
		}
		return tx.Note(a.entry(by, "remove operator", "operator "+o.Name, o.Role.String()))
	})
	return err
}

// SetPassword gives an operator a password without asking for the old one, and ends his sessions
// and links. It is for whoever works on the machine itself.
func (a *Access) SetPassword(ctx context.Context, by By, name, password string) error {
	o, err := a.ledger.OperatorNamed(ctx, name)
	if err != nil {
		return err
	}
	if err := CheckPassword(o.Name, password); err != nil {
		return err
	}
	return a.putPassword(ctx, by, o.ID, password, "on the machine itself")
}

func (a *Access) putPassword(ctx context.Context, by By, id, password, how string) error {
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = a.alter(ctx, id, func(tx Tx, o *Operator) error {
		o.Password = hash
		if err := tx.DropOperator(o.ID); err != nil { // with its sessions and links
			return err
		}
		if err := tx.PutOperator(*o); err != nil {
			return err
		}
		return tx.Note(a.entry(by, "set password", "operator "+o.Name, how))
	})
	return err
}

// ChangePassword of whoever asks, and knows the old one. All of his sessions end.
func (a *Access) ChangePassword(ctx context.Context, p Pass, from netip.Addr, old, changed string) error {
	if p.Token {
		return engine.Invalid{Field: "old", Problem: "is nothing that a token has"}
	}
	if wait, _ := a.doors.attempt(a.now(), p.Name, from); wait > 0 {
		return Throttled{wait}
	}
	o, err := a.ledger.OperatorNamed(ctx, p.Name)
	if err != nil {
		return err
	}
	same, err := a.hasher.same(ctx, old, o.Password)
	if err != nil {
		return err
	}
	if !same {
		a.note(ctx, By{o.Name, from.String()}, "failed password change", "operator "+o.Name, "")
		return engine.Invalid{Field: "old", Problem: "is not your password"}
	}
	a.doors.passed(p.Name, from)
	if err := CheckPassword(o.Name, changed); err != nil {
		if invalid, ok := errors.AsType[engine.Invalid](err); ok {
			invalid.Field = "new"
			return invalid
		}
		return err
	}
	return a.putPassword(ctx, By{o.Name, from.String()}, o.ID, changed, "his own")
}

// alter changes one operator, and sees to it that an admin remains where there was one.
func (a *Access) alter(ctx context.Context, id string, do func(Tx, *Operator) error) (o Operator, err error) {
	err = a.ledger.ChangeAccess(ctx, func(tx Tx) error {
		before, err := tx.Operators()
		if err != nil {
			return err
		}
		var found bool
		if o, found = withID(before, id); !found {
			return ErrUnknown
		}
		if err := do(tx, &o); err != nil {
			return err
		}
		after, err := tx.Operators()
		if err != nil {
			return err
		}
		if slices.ContainsFunc(before, isAdmin) && !slices.ContainsFunc(after, isAdmin) {
			return ErrLastAdmin
		}
		return nil
	})
	a.tellEnded()
	return o, err
}
