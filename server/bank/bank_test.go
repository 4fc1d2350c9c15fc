package bank

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A till asks one bank and can turn its clock.
type till struct {
	t    *testing.T
	bank *Bank
	at   time.Time
}

func open(t *testing.T) *till {
	t.Helper()
	at := &till{t: t, at: noon}
	at.bank = New(func() time.Time { return at.at })
	return at
}

func (a *till) send(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.bank.ServeHTTP(w, r)
	return w
}

func (a *till) get(path, key string) map[string]any {
	a.t.Helper()
	w := a.send(http.MethodGet, path, "", "X-API-Key", key)
	if w.Code != http.StatusOK {
		a.t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	return fieldsOf(a.t, w)
}

func (a *till) pay(key, body string, headers ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	return a.send(http.MethodPost, Transaction, body, append([]string{"X-API-Key", key}, headers...)...)
}

func fieldsOf(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &fields); err != nil {
		t.Fatalf("not JSON: %s", w.Body)
	}
	return fields
}

func TestAnyKeyOpensAnAccountWithAThousandDollars(t *testing.T) {
	a := open(t)
	w := a.send(http.MethodGet, Balance, "", "X-API-Key", "demo-key-1")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"balance":1000.00,"currency":"USD","account_id":"acct_`) {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	mine, other := a.get(Balance, "demo-key-1")["account_id"], a.get(Balance, "demo-key-2")["account_id"]
	if mine != fieldsOf(t, w)["account_id"] || mine == other {
		t.Fatalf("the account of a key must be its own: %v, %v", mine, other)
	}
	if strings.Contains(w.Body.String(), "demo-key") {
		t.Fatal("the account ID gives the key away")
	}
}

func TestKeysThatDontWork(t *testing.T) {
	a := open(t)
	for _, c := range []struct{ key, reason string }{
		{"", "missing"},
		{"invalid", "invalid"},
		{"invalid-key-7", "invalid"},
		{"expired_2019", "expired"},
		{"revoked-by-owner", "revoked"},
	} {
		for _, path := range []string{Balance, History} {
			w := a.send(http.MethodGet, path, "", "X-API-Key", c.key)
			if w.Code != http.StatusUnauthorized || fieldsOf(t, w)["reason"] != c.reason || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%q at %s: got %d %s", c.key, path, w.Code, w.Body)
			}
		}
		if w := a.pay(c.key, `{"amount":1,"recipient":"bob"}`); w.Code != http.StatusUnauthorized {
			t.Errorf("paying with %q: got %d", c.key, w.Code)
		}
	}
	if n := len(a.bank.books.accounts); n != 0 {
		t.Errorf("refused keys opened %d accounts", n)
	}
}

func TestAPaymentMovesMoneyAndShowsOnBothSides(t *testing.T) {
	a := open(t)
	bob := a.get(Balance, "bob-key")["account_id"].(string)
	w := a.pay("alice-key", fmt.Sprintf(`{"amount": 12.5, "recipient": %q}`, bob))
	if w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	answer := fieldsOf(t, w)
	if answer["status"] != "success" || answer["amount"] != 12.5 || answer["recipient"] != bob || !strings.HasPrefix(answer["transaction_id"].(string), "txn_") {
		t.Fatalf("got %s", w.Body)
	}
	if got := a.get(Balance, "alice-key")["balance"]; got != 987.5 {
		t.Errorf("alice holds %v", got)
	}
	if got := a.get(Balance, "bob-key")["balance"]; got != 1012.5 {
		t.Errorf("bob holds %v", got)
	}
	for key, direction := range map[string]string{"alice-key": "out", "bob-key": "in"} {
		lines := a.get(History, key)["transactions"].([]any)
		if len(lines) != 1 {
			t.Fatalf("%s sees %d payments", key, len(lines))
		}
		line := lines[0].(map[string]any)
		if line["direction"] != direction || line["id"] != answer["transaction_id"] || line["amount"] != 12.5 || line["at"] != "2026-03-01T12:00:00Z" {
			t.Errorf("%s sees %v", key, line)
		}
	}
}

