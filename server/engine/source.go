package engine

import (
	"math"
	"math/bits"
	"slices"
)

// Visitors remember of each client what tells a visitor from a scanner: how often it asked and
// failed, which unknown routes it failed on, how evenly it asks, whether it loads what pages draw
// in. It also decides from whom the site learns, and how much.
//
// A source is good while nothing was found about it. Which of them count as such, see regular.
type visitors struct {
	*table   // by actor
	site     *site
	records  []visitor
	texts    []lostText // of unknown routes that failed lately: a few for each stripe
	crawlers []Crawler
}

// A visitor is what is remembered of a source. Times are in the engine's milliseconds or seconds.
type visitor struct {
	last     int64
	taught   [2]uint64 // what the site learned of it today, roughly
	lost     [lostKept]uint32
	lostAt   [lostKept]uint32 // seconds
	told     [remarks]uint16  // until when each is told of, in minutes of two days; 0 for never
	first    uint32           // seconds
	lessons  uint32           // when they were counted: ten minutes each
	requests uint16
	good     uint16
	errors   uint16
	posts    uint16
	assets   uint16
	referred uint16
	learned  uint8 // lessons in those ten minutes
	marks    uint8
	tempo    tempo
}

// Marks of a source.
const (
	suspected uint8 = 1 << iota // something was found about it
	bare                        // it posts and never loaded what a page draws in
	counted                     // among the good ones, today
	robots                      // it asked for robots.txt
	fruitless                   // it failed to sign in, today, when it was a stranger
)

const (
	lostKept    = 6                   // unknown routes that failed
	lostFor     = 10 * 60             // seconds
	lessonFor   = 10 * 60             // seconds
	mostLearned = 20                  // lessons of a source in that time
	goodAfter   = 3                   // good answers that a good source has at least
	manyGood    = 24                  // the same, of one that draws nothing in and is nobody's
	manyRoutes  = 12                  // different routes that it was served
	longKnown   = 100                 // good answers that stand in for that
	forgotten   = 24 * 60 * 60 * 1000 // milliseconds without a request, after which a source is new
)

// A remark is something that a rule tells of a source once in a while.
type remark uint8

const (
	sawProbing remark = iota
	sawForeign
	sawLeak
	sawInjection
	sawUnknown
	sawForeignHost
	sawSpam
	sawStray
	sawBare
	sawAttempt
	sawBot
	remarks
)

type lostText struct {
	hash uint32
	n    uint8
	text [59]byte
}

const textsPerStripe = 64

func newSources(p Policy, k keyed) *visitors {
	l := &visitors{table: newTable(p.Clients/4, k), site: newSite(p, k)}
	l.knowCrawlers(p)
	l.records = make([]visitor, l.size())
	lay(l.table, l.records, 1)
	l.texts = make([]lostText, stripes*textsPerStripe)
	return l
}

func (l *visitors) knowCrawlers(p Policy) {
	if l.crawlers = p.Crawlers; l.crawlers == nil {
		l.crawlers = PublishedCrawlers()
	}
}

func (l *visitors) look(v *view) {
	v.visitors = l
	v.site = l.site.survey(v)
	a := actorOf(v.Client)
	hash := v.places.place(OfClient, uint64(a), l.keyed)
	s, set := l.at(hash)
	s.mu.Lock()
	i := s.find(set, uint64(a), hash)
	if i < 0 {
		i, _ = s.claim(set, uint64(a), hash, v.now, func(i int) worth { return l.records[s.first+i].worth(v.now) })
		l.records[s.first+i] = visitor{first: seconds(v.now), last: v.now}
	}
	r := &l.records[s.first+i]
	if v.now-r.last > forgotten || r.last-v.now > putBack {
		*r = visitor{first: seconds(v.now), last: v.now}
	}
	if v.Status == 400 { // what could not be read, or not in one way only, as a gateway in front answers it
		v.visitor = *r
		s.mu.Unlock()
		return
	}
	r.note(v)
	if v.strays() {
		l.lose(s, r, v)
	}
	good := r.teaches(v)
	if good {
		l.teach(r, v)
	}
	v.visitor = *r
	s.mu.Unlock()
	l.site.inventory.note(v, good && v.served())
}

