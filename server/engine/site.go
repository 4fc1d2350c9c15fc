package engine

import (
	"math"
	"strings"
	"sync"
	"sync/atomic"
)

// A site is what the API is, as far as good sources show: which templates it serves, which kinds
// of programs and software, and what the clients that are served well have in common. Nobody
// teaches it alone; see source.
//
// What is carried by many is remembered however many come that carry something else: a full set
// of its table gives up what the fewest carry.
type site struct {
	*table    // by a hash of what is carried; a slot holds how many sources carry it, by day
	good      atomic.Int64
	readers   atomic.Int64    // of those, who drew in what pages show
	scripts   atomic.Uint64   // endings of programs that were served, a bit each
	families  atomic.Uint32   // of software that was served
	catch     []atomic.Uint64 // lengths of answers to paths that were not known, with how many paths had it
	early     early
	inventory *inventory
	unlisted  bool // software is not known by its names
}

// A ground is what is known of what an exchange asks for.
type ground struct {
	template uint64 // a hash of the path's template
	known    bool   // it was served to a good source
	near     bool   // its directory, which is not the root, has served something else, or was served itself
	missed   bool   // answered as what is not there
	denied   bool   // answered as what is not there may be, or what is not for everybody
	moved    bool   // answered with another address
	caught   bool   // answered as everything is
	wild     bool   // a program of a kind that was never served here
	mangled  bool   // its path is a piece of a page that a crawler took for a link
	kind     fileKind
	probe    probe
	leak     bool // it names a backup or a dump
	hidden   bool // it has a name that begins with a dot
	good     int  // sources that were served well within a day
}

// unknown reports that nothing was found where nothing ever was.
func (g *ground) unknown() bool { return !g.known && (g.missed || g.caught) }

const (
	carriers   = 1 << 14 // of tokens and templates that are remembered
	catchSizes = 256
	caughtFrom = 4 // paths that were not known, answered at one length
	dayLong    = 24 * 60 * 60 * 1000
	warm       = 10 // good sources before what was never served says anything
)

func newSite(p Policy, k keyed) *site {
	return &site{unlisted: p.Unlisted, table: newTable(carriers, k), catch: make([]atomic.Uint64, catchSizes), inventory: newInventory(k)}
}

// Kinds of what is carried, apart from tokens, in one table with them.
const (
	carriesTemplate = 64 + iota
	carriesBelow
	carriesFailure
	carriesForm
)

func (s *site) carried(kind TokenKind, what uint64) uint64 { return s.hash(uint64(kind), what) }

// survey says what is known of what is asked for.
func (s *site) survey(x *view) (g ground) {
	path, now := routeOf(&x.Request), x.now
	g.template = x.routeTemplate(s.keyed)
	g.good = int(s.sources(now))
	switch x.Status {
	case 404, 410, 418, 444, 451:
		g.missed = true
	case 400, 403, 405, 406, 408, 501:
		g.denied = true
	case 301, 308:
		g.moved = true
	case 302, 303, 307:
		g.moved = x.Method == "GET" || x.Method == "HEAD" // who sends a form is sent on when it worked
	}
	if s.knows(carriesTemplate, g.template) {
		g.known = true
		return g
	}
	g.kind, g.mangled = x.fileKind(), mangled(x.Folded)
	if parent := parentOf(path); parent != "" {
		above := s.template(parent)
		g.near = s.knows(carriesBelow, above) || s.knows(carriesTemplate, above)
	}
	if g.leak, g.hidden = leaks(x.Folded), hides(x.Folded); !s.unlisted {
		g.probe = probed(x.Folded)
	}
	if n := scriptOf(x.Folded); n > 0 {
		g.wild = s.scripts.Load()&(1<<n) == 0
	}
	if pageLike(&x.Exchange) {
		g.caught = s.catches(x.Bytes, g.template)
	}
	return g
}

// home reports whether the software that a path is a name of is served here: anything of the one
// product, or anything below where the name begins. Of names that are those of pages, any program of
// the kind will do.
func (s *site) home(path string, g *ground) bool {
	p := g.probe
	switch {
	case p.family.one():
		return s.families.Load()&(1<<p.family) != 0
	case !p.sure && scriptOf(path) > 0:
		return !g.wild
	case !p.sure:
		return s.families.Load()&(1<<p.family) != 0
	}
	return s.knows(carriesBelow, s.template(path[:p.begins]))
}

// routeOf a request is its template where the edge knows one, else its folded path: what the edge has
// no template for is not all one.
func routeOf(r *Request) string {
	if r.Route != "" && r.Route[0] == '/' {
		return r.Route
	}
	return r.Folded
}