func TestNonsenseIsRefusedWithTheFieldAndARemedy(t *testing.T) {
	a := open(t)
	self := a.get(Balance, "k")["account_id"].(string)
	for _, c := range []struct {
		about, body, field string
		status             int
	}{
		{"nothing", `{}`, "amount", 422},
		{"zero", `{"amount":0,"recipient":"bob"}`, "amount", 422},
		{"zero in cents", `{"amount":0.00,"recipient":"bob"}`, "amount", 422},
		{"negative zero", `{"amount":-0,"recipient":"bob"}`, "amount", 422},
		{"negative", `{"amount":-5,"recipient":"bob"}`, "amount", 422},
		{"three decimals", `{"amount":0.001,"recipient":"bob"}`, "amount", 422},
		{"a float's noise", `{"amount":0.30000000000000004,"recipient":"bob"}`, "amount", 422},
		{"astronomic", `{"amount":1e308,"recipient":"bob"}`, "amount", 422},
		{"beyond a float", `{"amount":1e999,"recipient":"bob"}`, "amount", 422},
		{"a long number", `{"amount":99999999999999999999999,"recipient":"bob"}`, "amount", 422},
		{"text", `{"amount":"10","recipient":"bob"}`, "amount", 422},
		{"NaN as text", `{"amount":"NaN","recipient":"bob"}`, "amount", 422},
		{"NaN", `{"amount":NaN,"recipient":"bob"}`, "amount", 400},
		{"Infinity", `{"amount":Infinity,"recipient":"bob"}`, "amount", 400},
		{"null", `{"amount":null,"recipient":"bob"}`, "amount", 422},
		{"true", `{"amount":true,"recipient":"bob"}`, "amount", 422},
		{"a list", `{"amount":[1],"recipient":"bob"}`, "amount", 422},
		{"an object", `{"amount":{"value":1},"recipient":"bob"}`, "amount", 422},
		{"other case", `{"AMOUNT":1,"recipient":"bob"}`, "amount", 422},
		{"twice", `{"amount":1,"amount":1000,"recipient":"bob"}`, "amount", 400},
		{"more than there is", `{"amount":1000.01,"recipient":"bob"}`, "amount", 422},
		{"no recipient", `{"amount":1}`, "recipient", 422},
		{"empty recipient", `{"amount":1,"recipient":""}`, "recipient", 422},
		{"blank recipient", `{"amount":1,"recipient":" \u00a0 "}`, "recipient", 422},
		{"recipient is a number", `{"amount":1,"recipient":7}`, "recipient", 422},
		{"long recipient", `{"amount":1,"recipient":"` + strings.Repeat("b", 65) + `"}`, "recipient", 422},
		{"unseen characters", `{"amount":1,"recipient":"bob\u202egnp"}`, "recipient", 422},
		{"a line break", `{"amount":1,"recipient":"bob\nalice"}`, "recipient", 422},
		{"oneself", `{"amount":1,"recipient":"` + self + `"}`, "recipient", 422},
		{"one's own key", `{"amount":1,"recipient":"k"}`, "recipient", 422},
		{"half an object", `{"amount":1`, "", 400},
		{"a list of payments", `[{"amount":1,"recipient":"bob"}]`, "", 400},
		{"something behind", `{"amount":1,"recipient":"bob"}{"amount":2}`, "", 400},
		{"not UTF-8", "{\"amount\":1,\"recipient\":\"\xff\"}", "", 400},
		{"deep", `{"amount":` + strings.Repeat("[", 30_000), "amount", 400},
	} {
		w := a.pay("k", c.body)
		answer := fieldsOf(t, w)
		field, _ := answer["field"].(string)
		if w.Code != c.status || field != c.field || answer["error"] == "" || answer["remedy"] == nil {
			t.Errorf("%s: got %d %s", c.about, w.Code, w.Body)
		}
	}
	if got := a.get(Balance, "k")["balance"]; got != 1000.0 {
		t.Errorf("nonsense moved money: %v left", got)
	}
}