func seconds(ms int64) uint32 { return uint32(max(ms, 0) / 1000) }

// note counts an exchange.
func (r *visitor) note(v *view) {
	if r.last/dayLong < v.now/dayLong { // what comes late belongs to a day that is over
		r.taught, r.told, r.marks = [2]uint64{}, [remarks]uint16{}, r.marks&^(counted|fruitless)
	}
	r.tempo.beat(v.now-r.last, v.Folded)
	r.last = max(r.last, v.now)
	add(&r.requests, true)
	add(&r.good, v.Status > 0 && v.Status < 400)
	add(&r.errors, v.Status >= 400)
	add(&r.posts, v.Method == "POST")
	add(&r.assets, v.site.kind == drawn || v.site.known && v.fileKind() == drawn)
	add(&r.referred, v.Signs&Referred != 0)
	if v.Folded == "/robots.txt" {
		r.marks |= robots
	}
	if v.Method == "POST" && r.assets == 0 && !identified(&v.Request) {
		r.marks |= bare
	}
}

// identified reports whether a request says whose it is.
func identified(r *Request) bool {
	return !r.Key.Zero() || !r.Session.Zero() || r.Account != ""
}

func add(n *uint16, one bool) {
	if one && *n < math.MaxUint16 {
		*n++
	}
}

// lose remembers an unknown route that failed.
func (l *visitors) lose(s *stripe, r *visitor, v *view) {
	h := uint32(v.site.template>>32) | 1
	now := seconds(v.now)
	oldest := 0
	for i := range r.lost {
		if r.lost[i] == h || r.lost[i] == 0 { // they fill up in order
			oldest = i
			break
		}
		if r.lostAt[i] < r.lostAt[oldest] {
			oldest = i
		}
	}
	r.lost[oldest], r.lostAt[oldest] = h, now
	t := &l.texts[s.first/len(s.slots)*textsPerStripe+int(h>>1%textsPerStripe)]
	t.hash, t.n = h, uint8(copy(t.text[:], v.Folded))
}

// losses are how many different unknown routes failed lately.
func (r *visitor) losses(now int64) (n int) {
	for i := range r.lost {
		if r.lost[i] != 0 && seconds(now)-r.lostAt[i] < lostFor {
			n++
		}
	}
	return n
}

// teaches reports whether the site learns from this exchange.
func (r *visitor) teaches(v *view) bool {
	if v.Status <= 0 || v.Status >= 500 || v.UserAgent == "" || r.marks&suspected != 0 || v.Signs.odd() != 0 {
		return false
	}
	if now := seconds(v.now) / lessonFor; r.lessons != now {
		r.lessons, r.learned = now, 0
	}
	return r.learned < mostLearned
}

// served reports an answer that shows what is asked for to be there. What is said to be elsewhere
// may be nowhere.
func (v *view) served() bool {
	return v.Status < 400 && !v.site.moved && !v.site.caught
}

// teach the site what a good source shows. Each thing counts once for a source and day.
func (l *visitors) teach(r *visitor, v *view) {
	if v.served() && r.once(carriesTemplate, v.site.template) {
		l.site.serve(&v.Exchange, &v.site, v.now)
		r.learned++
	}
	if !r.regular(&v.Request) {
		return
	}
	if r.marks&counted == 0 {
		r.marks |= counted
		if oneMore(&l.site.good, v.now); r.assets > 0 {
			oneMore(&l.site.readers, v.now)
		}
	}
	if r.assets > 0 && v.Signs&Data == 0 && sentOn(&v.Exchange) && r.once(carriesForm, v.site.template) {
		l.site.learn(carriesForm, v.site.template, v.now)
	}
	of, n := l.site.carriages(v)
	for _, c := range of[:n] {
		if r.once(c.kind, c.what) {
			l.site.learn(c.kind, c.what, v.now)
		}
	}
}

