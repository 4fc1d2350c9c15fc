package bank

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// A refusal is an answer that says what was wrong, with which field, and what to do. It is an
// error, and the body of the answer as well.
type refusal struct {
	Problem string `json:"error"`
	Field   string `json:"field,omitempty"`
	Reason  string `json:"reason,omitempty"` // of a 401: missing, invalid, expired, revoked
	Remedy  string `json:"remedy,omitempty"`

	status int
	allow  string // the Allow header of a 405
}

func (r *refusal) Error() string { return r.Problem }

// write answers with v as JSON. What the bank says is for the one who asked, so nothing on
// the way may keep it.
func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // the answers are ours: this cannot happen with what the bank writes
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	body = append(body, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who asked may have gone
}

func refuse(w http.ResponseWriter, r *refusal) {
	switch r.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `ApiKey realm="bank"`)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", r.allow)
	}
	write(w, r.status, r)
}
