package bank

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"
)

const (
	keyAccount   = "acct_" // begins the IDs of accounts that belong to a key
	sessionToken = "sess_" // begins the tokens that a sign-in gives
	sessionFor   = time.Hour
	password     = "demo" // of every named account: the bank is a sandbox and says so
)

// Why keys that begin so are refused.
var dead = []struct{ prefix, problem string }{
	{"invalid", "The API key is not valid."},
	{"expired", "The API key has expired."},
	{"revoked", "The API key was revoked."},
}

// owner names the account that a key opens: the one a session was signed in to, else the
// key's own, whose ID tells nothing about the key.
func (b *Bank) owner(key string) (account string, no *refusal) {
	if key == "" {
		return "", unauthorised("missing", "The request carries no API key.")
	}
	for _, d := range dead {
		if strings.HasPrefix(key, d.prefix) {
			return "", unauthorised(d.prefix, d.problem)
		}
	}
	if account, until, ok := b.session(key); ok {
		if !b.now().Before(until) {
			return "", unauthorised("expired", "The session has ended.")
		}
		return account, nil
	}
	sum := b.seal("key", key)
	return keyAccount + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10])), nil
}

func unauthorised(reason, problem string) *refusal {
	return &refusal{
		status: http.StatusUnauthorized, Problem: problem, Reason: reason,
		Remedy: "Send another key in X-API-Key; any that does not begin with invalid, expired or revoked opens an account.",
	}
}

// login signs in to a named account. It takes the same time whether the account exists, is
// one that only its key opens, or the password is wrong, and never says which.
func (b *Bank) login(w http.ResponseWriter, r *http.Request, _ string) {
	fields, no := body(w, r)
	if no != nil {
		refuse(w, no)
		return
	}
	account, no := name(fields, "account")
	if no != nil {
		refuse(w, no)
		return
	}
	given, no := text(fields, "password")
	if no != nil {
		refuse(w, no)
		return
	}
	got, want := b.seal("password", given), b.seal("password", password)
	token := b.open(account, b.now().Add(sessionFor))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || strings.HasPrefix(account, keyAccount) {
		refuse(w, &refusal{
			status: http.StatusUnauthorized, Problem: "Account and password don't match.",
			Remedy: "Check both; GET " + Index + " says how the sandbox is entered.",
		})
		return
	}
	write(w, http.StatusOK, struct {
		Status  string `json:"status"`
		Token   string `json:"token"`
		Account string `json:"account_id"`
		Expires int    `json:"expires_in"`
	}{"success", token, account, int(sessionFor.Seconds())})
}

// open makes the token of a session. It carries what the bank needs to know, sealed, so that
// sessions cost no memory.
func (b *Bank) open(account string, until time.Time) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(until.Unix())) //nolint:gosec // round trip
	raw = append(raw, account...)
	sum := b.seal("session", string(raw))
	return sessionToken + base64.RawURLEncoding.EncodeToString(append(raw, sum[:16]...))
}

// session reads a token that open made; ok is false for everything else.
func (b *Bank) session(token string) (account string, until time.Time, ok bool) {
	text, found := strings.CutPrefix(token, sessionToken)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if !found || err != nil || len(raw) < 8+16 {
		return "", time.Time{}, false
	}
	raw, seal := raw[:len(raw)-16], raw[len(raw)-16:]
	sum := b.seal("session", string(raw))
	if subtle.ConstantTimeCompare(sum[:16], seal) != 1 {
		return "", time.Time{}, false
	}
	return string(raw[8:]), time.Unix(int64(binary.BigEndian.Uint64(raw)), 0), true //nolint:gosec // round trip
}

// seal is a digest that only this bank can make, different for every purpose.
func (b *Bank) seal(purpose, text string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, b.secret)
	_, _ = h.Write([]byte(purpose + "\x00" + text))
	h.Sum(sum[:0])
	return sum
}