// regular reports whether a source counts among the good ones: it draws in what pages show, or says
// whose it is, or has asked for many different things or for long. So those who come for one form
// alone don't make themselves common, however many they are.
func (r *visitor) regular(q *Request) bool {
	switch {
	case r.good < goodAfter:
		return false
	case r.assets > 0 || identified(q) || r.marks&counted != 0:
		return true
	}
	return r.good >= longKnown || r.good >= manyGood && bits.OnesCount64(r.taught[0])+bits.OnesCount64(r.taught[1]) >= manyRoutes
}

// once reports whether something is news of this source today. What was not may be taken for
// what was, now and then: it is taught less then, never more.
func (r *visitor) once(kind TokenKind, what uint64) bool {
	h := scramble(what ^ uint64(kind)<<56)
	word, bit := &r.taught[h>>6&1], uint64(1)<<(h&63)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

func (r *visitor) worth(now int64) worth {
	if now-r.last > forgotten {
		return worth{}
	}
	w := worth{1, r.last}
	if r.marks&suspected != 0 {
		w.count += 8
	}
	w.count += r.losses(now) + min(bits.Len16(r.requests), 4)
	return w
}

// tell reports whether a remark about a client is news, and keeps it from being news for so many
// seconds. What is told of a source that is not only weak makes it teach no more.
func (l *visitors) tell(a actor, what remark, now int64, hush uint32, weak bool) bool {
	hash := l.hash(uint64(a))
	s, set := l.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, uint64(a), hash)
	if i < 0 {
		return true
	}
	r := &l.records[s.first+i]
	if !weak {
		r.marks |= suspected
	}
	at := uint16(now / 60_000 % twoDays)
	if until := r.told[what]; until != 0 && (until+twoDays-at)%twoDays < twoDays/2 {
		return false
	}
	r.told[what] = max((at+uint16(min(hush, forgotten/1000)/60)+1)%twoDays, 1)
	return true
}

// twoDays in minutes: that is told for a day at most, so it can't be taken for what is to come.
const twoDays = 2 * 24 * 60

// lostPaths are the texts of the unknown routes that a source failed on lately.
func (l *visitors) lostPaths(a actor, r *visitor, now int64) (paths []string) {
	s, _ := l.at(l.hash(uint64(a)))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, h := range r.lost {
		if h == 0 || seconds(now)-r.lostAt[i] >= lostFor {
			continue
		}
		if t := &l.texts[s.first/len(s.slots)*textsPerStripe+int(h>>1%textsPerStripe)]; t.hash == h {
			paths = append(paths, string(t.text[:t.n]))
		}
	}
	return paths
}

// suspect a client that something was found about: the site learns nothing more from it.
func (l *visitors) suspect(a actor) {
	hash := l.hash(uint64(a))
	s, set := l.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(set, uint64(a), hash); i >= 0 {
		l.records[s.first+i].marks |= suspected
	}
}

func (l *visitors) forget(t Target) {
	if !t.Network.IsValid() {
		return
	}
	who := actorsOf(t.Network)
	if who.from == who.to {
		l.dropKey(uint64(who.from), l.hash(uint64(who.from)))
		return
	}
	l.dropIf(func(_ int, key uint64) bool { return who.hold(actor(key)) })
}

// learnSources puts in place what learns about clients and the site. What was learned stays while
// the policy wants the same.
func (g *regime) learnSources(k keyed, before *regime) {
	p := &g.policy
	switch {
	case before == nil || before.policy.Clients != p.Clients || before.policy.Unlisted != p.Unlisted:
		g.sources = newSources(*p, k)
	case sameCrawlers(before.policy.Crawlers, p.Crawlers):
		g.sources = before.sources
	default: // the same memory, for other crawlers
		was := *before.sources
		g.sources = &was
		g.sources.knowCrawlers(*p)
	}
	g.learners = append(g.learners, g.sources)
}

func sameCrawlers(a, b []Crawler) bool {
	return slices.EqualFunc(a, b, func(x, y Crawler) bool {
		return x.Name == y.Name && slices.Equal(x.Claims, y.Claims) && slices.Equal(x.Networks, y.Networks)
	})
}

// verifies reports whether a request is of a crawler that is what it claims to be.
func (l *visitors) verifies(r *Request) bool { return verified(l.crawlers, r) }
