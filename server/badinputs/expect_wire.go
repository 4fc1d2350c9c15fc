package main

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// reached holds what the API was sent against what it should have been sent. Counts are about
// the last request of a sequence, unless more than one is expected; paths about all of it.
func (o *outcome) reached(want tree) verdict {
	one := o.last()
	if one.upstream == nil {
		return blind("what reached the API")
	}
	every := *one.upstream
	if o.upstream != nil {
		every = *o.upstream
	}
	for _, word := range slices.Sorted(maps.Keys(want)) {
		requests := *one.upstream
		if n, _ := want[word].(float64); word == "never_path" || strings.HasPrefix(word, "count") && n > 1 {
			requests = every
		}
		if v := o.reachedWord(word, want[word], requests); v.state != held {
			return v
		}
	}
	return yes
}

func (o *outcome) reachedWord(word string, want any, requests []*seen) verdict {
	n, _ := want.(float64)
	got := float64(len(requests))
	switch word {
	case "count":
		return when(got == n, "%g requests reached the API, not %g%s", got, n, o.told())
	case "count_max":
		return when(got <= n, "%g requests reached the API%s", got, o.told())
	case "count_min":
		return when(got >= n, "%g requests reached the API%s", got, o.told())
	case "host_equals_judged":
		return o.sameHost(requests)
	case "body_complete":
		for _, s := range requests {
			if s.complete != want {
				return no("a body was complete: %v", s.complete)
			}
		}
		return yes
	case "header_contains", "header_not_contains", "header_equals":
		for name, v := range object(want) {
			for _, s := range requests {
				if v := headerWord(word, name, fmt.Sprint(v), s.values(name)); v.state != held {
					return v
				}
			}
		}
		return needsOne(word, requests)
	}
	for _, s := range requests {
		for _, w := range list(want) {
			if v, known := o.seenWord(word, w, s); !known {
				return blind("upstream." + word)
			} else if v.state != held {
				return v
			}
		}
	}
	if len(requests) == 0 && !o.knownOfSeen(word) {
		return blind("upstream." + word)
	}
	return needsOne(word, requests)
}

// needsOne fails a word that says something of a request when none came.
func needsOne(word string, requests []*seen) verdict {
	about := slices.Contains([]string{"raw_target", "body_bytes", "body_contains", "body", "body_equals", "header_contains", "header_equals", "header_present", "method", "query_param", "path"}, word)
	return when(len(requests) > 0 || !about, "nothing reached the API")
}

func (o *outcome) knownOfSeen(word string) bool {
	_, known := o.seenWord(word, "", &seen{})
	return known
}

func headerWord(word, name, want string, values []string) verdict {
	contains := slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, want) })
	switch word {
	case "header_not_contains":
		return when(!contains, "%s reached the API as %q", name, values)
	case "header_equals":
		return when(len(values) == 1 && values[0] == want, "%s reached the API as %q", name, values)
	}
	return when(contains, "%s reached the API as %q", name, values)
}

func (o *outcome) seenWord(word string, want any, s *seen) (verdict, bool) {
	w, _ := want.(string)
	switch word {
	case "raw_target":
		return when(s.target == w, "%q reached the API", clip(s.target)), true
	case "never_path":
		path, _, _ := strings.Cut(s.target, "?")
		return when(!strings.Contains(path, w), "%q reached the API", clip(s.target)), true
	case "path":
		path, _, _ := strings.Cut(s.target, "?")
		return when(path == w, "%q reached the API", clip(s.target)), true
	case "method":
		return when(s.method == w, "%s reached the API", s.method), true
	case "header_absent":
		return when(len(s.values(w)) == 0, "%s reached the API as %q", w, s.values(w)), true
	case "header_present":
		return when(len(s.values(w)) > 0, "%s did not reach the API", w), true
	case "header_absent_or_server_value":
		for _, v := range s.values(w) {
			if slices.Contains(o.last().sent(w), v) {
				return no("%s reached the API as %q", w, v), true
			}
		}
		return yes, true
	case "trailer_absent":
		return when(!slices.ContainsFunc(s.trailer, func(t [2]string) bool { return strings.EqualFold(t[0], w) }), "the trailer %s reached the API", w), true
	case "body_bytes":
		n, _ := want.(float64)
		return when(float64(s.bodyBytes) == n, "%d bytes of the body reached the API", s.bodyBytes), true
	case "body_not":
		return when(string(s.body) != w, "the body reached the API as %q", clip(w)), true
	case "body_contains":
		return when(strings.Contains(string(s.body), w), "the body reached the API as %q", clip(string(s.body))), true
	case "body", "body_equals":
		return when(string(s.body) == w, "the body reached the API as %q", clip(string(s.body))), true
	case "query_param_absent", "query_param":
		_, query, _ := strings.Cut(s.target, "?")
		has := slices.ContainsFunc(strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }), func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			name, err := url.QueryUnescape(name)
			return err == nil && name == w
		})
		return when(has == (word == "query_param"), "the query parameter %s reached the API: %v", w, has), true
	}
	return verdict{}, false
}

