package engine

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// An Endpoint is a method and template that the API serves, as it was seen to.
type Endpoint struct {
	Method, Route string
	First, Last   time.Time
	Requests      int64
	Statuses      [6]int64 // answers by class: 2 is 2xx
	Authenticated int64    // requests with a key, a session or an account
	Late          bool     // first seen when the API had been known for a day
}

// inventory is what the API serves. It holds endpoints that were served to a good source once; a
// full set gives up the one that was asked for least.
type inventory struct {
	*table
	endpoints []Endpoint
}

const (
	inventoried   = 2048
	routeKept     = 256 // bytes of a template
	methodKept    = 32
	inventoryGrow = 24 * time.Hour
)

func newInventory(k keyed) *inventory {
	n := &inventory{table: newTable(inventoried, k)}
	n.endpoints = make([]Endpoint, n.size())
	return n
}

// note an exchange; enter says whether an endpoint that is new is taken in.
func (n *inventory) note(v *view, enter bool) {
	if v.Status < 100 || v.Status >= 600 {
		return
	}
	hash := n.hash(v.site.template, methodHash(v.Method))
	s, set := n.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, hash, hash)
	if i < 0 {
		if !enter {
			return
		}
		i, _ = s.claim(set, hash, hash, v.now, func(i int) worth { return worth{int(n.endpoints[s.first+i].Requests), s.slots[i].mark} })
		if i < 0 {
			return
		}
		n.endpoints[s.first+i] = Endpoint{
			Method: strings.Clone(Clipped(v.Method, methodKept)), Route: templateText(routeOf(&v.Request)), First: v.At,
			Late: v.now > inventoryGrow.Milliseconds(),
		}
	}
	s.slots[i].mark = v.now
	e := &n.endpoints[s.first+i]
	e.Requests++
	e.Statuses[v.Status/100]++
	if v.At.After(e.Last) {
		e.Last = v.At
	}
	if identified(&v.Request) {
		e.Authenticated++
	}
}

func methodHash(method string) (h uint64) {
	for i := range len(method) {
		h = mixed(h, uint64(method[i]))
	}
	return h
}

// Template writes a path, or a template of others, as the inventory does: with what names one thing
// among many left out.
func Template(path string) string { return templateText(path) }

// templateText writes a path with its identifiers left out.
func templateText(path string) string {
	var b strings.Builder
	for i := 0; i < len(path) && b.Len() < routeKept; {
		end := i
		for end < len(path) && wordByte(path[end]) {
			end++
		}
		switch {
		case end == i:
			_, size := utf8.DecodeRuneInString(path[i:]) // of what is no text, a byte
			end += size
			b.WriteString(path[i:end])
		case identifier(path[i:end]):
			b.WriteString("{id}")
		default:
			b.WriteString(path[i:end])
		}
		i = end
	}
	return Clipped(b.String(), routeKept)
}

// Inventory lists what the API serves, by route and method.
func (e *Engine) Inventory() []Endpoint {
	n := e.regime.Load().sources.site.inventory
	var all []Endpoint
	for i := range n.stripes {
		s := &n.stripes[i]
		s.mu.Lock()
		for _, at := range s.entries {
			if i := at.slot(); i >= 0 {
				all = append(all, n.endpoints[s.first+i])
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b Endpoint) int {
		if c := strings.Compare(a.Route, b.Route); c != 0 {
			return c
		}
		return strings.Compare(a.Method, b.Method)
	})
	return all
}

// named is the method and template that a tag stands for, in quotes; in words when none is known.
func (n *inventory) named(tag uint32) string {
	for i := range n.stripes {
		s := &n.stripes[i]
		s.mu.Lock()
		for _, at := range s.entries[:min(s.held, 1)*len(s.entries)] {
			if i := at.slot(); i >= 0 && tagOf(s.slots[i].key) == tag {
				e := &n.endpoints[s.first+i]
				s.mu.Unlock()
				return quoted(e.Method + " " + e.Route)
			}
		}
		s.mu.Unlock()
	}
	return "the request that comes before it"
}
