package proxy

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// A problem is what a client is told when the API has not answered, as RFC 9457 has it. It says
// nothing about what is behind.
type problem struct {
	status              int
	kind, title, detail string
	retry               time.Duration
}

var (
	noRoute    = &problem{status: http.StatusNotFound, kind: "no-route", title: "Nothing is here", detail: "No API answers for this host and path."}
	badTarget  = &problem{status: http.StatusBadRequest, kind: "request-target", title: "The request can't be passed on", detail: "The target, the host or a header of the request has characters that can't be passed on."}
	badBody    = &problem{status: http.StatusBadRequest, kind: "body", title: "The body is broken", detail: "The body of the request ended early or is badly framed."}
	slowBody   = &problem{status: http.StatusRequestTimeout, kind: "slow-body", title: "The body took too long", detail: "The body of the request did not arrive in time."}
	largeBody  = &problem{status: http.StatusRequestEntityTooLarge, kind: "large-body", title: "The body is too large", detail: "The body of the request is larger than this API takes."}
	badGateway = &problem{status: http.StatusBadGateway, kind: "bad-gateway", title: "The API did not answer properly", detail: "The API could not be reached, or its answer could not be read. Try again later."}
	noTarget   = &problem{status: http.StatusServiceUnavailable, kind: "unavailable", title: "The API is away", detail: "The API is not available at the moment. Wait as long as Retry-After says."}
	lateAnswer = &problem{status: http.StatusGatewayTimeout, kind: "timeout", title: "The API took too long", detail: "The API did not answer in time. It may have done what was asked."}
)

// statusGone is what is recorded when the client left before there was an answer.
const statusGone = 499

// Why an exchange with an upstream ended early.
var (
	errStale     = errors.New("the connection was closed while nobody used it")
	errLost      = errors.New("the connection ended before the answer")
	errMalformed = errors.New("the answer is malformed")
	errTooLarge  = errors.New("the header of the answer is too large")
	errShort     = errors.New("the answer broke off")
	errLate      = errors.New("no answer in time")
	errStalled   = errors.New("no progress in time")
	errSlowBody  = errors.New("the client stopped sending its body")
	errBody      = errors.New("the client's body is broken")
	errLargeBody = errors.New("the client's body is too large")
	errGone      = errors.New("the client is gone")
	errClosing   = errors.New("the proxy is closing")
)

// Error lets a problem be returned by what finds it before anything is sent on.
func (p *problem) Error() string { return p.title }

// problemOf says what a client is told about an exchange that failed before its answer began;
// nil when nobody is there to be told.
func problemOf(err error) *problem {
	var known *problem
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errGone):
		return nil
	case errors.Is(err, errLate), errors.Is(err, errStalled):
		return lateAnswer
	case errors.Is(err, errSlowBody):
		return slowBody
	case errors.Is(err, errBody):
		return badBody
	case errors.Is(err, errLargeBody):
		return largeBody
	}
	return badGateway
}

// write sends the problem. What the API may have left in the header is not part of it.
func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	retry := int64((p.retry + time.Second - 1) / time.Second)
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Retry  int64  `json:"retry_after,omitempty"`
	}{"urn:sentinel-protocol:problem:" + p.kind, p.title, p.status, p.detail, retry})
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	body = append(body, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(retry, 10))
	}
	switch p {
	case slowBody, badBody, largeBody: // what is left of the body is not waited for
		h.Set("Connection", "close")
	}
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may have gone
	}
}