// sameHost reports whether the API was told the one authority that RFC 9112 3.2.2 gives the
// request: that of an absolute target, else Host.
func (o *outcome) sameHost(requests []*seen) verdict {
	raw := firstText(o.last().input["bytes"])
	_, rest, _ := strings.Cut(raw, " ")
	target, rest, _ := strings.Cut(rest, " ")
	want := ""
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		want = u.Host
	} else if i := strings.Index(strings.ToLower(rest), "\r\nhost:"); i >= 0 {
		want, _, _ = strings.Cut(rest[i+len("\r\nhost:"):], "\r\n")
		want = strings.TrimSpace(want)
	}
	if want == "" {
		return blind("which authority was judged")
	}
	for _, s := range requests {
		if s.host != want {
			return no("judged for %s, and the API was told %s", want, s.host)
		}
	}
	return when(len(requests) > 0, "nothing reached the API")
}

func firstText(v any) string {
	b, err := plain(v, latin1)
	if err != nil {
		return ""
	}
	return string(b)
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

// answerWord is about what came back.
func (o *outcome) answerWord(word string, want any) (verdict, bool) {
	got := o.statuses(false)
	a := o.final()
	switch word {
	case "status", "status_last":
		if len(got) == 0 {
			return no("%s instead of a status", o.decision()), true
		}
		return when(isStatus(got[len(got)-1], want), "%d instead of %v", got[len(got)-1], want), true
	case "status_set":
		for _, s := range got {
			if !isStatus(s, want) {
				return no("%d is not among %v", s, want), true
			}
		}
		return when(len(got) > 0, "no answer"), true
	case "status_not":
		for _, s := range o.statuses(true) {
			if isStatus(s, want) {
				return no("%d", s), true
			}
		}
		return yes, true
	case "responses":
		ok := len(got) == len(list(want))
		for i, w := range list(want) {
			ok = ok && isStatus(got[i], w)
		}
		return when(ok, "the answers are %v", got), true
	case "refused":
		d := o.decision()
		return when((d == blocked || d == rejected) == want, "%s", d), true
	}
	if !slices.Contains([]string{"header_present", "header_absent", "body_contains", "body_not_contains", "response_bytes_max", "header_equals", "header_contains"}, word) {
		return verdict{}, false
	}
	if a == nil {
		if word == "header_present" || word == "body_contains" {
			return no("no answer"), true
		}
		a = &answer{header: map[string][]string{}}
	}
	switch word {
	case "response_bytes_max":
		n, _ := want.(float64)
		return when(float64(a.bytes) <= n, "%d bytes were answered", a.bytes), true
	case "header_equals", "header_contains":
		for name, v := range object(want) {
			if v := headerWord(word, name, fmt.Sprint(v), a.header.Values(name)); v.state != held {
				return v, true
			}
		}
		return yes, true
	}
	for _, w := range texts(want) {
		var v verdict
		switch word {
		case "header_present":
			v = when(a.header.Get(w) != "", "there is no %s", w)
		case "header_absent":
			v = when(len(a.header.Values(w)) == 0, "there is %s: %q", w, a.header.Get(w))
		case "body_contains":
			v = when(strings.Contains(string(a.body), w), "the answer lacks %q", w)
		case "body_not_contains":
			v = when(!strings.Contains(string(a.body), w), "the answer holds %q", w)
		}
		if v.state != held {
			return v, true
		}
	}
	return yes, true
}

// isStatus compares with a number, a class as in 4xx, or a list of them.
func isStatus(got int, want any) bool {
	for _, w := range list(want) {
		switch w := w.(type) {
		case float64:
			if float64(got) == w {
				return true
			}
		case string:
			if text := strconv.Itoa(got); text == w || len(w) == 3 && w[1:] == "xx" && text[:1] == w[:1] {
				return true
			}
		}
	}
	return false
}

// blocks is about the decisions in force.
func (o *outcome) blocks(want tree) verdict {
	if o.after == nil {
		return blind("the lists")
	}
	for word, w := range want {
		switch word {
		case "has", "not":
			for _, s := range texts(w) {
				p := network(s)
				if !p.IsValid() {
					return blind("whether " + s + " is blocked")
				}
				if got := o.after.blocks(p.Addr()); got != (word == "has") {
					return no("%s is blocked: %v", s, got)
				}
			}
		case "unchanged":
			if o.before == nil {
				return blind("the lists before")
			}
			if same := slices.Equal(o.before.decisions, o.after.decisions); same != w {
				return no("the lists changed from %d entries to %d", len(o.before.decisions), len(o.after.decisions))
			}
		case "count_of":
			for s, n := range object(w) {
				got := 0
				for _, d := range o.after.decisions {
					if network(d.target) == network(s) {
						got++
					}
				}
				if float64(got) != n {
					return no("%s is on the lists %d times", s, got)
				}
			}
		case "consistent":
			if o.after.lists == nil {
				return blind("what machines are told")
			}
			var told []string
			for _, d := range o.after.decisions {
				if d.action == "BLOCK" {
					told = append(told, d.target)
				}
			}
			slices.Sort(told)
			if same := slices.Equal(told, o.after.lists); same != w {
				return no("operators see %d blocks and machines %d", len(told), len(o.after.lists))
			}
		default:
			return blind("blocks." + word)
		}
	}
	return yes
}

// canonical is an address as the product writes it.
func canonical(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().String()
	}
	return s
}
