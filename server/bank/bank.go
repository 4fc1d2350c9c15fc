// Package bank is the sandbox FinTech API that the demo protects: accounts that hold money,
// payments that move it, a history and a sign-in. It knows nothing of what protects it.
//
// The key of a request is in X-API-Key. Any key opens an account with 1,000.00 USD on first
// use, except keys that begin with invalid, expired or revoked; those get 401 with that reason,
// and so does a request without a key.
package bank

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The calls of the bank.
const (
	Index       = "/api/"            // GET: what this is and which calls there are; needs no key
	Balance     = "/api/balance"     // GET: {balance, currency, account_id}
	Transaction = "/api/transaction" // POST {amount, recipient}: {status, transaction_id, amount, recipient}
	History     = "/api/history"     // GET, ?limit=: {account_id, transactions}, newest first
	Login       = "/api/login"       // POST {account, password}: {status, token, account_id, expires_in}
)

// Currency of every account.
const Currency = "USD"

// limits bound what strangers can make the bank remember.
type limits struct {
	accounts int   // open at a time, at least 2; beyond it the longest idle is closed
	payments int   // that the history of an account goes back
	answers  int   // that an account remembers under idempotency keys
	opening  Cents // what a new account holds
}

var ours = limits{accounts: 10_000, payments: 50, answers: 20, opening: 1_000_00}

// Paths lists the bank's calls, for who routes or protects them.
func Paths() []string { return []string{Index, Balance, Transaction, History, Login} }

// A Bank answers the calls. All it knows is in memory and ends with it.
type Bank struct {
	now    func() time.Time
	books  *ledger
	secret []byte // names accounts and seals sessions
	calls  map[string]call
}

// A call is what is done at one path.
type call struct {
	method string
	about  string
	keyed  bool // needs a key
	do     func(w http.ResponseWriter, r *http.Request, account string)
}

// New opens a bank without accounts: at most 10,000 at a time, the longest idle goes; each
// remembers its newest 50 payments and 20 answers under idempotency keys.
func New(now func() time.Time) *Bank {
	b := &Bank{now: now, books: newLedger(ours), secret: make([]byte, 32)}
	_, _ = rand.Read(b.secret) // never fails
	b.calls = map[string]call{
		Index:       {method: http.MethodGet, about: "This list.", do: b.index},
		Balance:     {method: http.MethodGet, about: "What the account of your key holds.", keyed: true, do: b.balance},
		Transaction: {method: http.MethodPost, about: "Pay: {amount, recipient}. An Idempotency-Key header makes a repetition safe.", keyed: true, do: b.transaction},
		History:     {method: http.MethodGet, about: "The newest payments, at most ?limit= of them.", keyed: true, do: b.history},
		Login:       {method: http.MethodPost, about: "Sign in: {account, password}. The password of every named account is demo; the token serves as its key for an hour.", do: b.login},
	}
	return b
}

// ServeHTTP answers one call.
func (b *Bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, ok := b.calls[r.URL.Path]
	if !ok {
		refuse(w, &refusal{status: http.StatusNotFound, Problem: "There is no such call.", Remedy: "GET " + Index + " lists the calls."})
		return
	}
	switch {
	case r.Method == c.method, r.Method == http.MethodHead && c.method == http.MethodGet:
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", c.allow())
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		refuse(w, &refusal{
			status: http.StatusMethodNotAllowed, allow: c.allow(),
			Problem: "This call does not take " + clip(r.Method, 16) + ".", Remedy: "Use " + c.method + ".",
		})
		return
	}
	var account string
	if c.keyed {
		var no *refusal
		if account, no = b.owner(r.Header.Get("X-API-Key")); no != nil {
			refuse(w, no)
			return
		}
	}
	c.do(w, r, account)
}

func (c call) allow() string {
	if c.method == http.MethodGet {
		return "GET, HEAD, OPTIONS"
	}
	return c.method + ", OPTIONS"
}

