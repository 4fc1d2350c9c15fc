package engine

import (
	"fmt"
	"strings"
	"sync"

	"github.com/sentinel-protocol/sentinel/server/anomaly"
)

// Who behaves like nobody else may be up to something that no other rule looks for. That is worth
// a look, and no more: it never decides anything.
var anomalous = Rule{
	ID: "anomaly", Title: "Unlike anybody else", Version: 1, Pack: core,
	On:    Answers,
	Terms: Terms{Severity: Medium},
	Watch: watchAnomalies,
	Explain: func(Policy, Terms) string {
		return fmt.Sprintf("A client whose requests, taken together, are further from what is usual here than those of nearly all others: "+
			"at most %d clients a day, and at most one in %d of those that are active. What is usual is learned from requests that went well.",
			anomaly.PerDay, int(1/anomaly.MostShare))
	},
	Reason: func(f Finding) string {
		var odd []string
		for _, p := range f.Parts[:min(len(f.Parts), 3)] {
			odd = append(odd, fmt.Sprintf("%s %.3g (usual: %s)", p.Feature, p.Value, p.Expected))
		}
		return fmt.Sprintf("%s is unlike others, %d of 100: %s.", f.Actor, f.Count, strings.Join(odd, ", "))
	},
}

// What is looked at, in the order of features.
const (
	oddRate = iota
	oddErrors
	oddPath
	oddMethod
	oddAgent
	oddStep
	oddBare
	oddFresh
	oddLetters
	oddRun
	oddFile
	oddPrint
	oddFeatures
)

var features = [oddFeatures]anomaly.Feature{
	oddRate:    {Name: "requests in a minute", Kind: anomaly.Magnitude, Max: 3000},
	oddErrors:  {Name: "share of errors", Kind: anomaly.Number, Max: 1},
	oddPath:    {Name: "path, one in", Kind: anomaly.Category, Room: 8192},
	oddMethod:  {Name: "method, one in", Kind: anomaly.Category, Room: 64},
	oddAgent:   {Name: "user agent, one in", Kind: anomaly.Category},
	oddStep:    {Name: "step from the path before, one in", Kind: anomaly.Transition, Room: 16384},
	oddBare:    {Name: "share of requests that nothing led to", Kind: anomaly.Number, Max: 1},
	oddFresh:   {Name: "share of paths never seen to work", Kind: anomaly.Number, Max: 1},
	oddLetters: {Name: "odd characters", Kind: anomaly.Magnitude, Max: 64},
	oddRun:     {Name: "identical POSTs in a row", Kind: anomaly.Magnitude, Max: 255},
	oddFile:    {Name: "kind of file, one in", Kind: anomaly.Category, Room: 512},
	oddPrint:   {Name: "way of writing requests, one in", Kind: anomaly.Category},
}

// oddities remembers how each client behaved lately, and what is usual.
type oddities struct {
	*table  // by actor; a slot holds when he came last (seconds) and his last path, and which paths he taught
	model   *anomaly.Model
	clients []oddity
}

// An oddity is a client.
type oddity struct {
	anomaly.Actor
	rate                float32 // requests in a minute, decayed
	errors, bare, fresh share   // of his last requests
	window              uint16  // the ten minutes in which he taught so much
	taught              uint8
	run                 uint8 // identical POSTs
	flags               uint8
}

const (
	flaggedOtherwise = 1 << iota // by other rules
	loadedAsset
)

const (
	mostTaught  = 20      // exchanges in ten minutes that a client teaches
	teachWindow = 10 * 60 // seconds

	visit = 30 * 60 // seconds without a request that end one
)

// A share is a moving average of what is so or not.
type share uint16

func (s share) with(is bool) share {
	if is {
		return s + (^share(0)-s)/4
	}
	return s - s/4
}

func (s share) number() float64 { return float64(s) / float64(^share(0)) }

func watchAnomalies(p Policy, _ Terms, k keyed) watch {
	m, err := anomaly.New(features[:])
	if err != nil {
		panic(err) // the features are a mistake of ours, which every test would meet
	}
	w := &oddities{table: newTable(p.Clients/2, k), model: m}
	w.clients = make([]oddity, w.size())
	lay(w.table, w.clients, 1)
	return w
}

// A likeness is an exchange as the model sees it. They are lent, as views are, and always filled in the
// same places.
type likeness struct {
	values [oddFeatures]anomaly.Value
	places anomaly.Places
}

var likenesses = sync.Pool{New: func() any { return new(likeness) }}