func parentOf(path string) string {
	path = trimSlash(path)
	if i := strings.LastIndexByte(path, '/'); i > 0 {
		return path[:i]
	}
	return ""
}

// template hashes a path with what is a number or an identifier in it left out, so that all paths
// of one template are one. A path that is a template already is its own.
func (k keyed) template(path string) uint64 {
	h := uint64(len("template"))
	path = trimSlash(path)
	for i := 0; i < len(path); {
		c := path[i]
		if !wordByte(c) {
			h = mixed(h, uint64(c))
			i++
			continue
		}
		end := i
		for end < len(path) && wordByte(path[end]) {
			end++
		}
		if word := path[i:end]; identifier(word) {
			h = mixed(h, '#')
		} else {
			for k := range len(word) {
				h = mixed(h, uint64(word[k]))
			}
		}
		i = end
	}
	return k.word(h)
}

// mixed takes a byte into a hash that is not yet keyed (FNV-1a).
func mixed(h, c uint64) uint64 { return (h ^ c) * 0x100000001b3 }

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z'
}

// identifier reports a word that names one thing among many of its kind: a number, hexadecimal
// digits, or a long mixture of letters and digits.
func identifier(word string) bool {
	digits, hex := 0, true
	for i := range len(word) {
		switch c := word[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c|0x20 < 'a' || c|0x20 > 'f':
			hex = false
		}
	}
	switch {
	case digits == len(word):
		return true
	case hex && len(word) >= 4 && (digits > 0 || len(word) >= 8):
		return true
	}
	return len(word) >= 16 && digits >= 2
}

// Counts by day, in a slot's mark: the day, how many that day, how many the day before.
const (
	countBits = 22
	countMask = 1<<countBits - 1
)

// count answers how many carry what a slot is about, those of the day before weighted by how
// much of it lies within 24 hours.
func count(mark, now int64) float64 {
	day, today, before := mark>>(2*countBits), mark>>countBits&countMask, mark&countMask
	is := now / dayLong
	switch {
	case is == day+1:
		today, before = 0, today
	case is > day+1:
		return 0
	}
	return float64(today) + float64(before)*(1-float64(now%dayLong)/dayLong)
}

// more is a count with one more.
func more(mark, now int64) int64 {
	day, today, before := mark>>(2*countBits), mark>>countBits&countMask, mark&countMask
	switch is := now / dayLong; {
	case is == day+1:
		day, today, before = is, 0, today
	case is > day+1:
		day, today, before = is, 0, 0
	}
	return day<<(2*countBits) | min(today+1, countMask)<<countBits | before
}

// mangled reports a path that holds what belongs to a page and not to an address: quotes, tags,
// another address, what was to be filled in. Programs that read pages badly ask for such.
func mangled(path string) bool {
	return strings.ContainsAny(path, "\"<>{}") || strings.Contains(path, "http:") || strings.Contains(path, "https:") || strings.Contains(path, "ftp:")
}

// strays reports a path that a source asked for of its own accord: no page led there, and it is
// neither what every site is asked for nor beside what is served here.
func (v *view) strays() bool {
	return v.site.unknown() && v.site.kind == otherFile && !v.site.near && !v.site.mangled && v.Signs&Referred == 0
}

// sources are those that were served well within 24 hours.
func (s *site) sources(now int64) float64 { return count(s.good.Load(), now) }

func oneMore(of *atomic.Int64, now int64) {
	for {
		is := of.Load()
		if of.CompareAndSwap(is, more(is, now)) {
			return
		}
	}
}

// paged reports what may be a site of pages: at least half of those that are served well draw in what
// pages show. Clients of an API don't.
func (s *site) paged(now int64) bool { return 2*count(s.readers.Load(), now) >= s.sources(now) }

// knows reports whether something was ever served.
func (s *site) knows(kind TokenKind, what uint64) bool {
	hash := s.carried(kind, what)
	st, set := s.at(hash)
	st.mu.Lock()
	i := st.find(set, hash, hash)
	st.mu.Unlock()
	return i >= 0
}

