package simulator

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

//go:embed questions.json
var questionsFile []byte

// questions are what the players ask GraphQL; play.ts reads the same file.
var questions = table(questionsFile)

// A Target is a running demo: its protected API, and its console for the questions.
type Target struct {
	base   string // scheme and host
	client *http.Client
}

// Open returns the demo at a URL as http://127.0.0.1:8080. It refuses one on another machine: the
// demo takes simulated addresses from its own machine only, and would count everything against
// the one who asks. The caller closes it.
func Open(target string) (*Target, error) {
	u, err := url.Parse(target)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "":
		return nil, Invalid{"target", "is not the URL of a demo, as in http://127.0.0.1:8080"}
	case !loopback(u.Hostname()):
		return nil, Invalid{"target", u.Host + " is another machine: a demo takes simulated addresses from its own machine only"}
	}
	dial := &net.Dialer{Timeout: 5 * time.Second}
	return &Target{u.Scheme + "://" + u.Host, &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: dial.DialContext, MaxIdleConnsPerHost: maxActors},
	}}, nil
}

// Close ends idle connections.
func (t *Target) Close() { t.client.CloseIdleConnections() }

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// send plays one request and says what became of it. Nobody answered when the status is 0.
func (t *Target) send(ctx context.Context, r *Request, clock func() time.Duration) Outcome {
	q, err := http.NewRequestWithContext(ctx, r.Method, t.base+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return Outcome{Problem: err.Error()}
	}
	q.Header.Set("X-Simulated-IP", r.Address.String())
	if r.Key != "" {
		q.Header.Set("X-API-Key", r.Key)
	}
	if r.Body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	for _, h := range r.Headers {
		q.Header.Set(h.Name, h.Value)
	}
	o := Outcome{Sent: clock()}
	a, err := t.client.Do(q)
	if err != nil {
		o.Answered, o.Problem = clock(), cause(err)
		return o
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, 1<<20))
	o.Status, o.Answered = a.StatusCode, clock()
	if err != nil {
		o.Problem = cause(err)
	}
	if o.Refused() {
		var receipt struct{ Reference string }
		_ = json.Unmarshal(body, &receipt) // a refusal without a reference breaks its promise
		o.Reference = receipt.Reference
	}
	return o
}

// Ask puts a question to the target's GraphQL and reads the data into answer.
func (t *Target) Ask(ctx context.Context, question string, variables map[string]any, answer any) error {
	b, err := json.Marshal(map[string]any{"query": question, "variables": variables})
	if err != nil {
		return fmt.Errorf("ask %s: %w", t.base, err)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base+"/graphql", bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("ask %s: %w", t.base, err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Accept", "application/json")
	q.Header.Set("Origin", t.base)
	a, err := t.client.Do(q)
	if err != nil {
		return fmt.Errorf("nobody answers at %s (%s): is the demo running?", t.base, cause(err))
	}
	defer a.Body.Close()
	var said struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(io.LimitReader(a.Body, 8<<20)).Decode(&said); err != nil {
		return fmt.Errorf("ask %s: it answered %s, which is not GraphQL: is it a Sentinel?", t.base, a.Status)
	}
	if len(said.Errors) > 0 {
		return fmt.Errorf("ask %s: %s", t.base, said.Errors[0].Message)
	}
	if err := json.Unmarshal(said.Data, answer); err != nil {
		return fmt.Errorf("ask %s: %w", t.base, err)
	}
	return nil
}

// cause leaves out what the caller knows: the method and the URL.
func cause(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	return err.Error()
}
