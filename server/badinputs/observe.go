package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// graphql asks the console a question as the operator.
func (s *product) graphql(ctx context.Context, query string, into any) error {
	b, err := json.Marshal(tree{"query": query})
	if err != nil {
		return err
	}
	status, body, err := s.ask(ctx, http.MethodPost, "http://"+s.console+"/graphql", b, true)
	if err != nil {
		return err
	}
	var a struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(body, &a); err != nil || len(a.Errors) > 0 || status != http.StatusOK {
		return fmt.Errorf("the console answers %d %s", status, clip(string(body)))
	}
	return json.Unmarshal(a.Data, into)
}

// A connection is a page of what the console lists.
type connection[T any] struct {
	Edges      []struct{ Node T }
	TotalCount int
}

const exchangeFields = "client account keyPrefix sessionPrefix method path status refused cause flags userAgent"

// exchanges that were logged, oldest first, without our own.
func (s *product) exchanges(ctx context.Context) ([]logged, error) {
	var a struct{ Exchanges connection[logged] }
	if err := s.graphql(ctx, "{exchanges(first: 200) {edges {node {"+exchangeFields+"}}}}", &a); err != nil {
		return nil, err
	}
	var out []logged
	for _, e := range a.Exchanges.Edges {
		if !strings.HasPrefix(e.Node.Path, controlPath) {
			out = append(out, e.Node)
		}
	}
	slices.Reverse(out)
	return out, nil
}

// controlPath is where the driver's own requests go.
const controlPath = "/api/bad-inputs-control"

// settled sends a request of our own and waits until the console tells of it: whatever came
// before has been written down by then.
func (s *product) settled(ctx context.Context) error {
	path := fmt.Sprintf("%s/%d", controlPath, time.Now().UnixNano())
	if err := s.control(ctx, path); err != nil {
		return err
	}
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until) && ctx.Err() == nil; {
		var a struct {
			Exchanges connection[struct{ Path string }]
		}
		if err := s.graphql(ctx, `{exchanges(first: 1, filter: {path: "`+path+`"}) {edges {node {path}}}}`, &a); err != nil {
			return err
		}
		if len(a.Exchanges.Edges) > 0 {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
	return errors.New("an exchange is not told within 20 s")
}

// control sends one good request through the gateway, of a client that no case knows.
func (s *product) control(ctx context.Context, path string) error {
	status, err := s.good(ctx, s.friend, path, "")
	if err == nil && status >= 400 && !s.demo {
		err = fmt.Errorf("a good request gets %d", status)
	}
	return err
}

// good sends a request that nobody can have anything against.
func (s *product) good(ctx context.Context, client *http.Client, path, forwarded string) (int, error) {
	scheme := "http://"
	if s.tls {
		scheme = "https://"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+s.gateway+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	r.Host = "app.test"
	r.Header.Set(controlHeader, "1")
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	a, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	_, err = io.Copy(io.Discard, a.Body)
	return a.StatusCode, err
}

// from is a client that connects from an address of its own.
func from(address string) *http.Client {
	d := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: d.DialContext, MaxIdleConnsPerHost: 4,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a certificate of our own
	}}
}

// lists as the operator sees them, and as machines do.
func (s *product) lists(ctx context.Context) (*lists, error) {
	var a struct {
		Decisions connection[struct {
			Action string
			Target struct{ Label string }
		}]
		Alerts connection[struct{ Actor struct{ Label string } }]
	}
	const question = `{decisions(first: 200, filter: {state: IN_FORCE}) {totalCount edges {node {action target {label}}}}
		alerts(first: 200) {totalCount edges {node {actor {label}}}}}`
	if err := s.graphql(ctx, question, &a); err != nil {
		return nil, err
	}
	out := &lists{alerts: a.Alerts.TotalCount}
	for _, e := range a.Decisions.Edges {
		out.decisions = append(out.decisions, placed{e.Node.Action, e.Node.Target.Label})
	}
	slices.SortFunc(out.decisions, func(a, b placed) int { return strings.Compare(a.target+a.action, b.target+b.action) })
	for _, e := range a.Alerts.Edges {
		out.actors = append(out.actors, e.Node.Actor.Label)
	}
	var audit struct {
		Audit connection[struct{ ID string }]
	}
	if err := s.graphql(ctx, "{audit(first: 200) {edges {node {id}}}}", &audit); err == nil {
		out.audit = len(audit.Audit.Edges)
	}
	out.lists = s.bouncer(ctx)
	return out, nil
}

