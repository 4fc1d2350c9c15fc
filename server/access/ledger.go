package access

import (
	"context"
	"errors"
	"time"
)

// ErrUnknown says that there is nothing with that name.
var ErrUnknown = errors.New("there is nothing with that name")

// A Hash is the SHA-256 of a secret of ours: of 256 bits of chance, so that nothing slower is needed.
type Hash [32]byte

// An Operator works in the console.
type Operator struct {
	ID       string
	Name     string // unique, whatever its case
	Role     Role
	Password string // its argon2id, as a PHC string; empty until one was chosen
	Created  time.Time
	Seen     time.Time // to the minute; zero before the first sign-in
}

// A Session is a browser that signed in.
type Session struct {
	Hash     Hash // of what its cookie holds
	Operator string
	Created  time.Time
	Seen     time.Time // to the minute
	Origin   string    // the address it was begun from
}

// A Token lets a program in.
type Token struct {
	ID      string
	Name    string
	Role    Role
	Prefix  string // of the secret, to tell it from others
	Hash    Hash   // of the secret
	By      string // who made it
	Created time.Time
	Used    time.Time // to the minute; zero when never
	Expires time.Time // zero: not by itself
}

// A Link lets whoever holds it choose a password, once.
type Link struct {
	Hash     Hash   // of what the link holds
	Operator string // whose password; empty for the first admin, who is made by it
	Expires  time.Time
}

// An Entry of the audit log.
type Entry struct {
	At     time.Time
	Actor  string // operator's name
	Origin string // address, or "cli"
	Verb   string
	Object string
	Detail string
}

// A Ledger keeps who may come in. What is absent is ErrUnknown.
type Ledger interface {
	Operators(context.Context) ([]Operator, error) // by name
	OperatorNamed(ctx context.Context, name string) (Operator, error)
	Session(context.Context, Hash) (Session, Operator, error)
	Tokens(context.Context) ([]Token, error) // newest first
	Token(context.Context, Hash) (Token, error)
	Link(context.Context, Hash) (Link, error)

	// ChangeAccess runs do with all that it reads and writes as one step, which no other node's
	// comes between; an error of do is answered, and nothing has changed.
	ChangeAccess(ctx context.Context, do func(Tx) error) error
	// TouchSession notes when a session and its operator were last seen.
	TouchSession(context.Context, Hash, time.Time) error
	// TouchToken notes when a token was last used.
	TouchToken(ctx context.Context, id string, at time.Time) error
}

// A Tx is a step of a Ledger.
type Tx interface {
	Operators() ([]Operator, error)
	PutOperator(Operator) error                  // new, or in the place of the one with its ID
	DropOperator(id string) error                // with its sessions and links
	PutLink(Link) error                          // in the place of the one its operator had
	TakeLink(Hash) (Link, error)                 // it is gone then
	PutSession(Session) error                    // new
	Sessions(operator string) ([]Session, error) // oldest first
	DropSession(Hash) error
	DropSessions(operator string) error
	DropStale(created, seen time.Time) error // sessions begun before, or not seen since
	Tokens() ([]Token, error)
	PutToken(Token) error // new
	DropToken(id string) error
	Note(Entry) error
}
