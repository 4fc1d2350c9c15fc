package engine

import "fmt"

// A manner is what strangers have in common who fail to sign in: a fingerprint, or else a user
// agent, with which many failed within a day and hardly anybody is served. It makes failures of
// many addresses, one or two each, one attack. People who mistype come with what others use as well.
type manner struct {
	weight float32 // the part of those with it that were strangers and failed; 0 for no such manner
	links  bool    // it is rare enough that one failure can be linked with another
	kind   TokenKind
	what   uint64
}

const (
	manyFruitless = 10  // strangers that fail with it before it says anything
	fruitlessMore = 2   // times as many as good sources that use it
	linkingSum    = 1.5 // of the weights of two tokens that link
)

// failing takes a failed sign-in in, once a day of each stranger, and tells its manner.
func (l *visitors) failing(v *view) (m manner) {
	if v.visitor.good >= goodAfter || v.tried.known {
		return m
	}
	first := l.firstFailure(actorOf(v.Client))
	all := [...]carriage{{TokenFingerprint, v.Fingerprint}, {TokenUserAgent, l.site.text(v.UserAgent)}}
	for _, c := range all {
		if c.kind == TokenFingerprint && v.Fingerprint == 0 || c.kind == TokenUserAgent && v.UserAgent == "" {
			continue
		}
		what := l.site.hash(uint64(c.kind), c.what)
		if first {
			l.site.learn(carriesFailure, what, v.now)
		}
		fail, good := l.site.carriedBy(carriesFailure, what, v.now), l.site.carriedBy(c.kind, c.what, v.now)
		if m.links || fail < manyFruitless || fail <= fruitlessMore*good {
			continue
		}
		m = manner{weight: float32(fail / (fail + good)), kind: c.kind, what: c.what}
		m.links = m.weight+l.site.weight(c.kind, c.what, v.now) >= linkingSum
	}
	return m
}

// firstFailure marks a source as a stranger who failed, and reports whether it was not today.
func (l *visitors) firstFailure(a actor) bool {
	hash := l.hash(uint64(a))
	s, set := l.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, uint64(a), hash)
	if i < 0 || l.records[s.first+i].marks&fruitless != 0 {
		return false
	}
	l.records[s.first+i].marks |= fruitless
	return true
}

// token in the place of the route's: failing there like that.
func (m manner) token(s *site, route carriage, v *view) Token {
	return Token{
		Kind: TokenRoute, Hash: s.hash(uint64(TokenRoute), route.what, uint64(m.kind), m.what), Weight: m.weight,
		Label: fmt.Sprintf("failures of strangers at %s with %s", quoted(v.Method+" "+routeOf(&v.Request)), tokenLabel(m.kind, v)),
	}
}
