package ingest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// text is a string, or a number as it is written: logs have both for the same field. What is
// neither is empty.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	switch c := b[0]; {
	case c == '"':
		var s string
		err := json.Unmarshal(b, &s)
		*t = text(s)
		return err
	case c == '-' || digit(c):
		*t = text(b)
	}
	return nil
}

const noJSON = "is not a JSON object"

// decode reads a line that is one JSON object.
func decode(line string, into any) bool {
	line = strings.TrimLeft(line, " \t")
	return strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), into) == nil
}

// nginxJSON reads the log_format of deploy/examples/nginx: names of nginx's own variables.
type nginxJSON struct{}

func (*nginxJSON) format() string { return "nginx-json" }

func (*nginxJSON) parse(line string, x *engine.Exchange) (ok bool, problem string) {
	var l struct {
		ISO       text `json:"time_iso8601"`
		Msec      text `json:"msec"`
		Local     text `json:"time_local"`
		Client    text `json:"remote_addr"`
		User      text `json:"remote_user"`
		Method    text `json:"request_method"`
		URI       text `json:"request_uri"`
		Request   text `json:"request"`
		Status    text `json:"status"`
		Took      text `json:"request_time"`
		Body      text `json:"body_bytes_sent"`
		Sent      text `json:"bytes_sent"`
		UserAgent text `json:"http_user_agent"`
		Referer   text `json:"http_referer"`
		Forwarded text `json:"http_x_forwarded_for"`
	}
	if !decode(line, &l) {
		return false, noJSON
	}
	if l.Client == "" {
		return false, noClient
	}
	e := entry{
		time: first(l.Msec, l.ISO, l.Local), client: l.Client, account: l.User,
		method: l.Method, target: l.URI, status: l.Status, bytes: first(l.Body, l.Sent), userAgent: l.UserAgent, referer: l.Referer,
		took: span(string(l.Took), time.Second),
	}
	if e.target == "" {
		e.request = l.Request
	}
	ok, problem = e.fill(x)
	if ok {
		setForwarded(x, string(l.Forwarded))
	}
	return ok, problem
}

// caddyJSON reads what Caddy's log directive writes. Lines about no request are passed over.
type caddyJSON struct{}

func (*caddyJSON) format() string { return "caddy" }

func (*caddyJSON) parse(line string, x *engine.Exchange) (ok bool, problem string) {
	var l struct {
		At      text `json:"ts"`
		Level   text `json:"level"`
		Request *struct {
			Client text `json:"client_ip"` // who it is, by Caddy's trusted proxies
			Remote text `json:"remote_ip"`
			Old    text `json:"remote_addr"` // before 2.5, with the port
			Method text `json:"method"`
			URI    text `json:"uri"`
			Header struct {
				UserAgent []string `json:"User-Agent"`
				Referer   []string `json:"Referer"`
			} `json:"headers"`
		} `json:"request"`
		User   text `json:"user_id"`
		Status text `json:"status"`
		Took   text `json:"duration"`
		Size   text `json:"size"`
	}
	switch {
	case !decode(line, &l):
		return false, noJSON
	case l.At == "":
		return false, noTime
	case l.Request == nil && l.Level != "", l.Request != nil && l.Status == "":
		return false, "" // a line of Caddy's about itself
	case l.Request == nil:
		return false, noRequest
	}
	e := entry{
		time: l.At, client: first(l.Request.Client, l.Request.Remote, l.Request.Old), account: l.User,
		method: l.Request.Method, target: l.Request.URI, status: l.Status, bytes: l.Size,
		took: span(string(l.Took), time.Second),
	}
	if d, err := time.ParseDuration(string(l.Took)); err == nil && e.took == 0 { // duration_format string
		e.took = min(max(d, 0), 24*time.Hour)
	}
	if agents := l.Request.Header.UserAgent; len(agents) > 0 {
		e.userAgent = text(agents[0])
	}
	if pages := l.Request.Header.Referer; len(pages) > 0 {
		e.referer = text(pages[0])
	}
	return e.fill(x)
}

// envoyJSON reads Envoy's access log in JSON, with the names of its documentation or Istio's.
//
// The client is downstream_remote_address, which Envoy finds by the hops that it is told to
// trust. x_forwarded_for is text of strangers and makes nobody a client.
type envoyJSON struct{}

