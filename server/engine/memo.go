package engine

import (
	"strings"
	"sync/atomic"
)

// A memo keeps what was reckoned of texts that come again and again, as paths, routes and names of
// programs do. What it keeps follows from the text alone, so whether it is kept changes nothing but time.
//
// A text is kept when it comes twice with no other in between that would lie in the same place. So a
// flood of texts that come once costs a look at each, and takes no memory.
type memo[T any] struct {
	cells [memoCells]atomic.Pointer[recollection[T]]
	last  [memoCells]atomic.Uint32 // some bits of the hash of the last that was not kept
}

type recollection[T any] struct {
	text string
	of   T
}

const memoCells = 4096

// get what is kept of a text; nil where nothing is.
func (m *memo[T]) get(text string, k keyed, reckon func(text string, k keyed) T) *T {
	hash := k.quick(text)
	at := hash % memoCells
	if is := m.cells[at].Load(); is != nil && is.text == text {
		return &is.of
	}
	if len(text) > mostMemo {
		return nil
	}
	mark := uint32(hash >> 32)
	if m.last[at].Swap(mark) != mark {
		return nil
	}
	is := &recollection[T]{text: strings.Clone(text)}
	is.of = reckon(is.text, k)
	m.cells[at].Store(is)
	return &is.of
}

const mostMemo = 256 // bytes of a text that is kept

// quick hashes a text to find it again, and for nothing else: who aims at a cell makes it useless to
// himself. Two halves of it are mixed side by side.
func (k keyed) quick(s string) uint64 {
	const prime = 0x9e3779b97f4a7c15
	h, g := k.k0^uint64(len(s)), k.k1
	for ; len(s) >= 16; s = s[16:] {
		h, g = (h^eight(s))*prime, (g^eight(s[8:]))*prime
		h, g = h^h>>32, g^g>>32
	}
	if len(s) >= 8 {
		h = (h ^ eight(s)) * prime
		h ^= h >> 32
		s = s[8:]
	}
	last := uint64(0)
	for i := range len(s) {
		last |= uint64(s[i]) << (8 * i)
	}
	h = (h ^ last ^ g*prime) * prime
	h ^= h >> 32
	return h * prime >> 8
}

// memos of an engine.
type memos struct {
	paths  memo[pathFacts]
	agents memo[agentFacts]
}

// What follows from a folded path or a route alone.
type pathFacts struct {
	template uint64 // see keyed.template
	shape    uint64 // see keyed.shape
	ending   uint64 // a hash of how its file's name ends
	kind     fileKind
	unasked  bool
	asset    bool
}

func pathFactsOf(path string, k keyed) (f pathFacts) {
	_, ending := pathEnd(path)
	return pathFacts{
		template: k.template(path), shape: k.shape(path), ending: k.text(ending),
		kind: fileKindOf(path), unasked: unasked(path), asset: asset(ending),
	}
}

// What follows from a user agent alone.
type agentFacts struct{ text, shape uint64 }

func agentFactsOf(agent string, k keyed) agentFacts { return agentFacts{k.text(agent), k.shape(agent)} }

// facts of a view, where they are kept.
type facts struct {
	path, route *pathFacts
	agent       *agentFacts
}

// recall what is kept of an exchange's texts.
func (m *memos) recall(x *view, k keyed) {
	x.facts.path = m.paths.get(x.Folded, k, pathFactsOf)
	if route := routeOf(&x.Request); route == x.Folded {
		x.facts.route = x.facts.path
	} else {
		x.facts.route = m.paths.get(route, k, pathFactsOf)
	}
	if x.facts.agent = m.agents.get(x.UserAgent, k, agentFactsOf); x.facts.agent != nil {
		x.know(OfUserAgent, x.facts.agent.text)
	}
}

// routeTemplate is the hash of an exchange's template.
func (v *view) routeTemplate(k keyed) uint64 {
	if v.facts.route != nil {
		return v.facts.route.template
	}
	return k.template(routeOf(&v.Request))
}

// fileKind is the kind of an exchange's folded path.
func (v *view) fileKind() fileKind {
	if v.facts.path != nil {
		return v.facts.path.kind
	}
	return fileKindOf(v.Folded)
}