// bouncer is what a machine is told to block; nil when it is told nothing.
func (s *product) bouncer(ctx context.Context) []string {
	if s.service == "" {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.service+"/v1/decisions", http.NoBody)
	if err != nil {
		return nil
	}
	r.Header.Set("X-Api-Key", s.token)
	a, err := s.client.Do(r)
	if err != nil {
		return nil
	}
	defer a.Body.Close()
	var told []struct{ Value, Type string }
	if a.StatusCode != http.StatusOK || json.NewDecoder(a.Body).Decode(&told) != nil {
		return nil
	}
	out := []string{}
	for _, d := range told {
		if d.Type == "ban" {
			out = append(out, d.Value)
		}
	}
	slices.Sort(out)
	return out
}

// health of each dependency as /readyz tells it; nil when nobody answers.
func (s *product) health(ctx context.Context) map[string]string {
	_, body, err := s.get(ctx, "http://"+s.console+"/readyz", false)
	if err != nil {
		return nil
	}
	var a struct{ Dependencies map[string]string }
	if json.Unmarshal(body, &a) != nil {
		return nil
	}
	return a.Dependencies
}

// metrics are the series of the service listener, by name with labels.
func (s *product) metrics(ctx context.Context) (map[string]float64, error) {
	status, body, err := s.get(ctx, "http://"+s.service+"/metrics", true)
	if err != nil || status != http.StatusOK {
		return nil, notRun(fmt.Sprintf("/metrics answers %d", status))
	}
	out := map[string]float64{}
	for line := range strings.SplitSeq(string(body), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		if i < 0 {
			continue
		}
		if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
			out[line[:i]] = v
		}
	}
	return out, nil
}

// memory of the process in megabytes: now, and its peak since the last reset.
func (s *product) memory() (now, peak float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmRSS:":
			now = kb / 1024
		case "VmHWM:":
			peak = kb / 1024
		}
	}
	return now, peak
}

// resetPeak lets the peak begin anew (proc(5), clear_refs).
func (s *product) resetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.cmd.Process.Pid), []byte("5"), 0) // else the peak since the start counts
}

// cpu is how much processor time the process has used.
func (s *product) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100 // Linux counts hundredths to user space
}

// everywhere is what the product keeps and tells, by the names that cases use for places.
func (s *product) everywhere(ctx context.Context, o *outcome) {
	log := s.said.String() + s.told.String()
	for _, name := range []string{"log file", "stderr", "stdout", "log", "panic trace"} {
		o.places[name] = log
	}
	if _, body, err := s.get(ctx, "http://"+s.console+"/readyz", false); err == nil {
		o.places["health"] = string(body)
	}
	if s.service != "" {
		if _, body, err := s.get(ctx, "http://"+s.service+"/metrics", true); err == nil {
			o.places["metrics"] = string(body)
		}
	}
	if status, body, err := s.get(ctx, "http://"+s.console+"/api/export/exchanges.csv", true); err == nil && status == http.StatusOK {
		o.places["CSV export"] = string(body)
	}
	if status, body, err := s.get(ctx, "http://"+s.console+"/api/monitoring/logs", true); err == nil && status == http.StatusOK {
		o.places["REST"] = string(body)
	}
	var all json.RawMessage
	if s.graphql(ctx, `{exchanges(first: 200) {edges {node {id reference route `+exchangeFields+`}}} alerts(first: 200) {edges {node {reason path keyPrefix}}}
		decisions(first: 200) {edges {node {reason target {label}}}} audit(first: 200) {edges {node {object detail}}}}`, &all) == nil {
		o.places["GraphQL"] = string(all)
	}
	var channels json.RawMessage
	if err := s.graphql(ctx, "{__typename channels {__typename}}", &channels); err != nil && strings.Contains(err.Error(), "channels") {
		o.places["webhook payload"] = "" // this product sends none
	}
	var b strings.Builder
	_ = filepath.WalkDir(filepath.Join(s.dir, "data"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if content, err := os.ReadFile(path); err == nil { //nolint:gosec // in a directory of our own
				b.Write(content)
			}
		}
		return nil // a file that has gone holds nothing
	})
	o.places["database"] = b.String()
}
