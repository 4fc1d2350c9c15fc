package engine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// mostTokens go with a finding.
const mostTokens = 8

// A carriage is something that an exchange shares with others.
type carriage struct {
	kind TokenKind
	what uint64
}

// bareForm stands among payloads for a form that was sent by who loads no pages.
const bareForm = 1 << 32

// bares reports a post by nobody in particular who never loaded what a page draws in, where it says that
// it comes from a page or the site is one of pages. All clients of an API post like that, and where their
// bodies can be seen they are no forms, unless they are sent and answered as the forms of others are.
func (v *view) bares() bool {
	return (v.Signs&Data == 0 || v.formInDisguise()) && v.Method == "POST" && v.visitor.marks&bare != 0 && v.visitor.assets == 0 && !identified(&v.Request) &&
		(v.Signs&(Referred|Returned) != 0 || v.visitors.site.paged(v.now))
}

// formInDisguise reports data that was taken for a form: where readers of pages send forms, and answered as
// these are, with where to look next. Many programs behind a form read both alike. Apps sign in where pages
// do, and for sign-ins there are other rules.
func (v *view) formInDisguise() bool {
	return v.outcome == NoSignIn && sentOn(&v.Exchange) && v.visitors.site.takesForms(v.site.template, v.now)
}

// carriages are what an exchange carries, and how many they are.
func (k keyed) carriages(v *view) (all [mostTokens]carriage, n int) {
	all[0] = carriage{TokenNetwork, vicinity(actorOf(v.Client))}
	all[1] = carriage{TokenUserAgent, v.hashed(OfUserAgent, v.UserAgent, k)}
	all[2] = carriage{TokenRoute, k.hash(v.site.template, v.hashed(OfRoute, v.Method, k), uint64(v.Status/100))}
	n = 3
	if v.Place.ASN != 0 {
		all[n] = carriage{TokenASN, uint64(v.Place.ASN)}
		n++
	}
	if !v.Key.Zero() {
		all[n] = carriage{TokenKey, binary.LittleEndian.Uint64(v.Key.Hash[:])}
		n++
	}
	if v.Account != "" {
		all[n] = carriage{TokenAccount, v.hashed(OfAccount, v.Account, k)}
		n++
	}
	if v.Fingerprint != 0 {
		all[n] = carriage{TokenFingerprint, v.Fingerprint}
		n++
	}
	if s := v.Signs.odd(); s != 0 {
		all[n] = carriage{TokenPayload, uint64(s)}
		n++
	} else if v.bares() {
		all[n] = carriage{TokenPayload, bareForm}
		n++
	}
	return all, n
}

// tokens are what others of the same attack would share with an exchange, the rarest first. What
// the good sources of the site carry weighs little; see site.weight.
func (g *regime) tokens(v *view) []Token {
	l := g.sources
	if l == nil {
		return nil
	}
	if v.visitors == nil { // judged before it was answered
		v.site = l.site.survey(v)
	}
	of, n := l.site.carriages(v)
	all := make([]Token, 0, n)
	for _, c := range of[:n] {
		t := Token{Kind: c.kind, Hash: l.site.carried(c.kind, c.what), Label: tokenLabel(c.kind, v)}
		t.Weight = l.site.weight(c.kind, c.what, v.now) * discount(c.kind, v)
		if c.kind == TokenRoute && v.manner.weight > 0 {
			t = v.manner.token(l.site, c, v)
		}
		all = append(all, t)
	}
	slices.SortStableFunc(all, func(a, b Token) int { return cmp.Compare(b.Weight, a.Weight) })
	return all
}

func tokenLabel(kind TokenKind, v *view) string {
	switch kind { //nolint:exhaustive // the client is no token of its own
	case TokenNetwork:
		return "network " + neighbours(v.Client).String()
	case TokenASN:
		return fmt.Sprintf("AS%d", v.Place.ASN)
	case TokenKey:
		return "key " + v.Key.Prefix + "…"
	case TokenAccount:
		return "account " + quoted(v.Account)
	case TokenFingerprint:
		return fmt.Sprintf("fingerprint %016x", v.Fingerprint)
	case TokenUserAgent:
		if v.UserAgent == "" {
			return "no user agent"
		}
		return "user agent " + quoted(v.UserAgent)
	case TokenRoute:
		if v.Status == 0 { // judged before it was answered
			return quoted(v.Method + " " + routeOf(&v.Request))
		}
		return fmt.Sprintf("%s answered %dxx", quoted(v.Method+" "+routeOf(&v.Request)), v.Status/100)
	case TokenPayload:
		if v.Signs.odd() == 0 {
			return "forms without their pages"
		}
		return "requests with " + v.Signs.odd().words()
	}
	return ""
}

// vicinity is the /24 or /48 of an actor, as a number.
func vicinity(a actor) uint64 {
	if a.four() {
		return uint64(a) >> 8
	}
	return uint64(a) >> 16
}

// neighbours of an address: its /24 or /48.
func neighbours(a netip.Addr) netip.Prefix {
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, _ := a.WithZone("").Prefix(bits) // of an invalid address: the zero prefix
	return p
}

// links reports whether a weak observation could be linked with another at all: it takes two rare
// tokens. What everybody carries is not worth telling.
func (l *visitors) links(v *view) bool {
	of, n := l.site.carriages(v)
	rare, sum := 0, float32(0)
	for _, c := range of[:n] {
		if w := l.site.weight(c.kind, c.what, v.now) * discount(c.kind, v); w > 0.3 {
			rare, sum = rare+1, sum+w
		}
	}
	return rare >= 2 && sum >= 1.5
}

// discount of kinds of tokens that many share who have nothing to do with each other.
func discount(kind TokenKind, v *view) float32 {
	switch {
	case kind == TokenNetwork:
		return 0.8
	case kind == TokenASN:
		return 0.4
	case kind == TokenPayload && v.Signs.odd() == 0:
		return 0.6 // of a form: rare only together with where it was sent
	case kind == TokenUserAgent && v.UserAgent == "":
		return 0.8 // many programs of many people name none
	}
	return 1
}

// words say what signs mean.
func (s Signs) words() string {
	said := ""
	for _, w := range [...]struct {
		sign Signs
		word string
	}{
		{Injection, "a piece of SQL, a template or a shell command"},
		{Traversal, "a way out of a directory"},
		{Scripted, "a piece of a script"},
		{Foreign, "another host's address to be fetched"},
		{Relayed, "another host's name, as to a proxy"},
		{Padded, "text behind a run of blanks"},
	} {
		if s&w.sign != 0 {
			if said != "" {
				said += " and "
			}
			said += w.word
		}
	}
	return said
}