func (*envoyJSON) format() string { return "envoy" }

func (*envoyJSON) parse(line string, x *engine.Exchange) (ok bool, problem string) {
	var l struct {
		At         text `json:"start_time"`
		Client     text `json:"downstream_remote_address"`
		Method     text `json:"method"`
		Method2    text `json:":method"`
		Path       text `json:"path"`
		Path2      text `json:":path"`
		Status     text `json:"response_code"`
		Took       text `json:"duration"`
		Sent       text `json:"bytes_sent"`
		UserAgent  text `json:"user_agent"`
		UserAgent2 text `json:"user-agent"`
		Referer    text `json:"referer"`
		Forwarded  text `json:"x_forwarded_for"`
		Forwarded2 text `json:"x-forwarded-for"`
	}
	switch {
	case !decode(line, &l):
		return false, noJSON
	case l.At == "":
		return false, noTime
	case l.Client == "":
		return false, "has no downstream_remote_address: add %DOWNSTREAM_REMOTE_ADDRESS% to Envoy's log format"
	}
	e := entry{
		time: l.At, client: l.Client, method: first(l.Method, l.Method2), target: first(l.Path, l.Path2),
		status: l.Status, bytes: l.Sent, userAgent: first(l.UserAgent, l.UserAgent2), referer: l.Referer,
		took: span(string(l.Took), time.Millisecond),
	}
	ok, problem = e.fill(x)
	if ok {
		setForwarded(x, string(first(l.Forwarded, l.Forwarded2)))
	}
	return ok, problem
}

// jsonl reads Sentinel's own exchange format. Fields that no rule asks for yet are passed over.
type jsonl struct{ key func(string) engine.Key }

func (*jsonl) format() string { return "jsonl" }

func (p *jsonl) parse(line string, x *engine.Exchange) (ok bool, problem string) {
	var l struct {
		At        text `json:"at"`
		Client    text `json:"client"`
		Method    text `json:"method"`
		Path      text `json:"path"`
		Status    text `json:"status"`
		Key       text `json:"key"`
		Account   text `json:"account"`
		Session   text `json:"session"`
		UserAgent text `json:"user_agent"`
		Referer   text `json:"referer"`
		Country   text `json:"country"` // ISO 3166-1, two letters
		ASN       text `json:"asn"`
		Took      text `json:"took"`  // seconds
		Bytes     text `json:"bytes"` // of the answer
	}
	if !decode(line, &l) {
		return false, noJSON
	}
	e := entry{
		time: l.At, client: l.Client, method: l.Method, target: l.Path, status: l.Status, bytes: l.Bytes,
		account: l.Account, userAgent: l.UserAgent, referer: l.Referer, took: span(string(l.Took), time.Second),
	}
	if ok, problem = e.fill(x); ok {
		x.Key, x.Session = p.key(string(l.Key)), p.key(string(l.Session))
		setPlace(x, string(l.Country), string(l.ASN))
	}
	return ok, problem
}

// An entry is what formats of named fields have in common.
type entry struct {
	time, client, account, method, target, request, status, bytes, userAgent, referer text

	took time.Duration
	zone *time.Location // of times without one; UTC when nil
}

func (e *entry) fill(x *engine.Exchange) (ok bool, problem string) {
	zone := e.zone
	if zone == nil {
		zone = time.UTC
	}
	if x.At, ok = stamp(string(e.time), zone); !ok {
		return false, noTime
	}
	if x.Client, ok = host(string(e.client)); !ok {
		return false, noClient
	}
	if x.Status, ok = status(string(e.status)); !ok {
		return false, noStatus
	}
	switch {
	case e.target != "":
		setMethod(x, string(e.method))
		setPath(x, string(e.target))
	case e.request != "" && e.request != "-":
		setRequest(x, string(e.request))
	case e.request == "-", e.status != "":
		return false, "" // a connection on which nobody asked for anything
	default:
		return false, noRequest
	}
	x.Took, x.Bytes = e.took, size(string(e.bytes))
	if e.account != "-" {
		setAccount(x, string(e.account))
	}
	setUserAgent(x, string(e.userAgent))
	setReferer(x, string(e.referer))
	return true, ""
}

// first that is there.
func first(ts ...text) text {
	for _, t := range ts {
		if t != "" && t != "-" {
			return t
		}
	}
	return ""
}
