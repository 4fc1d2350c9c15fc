package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A problem is a refusal as RFC 9457 has it, and what is written down about it.
type problem struct {
	status    int
	kind      string // ends the type URI
	title     string
	detail    string
	field     string        // the header that is wrong, when one is
	reference string        // of the receipt; the exchange's own when empty
	retry     time.Duration // when asking again makes sense; 0 for never by itself
	cause     string        // for the exchange
}

// verdictProblem words a verdict. It tells a stranger what to do and nothing about the rules.
func verdictProblem(v engine.Verdict) *problem {
	p := &problem{status: v.Status, reference: v.Reference, retry: v.RetryAfter, cause: v.Cause}
	if v.Status == http.StatusTooManyRequests {
		p.kind, p.title = "too-many-requests", "Too many requests"
		p.detail = "This client asks too often. Wait as long as Retry-After says."
		p.retry = max(p.retry, time.Second)
		return p
	}
	p.kind, p.title = "refused", "Refused"
	if strings.HasPrefix(v.Reference, "X-") { // no decision behind it: it was this request alone
		p.detail, p.retry = "This path is refused to everybody. Ask for another.", max(p.retry, time.Second)
		return p
	}
	p.detail = "Requests of this client or with this key are refused. If that is a mistake, quote the reference to whoever runs this API."
	return p
}

// refuse answers in the API's stead. It counts against nobody.
func (a *answer) refuse(r *http.Request, p *problem) {
	a.x.Refused, a.x.Cause = true, p.cause
	a.write(r, p)
}

// write sends a problem.
func (a *answer) write(r *http.Request, p *problem) {
	if p.reference == "" {
		p.reference = engine.ExchangeReference(a.x.ID)
	}
	retry := int64((p.retry + time.Second - 1) / time.Second)
	body, err := json.Marshal(struct {
		Type      string `json:"type"`
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Detail    string `json:"detail"`
		Field     string `json:"field,omitempty"`
		Reference string `json:"reference"`
		Retry     int64  `json:"retry_after,omitempty"`
	}{"urn:sentinel-protocol:problem:" + p.kind, p.title, p.status, p.detail, p.field, p.reference, retry})
	if err != nil { // strings and numbers always marshal
		a.g.log.ErrorContext(r.Context(), "word a refusal", "err", err)
	}
	body = append(body, '\n')
	h := a.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(retry, 10))
	}
	if p.status == http.StatusMethodNotAllowed {
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	a.WriteHeader(p.status)
	if !a.head {
		_, _ = a.Write(body) // the client may have gone
	}
}