// carriedBy answers how many good sources carry something.
func (s *site) carriedBy(kind TokenKind, what uint64, now int64) float64 {
	hash := s.carried(kind, what)
	st, set := s.at(hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	if i := st.find(set, hash, hash); i >= 0 {
		return count(st.slots[i].mark, now)
	}
	return 0
}

// learn that one more good source carries something.
func (s *site) learn(kind TokenKind, what uint64, now int64) {
	hash := s.carried(kind, what)
	st, set := s.at(hash)
	st.mu.Lock()
	defer st.mu.Unlock()
	i := st.find(set, hash, hash)
	if i < 0 {
		i, _ = st.claim(set, hash, hash, now, func(i int) worth {
			return worth{int(math.Ceil(count(st.slots[i].mark, now))), st.slots[i].more}
		})
		if i < 0 {
			return
		}
		st.slots[i].mark = now / dayLong << (2 * countBits)
	}
	st.slots[i].mark, st.slots[i].more = more(st.slots[i].mark, now), now
}

// formsFrom so many readers a route is one that pages' forms are sent to.
const formsFrom = 5

// sentOn reports the answer that forms get when they were taken: what to look at next (RFC 9110, section
// 15.4.4). Clients of an API get what they asked for.
func sentOn(x *Exchange) bool {
	return x.Method == "POST" && (x.Status == 302 || x.Status == 303)
}

// takesForms reports whether a route was sent forms by readers of pages, who were sent on.
func (s *site) takesForms(template uint64, now int64) bool {
	return s.carriedBy(carriesForm, template, now) >= formsFrom
}

// weight of a token: 1 where no good source carries it, 0 where all do.
func (s *site) weight(kind TokenKind, what uint64, now int64) float32 {
	all, carry := s.sources(now), s.carriedBy(kind, what, now)
	w := math.Log((all+1)/(carry+0.5)) / math.Log(all+2)
	return float32(min(max(w, 0), 1))
}

// serve learns that a path was served to a good source.
func (s *site) serve(x *Exchange, g *ground, now int64) {
	s.learn(carriesTemplate, g.template, now)
	if parent := parentOf(routeOf(&x.Request)); parent != "" {
		s.learn(carriesBelow, s.template(parent), now)
	}
	var learned teaching
	if n := scriptOf(x.Folded); n > 0 {
		learned.scripts = 1 << n &^ s.scripts.Or(1<<n)
	}
	if p := probed(x.Folded); p.family != noFamily {
		learned.families = 1 << p.family &^ s.families.Or(1<<p.family)
	}
	if pageLike(x) && !g.known && x.Folded != "/" && x.Signs&Referred == 0 { // what a page led to is there
		learned.template = g.template
		s.early.note(x.Bytes, learned)
	}
}

// pageLike reports an answer that may be the page which a site shows for whatever is asked. What is so short
// says "ok" to many things that are there.
func pageLike(x *Exchange) bool {
	return x.Status == 200 && x.Method != "POST" && x.Bytes >= shortestPage
}

const shortestPage = 100

// early is what was learned of pages of one length, before it was clear that everything is answered with
// it: what a scanner was the first to ask for, too.
type early struct {
	mu sync.Mutex
	of [catchSizes][caughtFrom]teaching
}

// A teaching is what one page taught.
type teaching struct {
	bytes    int64
	template uint64
	families uint32
	scripts  uint64
}

func (e *early) note(bytes int64, l teaching) {
	l.bytes = bytes
	e.mu.Lock()
	defer e.mu.Unlock()
	of := &e.of[scramble(uint64(bytes))%catchSizes] //nolint:gosec // a length
	for i := range of {
		if of[i].bytes != bytes || of[i].template == l.template {
			of[i] = l
			return
		}
	}
}

// unlearn what pages of a length taught.
func (s *site) unlearn(bytes int64) {
	s.early.mu.Lock()
	of := s.early.of[scramble(uint64(bytes))%catchSizes] //nolint:gosec // a length
	s.early.of[scramble(uint64(bytes))%catchSizes] = [caughtFrom]teaching{}
	s.early.mu.Unlock()
	for _, l := range of {
		if l.bytes == bytes {
			hash := s.carried(carriesTemplate, l.template)
			s.dropKey(hash, hash)
			s.families.And(^l.families)
			s.scripts.And(^l.scripts)
		}
	}
}

// catches reports an answer as long as those to several other paths that were not known: that of
// a page which a site shows for whatever is asked. It counts the one that it is asked about.
func (s *site) catches(bytes int64, template uint64) bool {
	at := &s.catch[scramble(uint64(bytes))%catchSizes]
	mark, other := uint64(bytes)<<32&^(1<<32-1), template&0xffffff
	is := at.Load()
	times := is >> 24 & 0xff
	switch {
	case is&^(1<<32-1) != mark:
		times = 1
	case is&0xffffff != other:
		times = min(times+1, 0xff)
	}
	at.Store(mark | times<<24 | other)
	if times == caughtFrom && is&0xffffff != other {
		s.unlearn(bytes)
	}
	return times >= caughtFrom
}
