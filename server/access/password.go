package access

import (
	"context"
	_ "embed"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// ErrBusy says that too many passwords wait to be looked at.
var ErrBusy = errors.New("too many are signing in at once: try again in a moment")

// cost is what OWASP's cheat sheet on password storage asks of argon2id at least: a guess takes
// 19 MiB, so that two at once don't press the gateway for memory.
var cost = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// How many passwords are hashed at once, and how many wait.
const (
	hashing = 2
	waiting = 16
)

// A hasher bounds what hashing takes of memory and processor.
type hasher struct {
	cost    *argon2id.Params
	dummy   string // what is compared when there is nothing to compare with
	turns   chan struct{}
	waiting atomic.Int32
}

func newHasher(c *argon2id.Params) (*hasher, error) {
	if c == nil {
		c = &cost
	}
	secret, _ := newSecret("")
	dummy, err := argon2id.CreateHash(secret, c)
	return &hasher{cost: c, dummy: dummy, turns: make(chan struct{}, hashing)}, err
}

// turn runs do when it is its turn.
func (h *hasher) turn(ctx context.Context, do func()) error {
	if h.waiting.Add(1) > hashing+waiting {
		h.waiting.Add(-1)
		return ErrBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.turns }()
	do()
	return nil
}

// same reports whether a password is the one that was hashed. It takes as long when there is no
// hash, and the answer is no.
func (h *hasher) same(ctx context.Context, password, hash string) (bool, error) {
	real := hash != ""
	if !real {
		hash = h.dummy
	}
	var same bool
	var wrong error
	if err := h.turn(ctx, func() { same, wrong = argon2id.ComparePasswordAndHash(password, hash) }); err != nil {
		return false, err
	}
	return same && real, wrong
}

func (h *hasher) hash(ctx context.Context, password string) (hash string, err error) {
	var failed error
	err = h.turn(ctx, func() { hash, failed = argon2id.CreateHash(password, h.cost) })
	return hash, errors.Join(err, failed)
}

// Bounds of a password, in characters.
const (
	shortestPassword = 12
	longestPassword  = 128
	fewestLetters    = 5 // different ones
	shortName        = 5 // one that is shorter may stand in another word
)

//go:embed common.txt
var commonList string

var common = func() map[string]bool {
	known := map[string]bool{}
	for word := range strings.FieldsSeq(commonList) {
		known[word] = true
	}
	return known
}()

// CheckPassword says what is wrong with a password that somebody with that name wants.
func CheckPassword(name, password string) error {
	folded := strings.ToLower(password)
	n := utf8.RuneCountInString(password)
	problem := ""
	switch {
	case !utf8.ValidString(password):
		problem = "must be text"
	case n < shortestPassword:
		problem = "must have at least 12 characters"
	case n > longestPassword:
		problem = "must have at most 128 characters"
	case holdsName(folded, strings.ToLower(name)):
		problem = "must not contain the name"
	case isCommon(folded):
		problem = "is one of those that are tried first: choose another, as four words that have nothing to do with each other"
	}
	if problem != "" {
		return engine.Invalid{Field: "password", Problem: problem}
	}
	return nil
}

// holdsName reports whether a name stands in a password, as a word of its own when it is short.
func holdsName(password, name string) bool {
	if len(name) >= shortName {
		return strings.Contains(password, name)
	}
	words := strings.FieldsFunc(password, func(r rune) bool { return !unicode.IsLetter(r) })
	return name != "" && slices.Contains(words, name)
}

// isCommon reports whether a password is on the list, whatever digits and signs stand around it,
// or is no more than a few letters, a row of the keyboard, or something said twice.
func isCommon(folded string) bool {
	bare := strings.Trim(folded, "0123456789!?.,;:-_@#$%&*+/\\()[]{}<>='\"^~|` ")
	if common[folded] || common[bare] || utf8.RuneCountInString(bare) < 3 && !varied(folded) {
		return true
	}
	different := map[rune]bool{}
	for _, r := range folded {
		different[r] = true
	}
	return len(different) < fewestLetters || repeats(folded) || isRow(folded)
}

// varied reports whether a password of digits and signs alone is no date or count.
func varied(s string) bool {
	different := map[rune]bool{}
	for _, r := range s {
		different[r] = true
	}
	return len(different) > 8
}

// repeats reports whether a text is one piece, over and over.
func repeats(s string) bool {
	for n := 1; n <= len(s)/2; n++ {
		if strings.TrimLeft(strings.ReplaceAll(s, s[:n], ""), "0123456789!?.") == "" {
			return true
		}
	}
	return false
}

// rows are what fingers or children run along.
var rows = [...]string{
	"0123456789012345678901234567890", "abcdefghijklmnopqrstuvwxyzabcdefgh", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1q2w3e4r5t6y7u8i9o0p", "azertyuiopqsdfghjklmwxcvbn",
}

func isRow(s string) bool {
	for _, r := range rows {
		if strings.Contains(r, s) || strings.Contains(reversed(r), s) {
			return true
		}
	}
	return false
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}
