package incident

import (
	"cmp"
	"container/list"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A group is what belongs together: an alert alone, weak observations, or an incident. Its incident
// has no ID while it is none yet.
//
// Groups are the elements of a union-find: one that went into another points to it, and whoever
// follows the pointers shortens them.
type group struct {
	Incident
	into     *group
	order    uint64   // of those that the book has begun
	alerts   []*entry // in the order in which they came
	open     int      // of them
	origin   string   // ID of the first finding, where it was a weak one
	sources  map[engine.Target]*membership
	listed   []Source     // never changed, only appended to
	told     int          // of them, since it is an incident
	beyond   int          // sources that were only counted
	strong   int          // sources that alerts are about
	home     netip.Prefix // the network that all sources share, if they do
	accounts map[string]struct{}
	labels   []string       // what joined them
	tokens   []shared       // those that joined most in front
	fore     []engine.Token // what foremost said last; never changed
	turned   bool           // others may be foremost now
	said     string         // what joinedBy said last
	bonds    float64        // weight of what was shared, summed over links by rare tokens
	linked   int            // so many links
	traits   map[trait]struct{}
	nodes    chain
	long     bool // it may be idle for a day
	closed   bool
	recalled bool          // its strands are what was stored, and alerts that are restored add none
	seen     uint32        // the search that came by last
	shelf    *list.List    // where it lies
	place    *list.Element // there
}

// A membership is what is known of a source.
type membership struct {
	strong bool
	nodes  uint8
}

// A shared token has joined so many.
type shared struct {
	engine.Token
	times int
}

// What an incident holds at most. Beyond, there are counts only.
const (
	mostSources    = 5_000
	mostStored     = 1_000 // of the sources
	mostAccounts   = 5_000
	mostNamed      = 16 // of the accounts
	mostStrands    = 48
	mostCounted    = 24 // tokens whose links are counted
	nodesPerSource = 16
	longestName    = 120 // bytes of an account or a token's label
)

// How long an incident may be idle until it takes in nothing any more.
const (
	idle     = 6 * time.Hour
	idleLong = 24 * time.Hour // where somebody tries credentials: that is done slowly
)

func idleFor(long bool) time.Duration {
	if long {
		return idleLong
	}
	return idle
}

// root is what a group has become.
func (g *group) root() *group {
	for g.into != nil {
		if g.into.into != nil {
			g.into = g.into.into
		}
		g = g.into
	}
	return g
}

// over reports whether the group takes in nothing any more.
func (g *group) over(at time.Time) bool {
	return g.closed || at.Sub(g.Last) > idleFor(g.long)
}

// size is how many sources there are.
func (g *group) size() int { return len(g.sources) + g.beyond }

// add takes an alert in.
func (g *group) add(e *entry) {
	e.group, e.Incident = g, g.ID
	g.alerts = append(g.alerts, e)
	if e.Status == Open {
		g.open++
	}
	g.admit(Source{Actor: e.Actor, Client: e.Client, First: e.First, Rule: e.Rule})
	g.span(e.First, e.Last, e.Severity)
}

// admit counts a source in.
func (g *group) admit(s Source) {
	m := g.sources[s.Actor]
	if m == nil {
		if len(g.sources) >= mostSources {
			g.beyond++
			if !s.Weak {
				g.strong++
			}
			return
		}
		if g.sources == nil {
			g.sources = make(map[engine.Target]*membership, 1)
		}
		m = new(membership)
		g.sources[s.Actor] = m
		g.listed = append(g.listed, s)
		home := homeOf(s.Actor)
		if len(g.sources) > 1 && home != g.home {
			home = netip.Prefix{}
		}
		g.home = home
	}
	if !s.Weak && !m.strong {
		m.strong = true
		g.strong++
	}
}

func homeOf(actor engine.Target) netip.Prefix {
	if actor.Network.IsValid() {
		return neighbourhood(actor.Network.Addr())
	}
	return netip.Prefix{} // a key is at home nowhere
}

// touch notes an account.
func (g *group) touch(account string) {
	if _, known := g.accounts[account]; known || account == "" || len(g.accounts) >= mostAccounts {
		return
	}
	if g.accounts == nil {
		g.accounts = make(map[string]struct{}, 1)
	}
	account = strings.Clone(account)
	g.accounts[account] = struct{}{}
	if len(g.Accounts) < mostNamed {
		g.Accounts = append(slices.Clip(g.Accounts), clip(account))
	}
}

// span keeps the incident in step with what it holds.
func (g *group) span(first, last time.Time, s engine.Severity) {
	if g.First.IsZero() || first.Before(g.First) {
		g.First = first
	}
	if last.After(g.Last) {
		g.Last = last
	}
	g.Severity = max(g.Severity, s)
}

// note counts what was found.
func (g *group) note(n Strand) {
	g.span(n.First, n.Last, n.Severity)
	for i := range g.Strands {
		e := &g.Strands[i]
		if e.Rule != n.Rule || e.Level != n.Level {
			continue
		}
		e.Title, e.Count, e.Means = n.Title, e.Count+n.Count, n.Means
		e.Severity, e.Weak = max(e.Severity, n.Severity), e.Weak && n.Weak
		if n.First.Before(e.First) {
			e.First = n.First
		}
		if n.Last.After(e.Last) {
			e.Last = n.Last
		}
		return
	}
	g.long = g.long || n.Stage() == engine.CredentialAccess
	if len(g.Strands) < mostStrands {
		g.Strands = append(g.Strands, n)
	}
}

// public is the incident as others see it, nil while there is none.
func (g *group) public() *Incident {
	if g.ID == 0 {
		return nil
	}
	i := g.Incident
	if i.Status = Open; g.closed {
		i.Status = Resolved
	}
	g.fill(&i)
	i.Strands = slices.Clone(g.Strands)
	i.Sources = g.listed[:min(len(g.listed), mostStored):min(len(g.listed), mostStored)]
	return &i
}

// fill works out what is not kept.
func (g *group) fill(i *Incident) {
	i.Alerts, i.Clients = len(g.alerts), g.size()
	i.Weak = i.Clients - g.strong
	i.AccountCount = len(g.accounts)
	if g.linked > 0 {
		i.Bond = math.Round(100*g.bonds/float64(g.linked)) / 100
	}
	i.Title, i.Shared, i.Tokens = g.title(), g.joinedBy(), g.foremost()
}

// score of what may become an incident.
func (g *group) score() int {
	i := g.Incident
	g.fill(&i)
	return i.Score()
}

// foremost are the tokens that joined most: what joined only a few says little of them all.
func (g *group) foremost() []engine.Token {
	n := 0
	for n < min(len(g.tokens), mostTokens) && g.tokens[n].times*4 >= g.tokens[0].times {
		n++
	}
	if n != len(g.fore) || g.turned {
		g.fore, g.turned, g.said = make([]engine.Token, n), false, ""
		for i := range g.fore {
			g.fore[i] = g.tokens[i].Token
		}
	}
	return g.fore
}

// joinedBy is what joined the group, in words: what it was found by, then tokens.
func (g *group) joinedBy() string {
	tokens := g.foremost()
	if g.said == "" && len(g.labels)+len(tokens) > 0 {
		g.said = strings.Join(append(slices.Clone(g.labels), g.words(tokens)...), ", ")
	}
	return g.said
}

// words are the labels of tokens, as far as there is room for them.
func (g *group) words(tokens []engine.Token) (labels []string) {
	for _, t := range tokens {
		if len(g.labels)+len(labels) >= maxLabels {
			break
		}
		if t.Label != "" && !slices.Contains(g.labels, t.Label) && !slices.Contains(labels, t.Label) {
			labels = append(labels, t.Label)
		}
	}
	return labels
}

// bind counts what a finding shares with those that it links to.
func (g *group) bind(f *engine.Finding, ms []mark, m match) {
	if m.sum > 0 {
		g.bonds += float64(m.sum)
		g.linked++
	}
	for i := range ms {
		if m.shared&(1<<i) == 0 {
			continue
		}
		switch ms[i].kind {
		case ofAccount:
			g.share([]string{"account " + clip(cmp.Or(f.Actor.Account, f.Account))})
		case ofKey:
			if f.Actor.Key.Zero() {
				g.share([]string{Label(engine.Target{Key: f.Key})})
			} else {
				g.share([]string{Label(f.Actor)})
			}
		case rare:
			g.count(f.Tokens[ms[i].token], 1)
		case ofClient: // that goes without saying
		}
	}
}

// count keeps the tokens that joined most in front.
func (g *group) count(t engine.Token, times int) {
	at := slices.IndexFunc(g.tokens, func(o shared) bool { return o.Kind == t.Kind && o.Hash == t.Hash })
	switch {
	case at >= 0:
		g.tokens[at].times += times
	case len(g.tokens) >= mostCounted:
		return
	default:
		at = len(g.tokens)
		t.Label = clip(t.Label)
		g.tokens = append(g.tokens, shared{t, times})
	}
	for ; at > 0 && g.tokens[at-1].times < g.tokens[at].times; at-- {
		g.tokens[at-1], g.tokens[at] = g.tokens[at], g.tokens[at-1]
		g.turned = true
	}
}

// clip is a text by strangers as it is kept.
func clip(s string) string {
	if len(s) > longestName {
		s = s[:longestName]
	}
	return strings.ToValidUTF8(strings.Clone(s), "\uFFFD")
}

// emptied is what remains of an incident whose alerts went into another.
func (g *group) emptied(into *group) Incident {
	return Incident{
		ID: g.ID, Title: "Merged into " + into.Reference(), Severity: g.Severity, Status: Resolved,
		First: g.First, Last: g.Last, Shared: g.joinedBy(), Parent: g.Parent,
	}
}

// title says what was done and by whom: "Honeypot and rate abuse by 20 clients in 198.51.100.0/24";
// of weak observations alone, that they are many: "Spread over 432 clients: post without a page".
func (g *group) title() string {
	if len(g.alerts) == 0 {
		what := "Spread over " + strconv.Itoa(g.size()) + " clients"
		if len(g.Strands) == 0 {
			return what
		}
		return what + ": " + g.did(false)
	}
	what := g.did(true)
	switch {
	case g.size() == 1:
		return what + " from " + Label(g.alerts[0].Actor)
	case g.home.IsValid():
		return what + " by " + strconv.Itoa(g.size()) + " clients in " + g.home.String()
	default:
		return what + " by " + strconv.Itoa(g.size()) + " clients"
	}
}

// did is what was found, the worst first.
func (g *group) did(first bool) string {
	var ranked [mostStrands]*Strand
	n := 0
	for i := range g.Strands {
		e := &g.Strands[i]
		k := slices.IndexFunc(ranked[:n], func(o *Strand) bool { return o.Rule == e.Rule })
		switch {
		case k < 0:
			ranked[n] = e
			n++
		case e.Severity > ranked[k].Severity:
			ranked[k] = e
		}
	}
	kinds := ranked[:n]
	if n == 1 {
		return inSentence(kinds[0].Title, first)
	}
	slices.SortStableFunc(kinds, func(x, y *Strand) int { return cmp.Compare(y.Severity, x.Severity) })
	names := make([]string, 0, 3)
	for i, k := range kinds {
		if i == 2 && n > 3 {
			names = append(names, strconv.Itoa(n-2)+" more")
			break
		}
		names = append(names, inSentence(k.Title, first && i == 0))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
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
	if len(labels) == 0 {
		return
	}
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
	g.said = ""
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
