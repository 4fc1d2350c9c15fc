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
	if v.Status == http.StatusServiceUnavailable {
		p.kind, p.title = "degraded", "Not available now"
		p.detail, p.retry = "What this request needs is away for the moment. Try again.", max(p.retry, time.Second)
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
func (a *answer) refuse(p *problem) {
	a.x.Refused, a.x.Cause = true, p.cause
	a.write(p)
}

// write sends a problem.
func (a *answer) write(p *problem) {
	p.settle(a.x.ID, a.quota)
	a.g.limits.tell(a.Header(), a.quota, &a.left)
	body := p.head(a.Header())
	a.WriteHeader(p.status)
	if !a.head {
		_, _ = a.Write(body) // the client may have gone
	}
}

// settle makes a refusal ready to be sent.
func (p *problem) settle(id uint64, q engine.Quota) {
	if p.reference == "" {
		p.reference = engine.ExchangeReference(id)
	}
	if p.status == http.StatusTooManyRequests { // not sooner than there is quota again, nor later than the window is over
		if p.retry = max(p.retry, q.Reset, time.Second); q.Window > 0 {
			p.retry = min(p.retry, q.Window)
		}
	}
}

// head sets the header of a problem and answers its body.
func (p *problem) head(h http.Header) []byte {
	retry := seconds(p.retry)
	body, err := json.Marshal(struct {
		Type      string `json:"type"`
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Detail    string `json:"detail"`
		Field     string `json:"field,omitempty"`
		Reference string `json:"reference,omitempty"`
		Retry     int64  `json:"retry_after,omitempty"`
	}{"urn:sentinel-protocol:problem:" + p.kind, p.title, p.status, p.detail, p.field, p.reference, retry})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	body = append(body, '\n')
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
	return body
}