func TestEverythingCanBeSpentAndNoMore(t *testing.T) {
	a := open(t)
	if w := a.pay("k", `{"amount":1000.00,"recipient":"bob"}`); w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	if w := a.pay("k", `{"amount":0.01,"recipient":"bob"}`); w.Code != http.StatusUnprocessableEntity {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
}

func TestAnIdempotencyKeyMakesARepetitionSafe(t *testing.T) {
	a := open(t)
	first := a.pay("k", `{"amount":10,"recipient":"bob"}`, "Idempotency-Key", "one")
	again := a.pay("k", `{ "recipient":"bob", "amount":10.00 }`, "Idempotency-Key", "one")
	if first.Code != 200 || again.Code != 200 || first.Body.String() != again.Body.String() {
		t.Fatalf("first %d %s, again %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	if first.Header().Get("Idempotency-Replayed") != "" || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Error("only the repetition is marked")
	}
	if w := a.pay("k", `{"amount":11,"recipient":"bob"}`, "Idempotency-Key", "one"); w.Code != 422 || fieldsOf(t, w)["field"] != "Idempotency-Key" {
		t.Errorf("another payment under the same key: %d %s", w.Code, w.Body)
	}
	if w := a.pay("other", `{"amount":11,"recipient":"bob"}`, "Idempotency-Key", "one"); w.Code != 200 {
		t.Errorf("the key of someone else must not matter: %d %s", w.Code, w.Body)
	}
	if w := a.pay("k", `{"amount":10,"recipient":"bob"}`, "Idempotency-Key", strings.Repeat("x", 256)); w.Code != 422 {
		t.Errorf("a long key: %d", w.Code)
	}
	if got := a.get(Balance, "k")["balance"]; got != 990.0 {
		t.Errorf("paid more than once: %v left", got)
	}

	poor := a.pay("k", `{"amount":5000,"recipient":"bob"}`, "Idempotency-Key", "two")
	later := a.pay("k", `{"amount":5000,"recipient":"bob"}`, "Idempotency-Key", "two")
	if poor.Code != 422 || later.Code != 422 || poor.Body.String() != later.Body.String() || later.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("a refusal for lack of funds is repeated too: %d, %d", poor.Code, later.Code)
	}
}

func TestHistoryIsNewestFirstAndBounded(t *testing.T) {
	a := open(t)
	for i := range 60 {
		a.at = noon.Add(time.Duration(i) * time.Second)
		if w := a.pay("k", fmt.Sprintf(`{"amount":%d.%02d,"recipient":"bob"}`, 1, i)); w.Code != 200 {
			t.Fatalf("payment %d: %s", i, w.Body)
		}
	}
	for query, want := range map[string]int{"": 20, "?limit=1": 1, "?limit=50": 50} {
		lines := a.get(History+query, "k")["transactions"].([]any)
		if len(lines) != want || lines[0].(map[string]any)["amount"] != 1.59 {
			t.Errorf("%q: %d payments, first %v", query, len(lines), lines[0])
		}
		last := "~"
		for _, line := range lines {
			id := line.(map[string]any)["id"].(string)
			if id >= last {
				t.Fatalf("%s comes after %s", id, last)
			}
			last = id
		}
	}
	for _, limit := range []string{"0", "51", "-1", "ten", "1e1"} {
		if w := a.send("GET", History+"?limit="+limit, "", "X-API-Key", "k"); w.Code != 422 || fieldsOf(t, w)["field"] != "limit" {
			t.Errorf("limit %s: got %d %s", limit, w.Code, w.Body)
		}
	}
	if got := a.get(History, "fresh")["transactions"]; got == nil {
		t.Error("no payments must be an empty list")
	}
}

func TestSigningIn(t *testing.T) {
	a := open(t)
	a.pay("k", `{"amount":25,"recipient":"alice"}`)
	w := a.send("POST", Login, `{"account":"alice","password":"demo"}`)
	if w.Code != 200 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	answer := fieldsOf(t, w)
	token := answer["token"].(string)
	if answer["account_id"] != "alice" || answer["expires_in"] != 3600.0 {
		t.Fatalf("got %s", w.Body)
	}
	if got := a.get(Balance, token); got["balance"] != 1025.0 || got["account_id"] != "alice" {
		t.Fatalf("the token opens %v", got)
	}
	mine := a.get(Balance, "k")["account_id"].(string)
	for about, body := range map[string]string{
		"a wrong password":     `{"account":"alice","password":"guess"}`,
		"an empty password":    `{"account":"alice","password":""}`,
		"the account of a key": `{"account":"` + mine + `","password":"demo"}`,
	} {
		if w := a.send("POST", Login, body); w.Code != 401 || strings.Contains(w.Body.String(), "token") {
			t.Errorf("%s: got %d %s", about, w.Code, w.Body)
		}
	}
	for body, field := range map[string]string{
		`{"password":"demo"}`:               "account",
		`{"account":"alice"}`:               "password",
		`{"account":"","password":"demo"}`:  "account",
		`{"account":"alice","password":12}`: "password",
	} {
		if w := a.send("POST", Login, body); w.Code != 422 || fieldsOf(t, w)["field"] != field {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}

	forged := token[:len(token)-2] + "AA"
	if got := a.get(Balance, forged)["account_id"]; got == "alice" {
		t.Error("a forged token opened alice's account")
	}
	a.at = noon.Add(time.Hour)
	if w := a.send("GET", Balance, "", "X-API-Key", token); w.Code != 401 || fieldsOf(t, w)["reason"] != "expired" {
		t.Errorf("an old token: got %d %s", w.Code, w.Body)
	}
}

func TestTheProtocolIsKept(t *testing.T) {
	a := open(t)
	large := `{"amount":1,"recipient":"bob","note":"` + strings.Repeat("x", largestBody) + `"}`
	for _, c := range []struct {
		about, method, path, body string
		headers                   []string
		status                    int
	}{
		{"the index needs no key", "GET", Index, "", []string{"X-API-Key", ""}, 200},
		{"HEAD where GET is", "HEAD", Balance, "", nil, 200},
		{"OPTIONS", "OPTIONS", Transaction, "", nil, 204},
		{"an unknown call", "GET", "/api/loans", "", nil, 404},
		{"another case is another path", "GET", "/api/Balance", "", nil, 404},
		{"a slash behind", "GET", "/api/balance/", "", nil, 404},
		{"POST to the balance", "POST", Balance, `{}`, nil, 405},
		{"GET a transaction", "GET", Transaction, "", nil, 405},
		{"lower case method", "get", Balance, "", nil, 405},
		{"no content type", "POST", Transaction, "", nil, 415},
		{"text", "POST", Transaction, `{"amount":1,"recipient":"bob"}`, []string{"Content-Type", "text/plain"}, 415},
		{"a form", "POST", Transaction, `amount=1`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"another charset", "POST", Transaction, `{"amount":1,"recipient":"bob"}`, []string{"Content-Type", "application/json; charset=latin1"}, 415},
		{"UTF-8 by name", "POST", Transaction, `{"amount":1,"recipient":"bob"}`, []string{"Content-Type", "application/json; charset=UTF-8"}, 200},
		{"compressed", "POST", Transaction, `{"amount":1,"recipient":"bob"}`, []string{"Content-Encoding", "gzip"}, 415},
		{"too large", "POST", Transaction, large, nil, 413},
		{"other fields are nobody's business", "POST", Transaction, `{"amount":1,"recipient":"bob","note":"rent"}`, nil, 200},
	} {
		w := a.send(c.method, c.path, c.body, append([]string{"X-API-Key", "k"}, c.headers...)...)
		if w.Code != c.status {
			t.Errorf("%s: got %d %s", c.about, w.Code, w.Body)
		}
		if c.status == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s: 405 without Allow", c.about)
		}
		if c.status != 204 && w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s", c.about, w.Header().Get("Content-Type"))
		}
	}
	for _, path := range Paths() {
		if !strings.Contains(a.send("GET", Index, "").Body.String(), `"path":"`+path+`"`) {
			t.Errorf("the index doesn't list %s", path)
		}
	}
}
