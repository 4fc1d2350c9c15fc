package access

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// tokenPrefix lets people, and programs that look for leaked secrets, see what it is.
const tokenPrefix = "sntl_"

// shownOfToken is how much of a token tells it from others.
const shownOfToken = len(tokenPrefix) + 6

// longestToken is how long one may hold, when it ends by itself.
const longestToken = 10 * 365 * 24 * time.Hour

var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._@+/-]{0,63}$`)

// Token is which program holds a token's secret; ErrEnded when none does.
func (a *Access) Token(ctx context.Context, secret string) (Pass, error) {
	h, ok := hashOf(tokenPrefix, secret)
	if !ok {
		return Pass{}, ErrEnded
	}
	p, err := a.token(ctx, h)
	if err != nil {
		return Pass{}, err
	}
	now := a.now()
	a.touch(ctx, p.ID, p.Seen, now, func(ctx context.Context) error { return a.ledger.TouchToken(ctx, p.ID, now) })
	return p, nil
}

func (a *Access) token(ctx context.Context, h Hash) (Pass, error) {
	t, err := a.ledger.Token(ctx, h)
	if errors.Is(err, ErrUnknown) || err == nil && !t.Expires.IsZero() && !a.now().Before(t.Expires) {
		return Pass{}, ErrEnded
	}
	if err != nil {
		return Pass{}, err
	}
	return Pass{ID: t.ID, Name: "token " + t.Name, Role: t.Role, Token: true, Created: t.Created, Seen: t.Used, hash: h, ends: t.Expires}, nil
}

// Tokens are all, newest first; those that have expired too, until they are revoked.
func (a *Access) Tokens(ctx context.Context) ([]Token, error) { return a.ledger.Tokens(ctx) }

// CreateToken makes a token that holds for a while, or until it is revoked when that is zero. Its
// secret is told only here.
func (a *Access) CreateToken(ctx context.Context, by By, name string, role Role, holds time.Duration) (t Token, secret string, err error) {
	switch {
	case !tokenName.MatchString(name):
		return t, "", engine.Invalid{Field: "name", Problem: "must be 1 to 64 letters, digits, spaces and . _ @ + / -"}
	case !role.Valid():
		return t, "", errRole
	case holds < 0 || holds > longestToken || holds > 0 && holds < time.Minute:
		return t, "", engine.Invalid{Field: "duration", Problem: "must be one minute to ten years, or absent: until revoked"}
	}
	secret, h := newSecret(tokenPrefix)
	t = Token{ID: newID("tok_"), Name: name, Role: role, Prefix: secret[:shownOfToken], Hash: h, By: by.Name, Created: a.now()}
	if holds > 0 {
		t.Expires = t.Created.Add(holds)
	}
	err = a.ledger.ChangeAccess(ctx, func(tx Tx) error {
		all, err := tx.Tokens()
		if err != nil {
			return err
		}
		if len(all) >= mostTokens {
			return engine.Invalid{Field: "name", Problem: "is one too many: revoke one of the 1,000 tokens first"}
		}
		for _, other := range all {
			if strings.EqualFold(other.Name, name) {
				return errNameTaken
			}
		}
		if err := tx.PutToken(t); err != nil {
			return err
		}
		return tx.Note(a.entry(by, "create token", "token "+name, t.ID+", "+t.Prefix+"…, "+role.String()+holding(t)))
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

func holding(t Token) string {
	if t.Expires.IsZero() {
		return ""
	}
	return " until " + t.Expires.UTC().Format(time.RFC3339)
}

// RevokeToken ends a token.
func (a *Access) RevokeToken(ctx context.Context, by By, id string) error {
	err := a.ledger.ChangeAccess(ctx, func(tx Tx) error {
		all, err := tx.Tokens()
		if err != nil {
			return err
		}
		for _, t := range all {
			if t.ID != id {
				continue
			}
			if err := tx.DropToken(id); err != nil {
				return err
			}
			return tx.Note(a.entry(by, "revoke token", "token "+t.Name, t.ID+", "+t.Prefix+"…"))
		}
		return ErrUnknown
	})
	a.tellEnded()
	return err
}
