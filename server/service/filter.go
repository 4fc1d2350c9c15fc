package service

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
)

// A filter says which decisions a bouncer wants.
type filter struct {
	ips, ranges, keys bool
	types             map[string]bool
	origins           map[string]bool // nil: all
	with, without     []string        // words in the scenario
	observing         bool            // nothing that rules decided is to be enforced, here or elsewhere
}

// Names of origins are ours in lower case. Bouncers may also name them as CrowdSec does.
var originNames = map[string][]string{
	"rule": {"rule", "crowdsec"}, "operator": {"operator", "cscli"}, "import": {"import", "cscli-import"}, "feed": {"feed", "lists", "capi"},
}

var actionTypes = map[engine.Action]string{engine.Block: "ban", engine.Throttle: "throttle"}

// parseFilter reads what the protocol calls scopes (or scope), origins, scenarios_containing and
// scenarios_not_containing, and types (or type), of which only ban is told unless others are asked
// for: bouncers ban for a type that they don't know. Keys are told only where their scope is named.
func (s *Service) parseFilter(q url.Values) filter {
	f := filter{observing: s.guard.Mode() == guard.ModeObserve, types: map[string]bool{}, with: words(q.Get("scenarios_containing")), without: words(q.Get("scenarios_not_containing"))}
	scopes := append(words(q.Get("scopes")), words(q.Get("scope"))...)
	for _, s := range scopes {
		switch s {
		case "ip":
			f.ips = true
		case "range":
			f.ranges = true
		case "key":
			f.keys = true
		}
	}
	if len(scopes) == 0 {
		f.ips, f.ranges = true, true
	}
	for _, t := range append(words(q.Get("types")), words(q.Get("type"))...) {
		f.types[t] = true
	}
	if len(f.types) == 0 {
		f.types["ban"] = true
	}
	if asked := words(q.Get("origins")); len(asked) > 0 {
		f.origins = make(map[string]bool)
		for ours, names := range originNames {
			for _, n := range names {
				for _, a := range asked {
					f.origins[ours] = f.origins[ours] || a == n
				}
			}
		}
	}
	return f
}

// words of a list, in lower case.
func words(list string) (out []string) {
	for w := range strings.SplitSeq(list, ",") {
		if w = strings.ToLower(strings.TrimSpace(w)); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// tells reports whether a bouncer is to enforce a decision, where it is in force.
func (f *filter) tells(d *engine.Decision) bool {
	return f.wants(d) && (!f.observing || d.Origin != engine.ByRule)
}

// wants reports whether a bouncer asked for decisions like this one, wherever they hold.
func (f *filter) wants(d *engine.Decision) bool {
	if !enforced(d.Action) || !f.types[actionTypes[d.Action]] {
		return false
	}
	if f.origins != nil && !f.origins[strings.ToLower(d.Origin.String())] {
		return false
	}
	if len(f.with)+len(f.without) == 0 {
		return true
	}
	name := strings.ToLower(scenario(d))
	contains := func(w string) bool { return strings.Contains(name, w) }
	return !slices.ContainsFunc(f.without, contains) && (len(f.with) == 0 || slices.ContainsFunc(f.with, contains))
}

// scope reports whether a bouncer asked for targets of this kind.
func (f *filter) scope(t engine.Target) bool {
	switch {
	case !t.Network.IsValid():
		return f.keys
	case t.Network.IsSingleIP():
		return f.ips
	}
	return f.ranges
}

// scenario is why a decision was made, in the words of the protocol.
func scenario(d *engine.Decision) string {
	switch {
	case d.Rule != "":
		return d.Rule
	case d.Reason != "":
		return d.Reason
	}
	return strings.ToLower(d.Origin.String())
}

// network reads an address or a network as bouncers write it.
func network(s string) (netip.Prefix, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return p, false
	}
	return p.Masked(), true
}