func (w *oddities) ask(x *view, _ *question) (t tally) {
	if x.Doubted {
		return t
	}
	at := x.At.UnixMilli()
	like := likenesses.Get().(*likeness)
	defer likenesses.Put(like)
	v := &like.values
	a := actorOf(x.Client)
	hash := x.places.place(OfClient, uint64(a), w.keyed)
	s, set := w.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, uint64(a), hash)
	if i < 0 {
		i, _ = s.claim(set, uint64(a), hash, at, func(i int) worth { return w.worth(s, i) })
		if i < 0 {
			return t
		}
		w.clients[s.first+i] = oddity{}
	}
	c := &w.clients[s.first+i]
	w.measure(&s.slots[i], c, x, at, v)
	standing := w.model.Follow(&c.Actor, w.model.Look(v[:], &like.places), c.flags&flaggedOtherwise != 0, at)
	if c.teaches(x, at) {
		w.model.Take(v[:], &like.places, uint64(a), at)
	}
	if standing == anomaly.Usual || x.visitor.marks&robots != 0 && x.visitor.reads() { // a crawler behaves like one
		return t
	}
	t = tally{over: true, tell: true, weak: standing == anomaly.Odd, count: w.model.Grade(float64(c.Score)), telling: new(telling)}
	for _, p := range w.model.Explain(v[:]) {
		t.parts = append(t.parts, Part{Feature: p.Feature, Value: p.Value, Expected: p.Expected, Share: p.Share})
	}
	if !t.weak {
		t.unless = fmt.Sprintf("Below 50 of 100, which at most %d clients a day reach here, it would not have fired.", anomaly.PerDay)
	}
	return t
}

// measure an exchange beside what its client did before, and note it.
func (w *oddities) measure(slot *slot, c *oddity, x *view, at int64, v *[oddFeatures]anomaly.Value) {
	last, before := int64(uint64(slot.mark)>>32), uint64(uint32(slot.mark)) //nolint:gosec // the halves of a mark
	folded, agent := x.facts.path, x.facts.agent
	if folded == nil {
		_, ending := pathEnd(x.Folded)
		folded = &pathFacts{shape: w.shape(x.Folded), ending: w.text(ending), unasked: unasked(x.Folded), asset: asset(ending)}
	}
	if agent == nil {
		agent = &agentFacts{shape: w.shape(x.UserAgent)}
	}
	path, unasked := folded.shape, folded.unasked
	if x.facts.route != nil {
		path = x.facts.route.shape
	} else if route := routeOf(&x.Request); route != x.Folded {
		path = w.shape(route)
	}
	if unasked {
		path = w.k0
	}
	second := at / 1000
	first := last == 0
	switch since := second - last; {
	case since > visit: // he comes anew
		c.rate, before = 0, 0
	case since > 0:
		c.rate *= 60 / (60 + float32(since))
	}
	c.rate++
	if x.Method == "POST" && before == uint64(uint32(path)) && !first {
		c.run += 1 - c.run/255
	} else {
		c.run = 0
	}
	if folded.asset {
		c.flags |= loadedAsset
	}
	c.errors = c.errors.with(x.Status >= 400 && !unasked)
	c.bare = c.bare.with(x.Signs&Referred == 0 && c.flags&loadedAsset == 0)
	c.fresh = c.fresh.with(!unasked && w.model.Warm() && w.model.Fresh(oddPath, path))
	bit := int64(1)<<(path>>32&63) | int64(1)<<(path>>40&63)
	repeated := slot.more&bit == bit
	if slot.mark = max(second, last)<<32 | int64(uint32(path)); served(x.Status) {
		slot.more |= bit
	}
	v[oddRate].Number = float64(c.rate)
	v[oddErrors].Number = c.errors.number()
	v[oddPath].Key, v[oddPath].Repeated = path, repeated
	v[oddMethod].Key, v[oddMethod].Repeated = x.hashed(OfRoute, x.Method, w.keyed), repeated
	v[oddAgent].Key, v[oddAgent].Repeated = agent.shape, !first
	v[oddStep].Key, v[oddStep].Given, v[oddStep].Repeated = path, before, repeated
	v[oddBare].Number = c.bare.number()
	v[oddFresh].Number = c.fresh.number()
	v[oddLetters].Number = oddLettersIn(x)
	v[oddRun].Number = float64(c.run)
	v[oddFile].Key, v[oddFile].Repeated = folded.ending, repeated
	v[oddPrint].Key, v[oddPrint].Repeated = x.Fingerprint, !first
}

