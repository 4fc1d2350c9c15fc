package incident

import (
	"cmp"
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A group is what belongs together: one alert alone, or an incident. Its incident has no ID
// while it is one alert.
type group struct {
	Incident
	alerts []*entry // in the order in which they came
	open   int      // of them
	kinds  []kind   // what was found, in the order in which it was
	actors map[engine.Target]struct{}
	home   netip.Prefix // the network that all clients share, if they do
	labels []string     // what joined them
	traits map[trait]struct{}
	place  *list.Element // in Book.groups
}

// A kind is what one rule found in a group.
type kind struct {
	rule, title string
	severity    engine.Severity
}

// add takes an alert in.
func (g *group) add(e *entry) {
	e.group, e.Incident = g, g.ID
	g.alerts = append(g.alerts, e)
	if e.Status == Open {
		g.open++
	}
	if _, known := g.actors[e.Actor]; !known {
		g.actors[e.Actor] = struct{}{}
		home := homeOf(&e.Alert)
		if len(g.actors) > 1 && home != g.home {
			home = netip.Prefix{}
		}
		g.home = home
	}
	g.note(e)
}

func homeOf(a *Alert) netip.Prefix {
	if a.Actor.Network.IsValid() {
		return neighbourhood(a.Actor.Network.Addr())
	}
	return netip.Prefix{} // a key is at home nowhere
}

// note keeps the incident in step with one of its alerts.
func (g *group) note(e *entry) {
	if g.First.IsZero() || e.First.Before(g.First) {
		g.First = e.First
	}
	if e.Last.After(g.Last) {
		g.Last = e.Last
	}
	g.Severity = max(g.Severity, e.Severity)
	i := slices.IndexFunc(g.kinds, func(k kind) bool { return k.rule == e.Rule })
	if i < 0 {
		i = len(g.kinds)
		g.kinds = append(g.kinds, kind{rule: e.Rule})
	}
	g.kinds[i].title = e.Title
	g.kinds[i].severity = max(g.kinds[i].severity, e.Severity)
}

// public is the incident as others see it, nil while there is none.
func (g *group) public() *Incident {
	if g.ID == 0 {
		return nil
	}
	i := g.Incident
	i.Status = Open
	i.Alerts, i.Clients = len(g.alerts), len(g.actors)
	i.Title, i.Shared = g.title(), strings.Join(g.labels, ", ")
	return &i
}

// emptied is what remains of an incident whose alerts went into another.
func (g *group) emptied(into *group) Incident {
	return Incident{
		ID: g.ID, Title: "Merged into " + into.Reference(), Severity: g.Severity, Status: Resolved,
		First: g.First, Last: g.Last, Shared: strings.Join(g.labels, ", "),
	}
}

// title says what was done and by whom: "Honeypot and rate abuse by 20 clients in 198.51.100.0/24".
func (g *group) title() string {
	kinds := slices.Clone(g.kinds)
	slices.SortStableFunc(kinds, func(x, y kind) int { return cmp.Compare(y.severity, x.severity) })
	names := make([]string, 0, 3)
	for i, k := range kinds {
		if i == 2 && len(kinds) > 3 {
			names = append(names, fmt.Sprintf("%d more", len(kinds)-2))
			break
		}
		names = append(names, inSentence(k.title, i == 0))
	}
	what := names[0]
	if last := len(names) - 1; last > 0 {
		what = strings.Join(names[:last], ", ") + " and " + names[last]
	}
	switch {
	case len(g.actors) == 1:
		return what + " from " + Label(g.alerts[0].Actor)
	case g.home.IsValid():
		return fmt.Sprintf("%s by %d clients in %s", what, len(g.actors), g.home)
	default:
		return fmt.Sprintf("%s by %d clients", what, len(g.actors))
	}
}

// inSentence lets a title go on in small letters, unless its first word is all capitals.
func inSentence(title string, first bool) string {
	r, size := utf8.DecodeRuneInString(title)
	if next, _ := utf8.DecodeRuneInString(title[size:]); first || unicode.IsUpper(next) {
		return title
	}
	return string(unicode.ToLower(r)) + title[size:]
}

// maxLabels are named in an incident's Shared; then come others.
const (
	maxLabels = 4
	others    = "others"
)

// share notes what joined the group's alerts, each thing once.
func (g *group) share(labels []string) {
	for _, l := range labels {
		if slices.ContainsFunc(g.labels, func(known string) bool { return known == l || covers(known, l) }) {
			continue
		}
		g.labels = slices.DeleteFunc(g.labels, func(known string) bool { return covers(l, known) })
		if len(g.labels) >= maxLabels {
			if g.labels[len(g.labels)-1] != others {
				g.labels = append(g.labels, others)
			}
			continue
		}
		g.labels = append(g.labels, l)
	}
}

const (
	clientLabel  = "client "
	networkLabel = "network "
)

// labels name traits; the network of a named client goes without saying.
func labels(ts []trait) []string {
	names := make([]string, 0, len(ts))
	for _, t := range ts {
		switch t.kind {
		case sameClient:
			names = append(names, clientLabel+Label(engine.Target{Network: t.network}))
		case sameNetwork:
			if !slices.ContainsFunc(ts, func(o trait) bool { return o.kind == sameClient }) {
				names = append(names, networkLabel+t.network.String())
			}
		case sameKey:
			names = append(names, Label(engine.Target{Key: t.key}))
		}
	}
	return names
}

// covers reports whether the label wide names the network that the client of narrow is in.
func covers(wide, narrow string) bool {
	w, isNetwork := strings.CutPrefix(wide, networkLabel)
	n, isClient := strings.CutPrefix(narrow, clientLabel)
	if !isNetwork || !isClient {
		return false
	}
	network, err := netip.ParsePrefix(w)
	if err != nil {
		return false
	}
	n, _, _ = strings.Cut(n, "/")
	client, err := netip.ParseAddr(n)
	return err == nil && network.Contains(client)
}

// Label writes a target as an operator would: 198.51.100.7, 2001:db8::/64, key user_key…
func Label(t engine.Target) string { return t.String() }