func (b *Bank) index(w http.ResponseWriter, _ *http.Request, _ string) {
	type line struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		About  string `json:"about"`
		Key    bool   `json:"needs_key"`
	}
	answer := struct {
		Name  string `json:"name"`
		About string `json:"about"`
		Calls []line `json:"calls"`
	}{
		Name:  "Sentinel sandbox bank",
		About: "A bank to try things on; its money is not real. The key goes in X-API-Key: any key opens an account with " + ours.opening.String() + " " + Currency + " on first use.",
	}
	for _, path := range Paths() {
		c := b.calls[path]
		answer.Calls = append(answer.Calls, line{c.method, path, c.about, c.keyed})
	}
	write(w, http.StatusOK, answer)
}

func (b *Bank) balance(w http.ResponseWriter, _ *http.Request, account string) {
	write(w, http.StatusOK, struct {
		Balance  Cents  `json:"balance"`
		Currency string `json:"currency"`
		Account  string `json:"account_id"`
	}{b.books.balance(account), Currency, account})
}

func (b *Bank) transaction(w http.ResponseWriter, r *http.Request, account string) {
	o := order{at: b.now(), from: account}
	no := b.read(w, r, &o)
	if no != nil {
		refuse(w, no)
		return
	}
	p, again, no := b.books.pay(o)
	if again {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	if no != nil {
		refuse(w, no)
		return
	}
	write(w, http.StatusOK, struct {
		Status    string `json:"status"`
		ID        string `json:"transaction_id"`
		Amount    Cents  `json:"amount"`
		Recipient string `json:"recipient"`
	}{"success", p.id, p.amount, p.to})
}

// read fills in what the request orders.
func (b *Bank) read(w http.ResponseWriter, r *http.Request, o *order) *refusal {
	o.once = r.Header.Get("Idempotency-Key")
	if len(o.once) > 255 {
		return &refusal{
			status: http.StatusUnprocessableEntity, Problem: "The idempotency key is longer than 255 bytes.", Field: "Idempotency-Key",
			Remedy: "Send something short and unique, like a UUID.",
		}
	}
	fields, no := body(w, r)
	if no != nil {
		return no
	}
	var err error
	if o.amount, err = ParseAmount(string(fields["amount"])); err != nil {
		return &refusal{
			status: http.StatusUnprocessableEntity, Problem: err.Error(), Field: "amount",
			Remedy: "Send a number from 0.01 to " + Largest.String() + " with at most two decimals, like 12.50.",
		}
	}
	if o.to, no = name(fields, "recipient"); no != nil {
		return no
	}
	if o.to == o.from || o.to == r.Header.Get("X-API-Key") {
		return &refusal{
			status: http.StatusUnprocessableEntity, Problem: "The recipient is the account that pays.", Field: "recipient",
			Remedy: "Pay someone else.",
		}
	}
	return nil
}

func (b *Bank) history(w http.ResponseWriter, r *http.Request, account string) {
	most := min(20, ours.payments)
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > ours.payments {
			refuse(w, &refusal{
				status: http.StatusUnprocessableEntity, Problem: "The limit is not a number in range.", Field: "limit",
				Remedy: "Ask for 1 to " + strconv.Itoa(ours.payments) + " payments.",
			})
			return
		}
		most = n
	}
	type line struct {
		ID        string    `json:"id"`
		At        time.Time `json:"at"`
		Direction string    `json:"direction"`
		Amount    Cents     `json:"amount"`
		Currency  string    `json:"currency"`
		Sender    string    `json:"sender"`
		Recipient string    `json:"recipient"`
		Status    string    `json:"status"`
	}
	lines := []line{}
	for _, p := range b.books.history(account, most) {
		direction := "in"
		if p.from == account {
			direction = "out"
		}
		lines = append(lines, line{p.id, p.at.UTC().Truncate(time.Millisecond), direction, p.amount, Currency, p.from, p.to, "success"})
	}
	write(w, http.StatusOK, struct {
		Account      string `json:"account_id"`
		Transactions []line `json:"transactions"`
	}{account, lines})
}

// clip shortens what a stranger wrote before it is repeated.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