// teaches reports whether an exchange is one of those that tell what is usual.
func (c *oddity) teaches(x *view, at int64) bool {
	if !served(x.Status) || x.UserAgent == "" || c.flags&flaggedOtherwise != 0 {
		return false
	}
	if window := uint16(at / 1000 / teachWindow); window != c.window {
		c.window, c.taught = window, 0
	}
	if c.taught == mostTaught {
		return false
	}
	c.taught++
	return true
}

// served reports whether an answer proves that there is something to ask for. A redirect does not:
// many a server sends whatever it is asked for elsewhere.
func served(status int) bool { return status/100 == 2 || status == 304 }

// shape is a hash of a text in which all numbers are alike.
func (k keyed) shape(s string) uint64 {
	h := k.k0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= '0' && c <= '9' {
			if i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
				continue
			}
			c = '0'
		}
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return scramble(h ^ k.k1)
}

// pathEnd is the last segment of a path, and how its name ends.
func pathEnd(path string) (name, ending string) {
	name = path[strings.LastIndexByte(path, '/')+1:]
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		return name, name[dot:]
	}
	return name, ""
}

// asset reports whether a name ends like what pages load by themselves.
func asset(ending string) bool {
	switch ending {
	case ".css", ".js", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".woff", ".woff2", ".webp", ".ttf", ".map":
		return true
	}
	return false
}

// unasked reports whether programs ask for a path by themselves, because it is usual or because a
// page names it. Where it is missing, that is the site's fault.
func unasked(path string) bool {
	name, ending := pathEnd(path)
	switch name {
	case "robots.txt", "sitemap.xml", "browserconfig.xml", "humans.txt", "ads.txt", "security.txt", "manifest.json", "crossdomain.xml":
		return true
	}
	return asset(ending) || strings.HasPrefix(path, "/.well-known/")
}

// oddLettersIn a path: what is neither a letter nor a digit nor usual between them. What the edge
// saw in the query counts as some.
func oddLettersIn(x *view) float64 {
	n := 0
	for i := range len(x.Path) {
		switch c := x.Path[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '/', c == '-', c == '_', c == '.', c == '~':
		default:
			n++
		}
	}
	for _, sign := range [...]Signs{Injection, Traversal, Scripted, Foreign} {
		if x.Signs&sign != 0 {
			n += 8
		}
	}
	return float64(n)
}

// suspect that another rule has found something about a client: what he does is not usual, whatever
// it looks like.
func (w *oddities) suspect(a actor) {
	hash := w.hash(uint64(a))
	s, set := w.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(set, uint64(a), hash); i >= 0 {
		w.clients[s.first+i].flags |= flaggedOtherwise
	}
}

// suspect whoever another rule found something about, weak observations aside.
func (g *regime) suspect(by *armed, x *view, f *Finding) {
	if g.oddities != nil && by.ID != anomalous.ID && !f.Weak {
		g.oddities.suspect(actorOf(x.Client))
	}
}

// score of a client, 0 when he is not known.
func (w *oddities) score(a actor) float64 {
	hash := w.hash(uint64(a))
	s, set := w.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(set, uint64(a), hash); i >= 0 {
		return float64(w.clients[s.first+i].Score)
	}
	return 0
}

// worth of a client: his score, and then how long ago he came.
func (w *oddities) worth(s *stripe, i int) worth {
	return worth{int(w.clients[s.first+i].Score * 16), int64(uint64(s.slots[i].mark) >> 32)} //nolint:gosec // the upper half of a mark
}

func (w *oddities) forget(t Target) {
	if !t.Network.IsValid() {
		return
	}
	who := actorsOf(t.Network)
	w.dropIf(func(_ int, key uint64) bool { return who.hold(actor(key)) })
}

// Anomaly is what is known of usual behaviour: to look at its state, to keep it over a restart, to
// freeze it while an attack goes on. nil when the rule is off.
func (e *Engine) Anomaly() *anomaly.Model {
	if w := e.regime.Load().oddities; w != nil {
		return w.model
	}
	return nil
}

// Oddness of a client is how unlike others it is, lately: 0 when it is like them or not known. See
// package anomaly.
func (e *Engine) Oddness(t Target) float64 {
	w := e.regime.Load().oddities
	if w == nil || !t.Network.IsValid() {
		return 0
	}
	return w.score(actorOf(t.Network.Addr()))
}
