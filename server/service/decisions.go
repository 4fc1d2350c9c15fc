package service

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// decisions answers a bouncer that asks before it lets somebody through: what holds for an address
// (ip, or scope=ip and value), a network (range) or a key, or everything. null stands for nothing,
// which is also the answer for whom an operator allows.
func (s *Service) decisions(w http.ResponseWriter, r *http.Request, _ string) {
	q := r.URL.Query()
	asked, scope, value := "", strings.ToLower(q.Get("scope")), q.Get("value")
	switch {
	case q.Get("ip") != "":
		scope, asked = "ip", q.Get("ip")
	case q.Get("range") != "":
		scope, asked = "range", q.Get("range")
	default:
		asked = value
	}
	q.Del("scope")
	f := s.parseFilter(q)
	if scope == "key" {
		f.keys = true
	}
	if asked == "" {
		if scope != "" { // all of one kind
			f.ips, f.ranges, f.keys = scope == "ip", scope == "range", scope == "key"
		}
		s.list(w, r, func(tell func(*engine.Decision, engine.Target) bool) { s.each(&f, tell) })
		return
	}
	switch scope {
	case "", "ip", "range":
		n, ok := network(asked)
		if !ok || scope == "ip" && !n.IsSingleIP() {
			refuse(w, http.StatusBadRequest, "invalid "+map[bool]string{true: "ip", false: "range"}[scope == "ip"]+" address: write it as 198.51.100.7 or 2001:db8::/64")
			return
		}
		contains := q.Get("contains") != "false"
		s.list(w, r, func(tell func(*engine.Decision, engine.Target) bool) { s.eachAbout(n, contains, &f, tell) })
	case "key":
		s.list(w, r, func(tell func(*engine.Decision, engine.Target) bool) {
			s.each(&f, func(d *engine.Decision, t engine.Target) bool {
				return t.Network.IsValid() || !strings.EqualFold(keyValue(t.Key), asked) || tell(d, t)
			})
		})
	default: // a scope that Sentinel decides nothing about
		s.list(w, r, func(func(*engine.Decision, engine.Target) bool) {})
	}
}

// eachAbout tells the parts of decisions that hold for a whole network, or those that lie within it.
func (s *Service) eachAbout(n netip.Prefix, contains bool, f *filter, tell func(*engine.Decision, engine.Target) bool) {
	allows := s.feed.allowed.Load()
	if contains {
		covering := s.guard.Covering(n.Addr(), engine.Key{})
		for _, d := range covering {
			if d.Action == engine.Allow && d.Target.Network.IsValid() && d.Target.Network.Bits() <= n.Bits() {
				return // for the very next question, whatever the feed has heard
			}
		}
		for _, d := range covering {
			if !d.Target.Network.IsValid() || d.Target.Network.Bits() > n.Bits() || !f.tells(&d) || allows.overlaps(n) {
				continue
			}
			if part, ok := allows.partOf(d.Target.Network, n.Addr()); ok && part.Bits() <= n.Bits() && !tell(&d, engine.Target{Network: part}) {
				return
			}
		}
		return
	}
	for _, d := range s.feed.across(n) {
		if !f.tells(&d) {
			continue
		}
		more := true
		allows.parts(d.Target.Network, func(p netip.Prefix) bool {
			more = p.Bits() < n.Bits() || !n.Contains(p.Addr()) || tell(&d, engine.Target{Network: p})
			return more
		})
		if !more {
			return
		}
	}
}

// list writes an array, or null when it would be empty.
func (s *Service) list(w http.ResponseWriter, r *http.Request, each func(func(*engine.Decision, engine.Target) bool)) {
	o := newOut(w, r, "application/json", s.now())
	each(func(d *engine.Decision, t engine.Target) bool {
		if o.n == 0 {
			_ = o.WriteByte('[')
		}
		return o.decision(d, t, false)
	})
	if o.n == 0 {
		_, _ = o.WriteString("null\n")
	} else {
		_, _ = o.WriteString("]\n")
	}
	_ = o.end() // who is gone needs no answer
}

// plain is one address or network a line.
func (s *Service) plain(w http.ResponseWriter, r *http.Request, _ string) { s.lines(w, r, "", "\n") }

// nginx is a file to include where nginx takes deny directives.
func (s *Service) nginx(w http.ResponseWriter, r *http.Request, _ string) {
	s.lines(w, r, "deny ", ";\n")
}

// lines lists the networks that are blocked. As long as nothing changes, who has the list already
// is told so.
func (s *Service) lines(w http.ResponseWriter, r *http.Request, before, after string) {
	f := s.parseFilter(r.URL.Query())
	f.keys, f.types = false, map[string]bool{"ban": true}
	tag := `W/"` + s.feed.version() + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, no-cache")
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	done, err := s.turn(r)
	if err != nil {
		return
	}
	defer done()
	o := newOut(w, r, "text/plain; charset=utf-8", s.now())
	s.each(&f, func(_ *engine.Decision, t engine.Target) bool {
		b := append(o.text[:0], before...) //nolint:gocritic // the room of one line is used for the next
		if t.Network.IsSingleIP() {
			b = t.Network.Addr().AppendTo(b)
		} else {
			b = t.Network.AppendTo(b)
		}
		b = append(b, after...)
		o.text = b
		_, err := o.Write(b)
		return err == nil
	})
	_ = o.end() // who is gone needs no answer
}

func matches(header, tag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		if t = strings.TrimSpace(t); t == tag || t == "*" || "W/"+t == tag {
			return true
		}
	}
	return false
}
