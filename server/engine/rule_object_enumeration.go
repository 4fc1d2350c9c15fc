package engine

import (
	"fmt"
	"slices"
	"time"
)

// A person looks at a few things that are his own. Who asks for one after the other, and is often told
// that it is not his or not there, tries what the API gives away (OWASP API1; RULES BO-01: more than
// 50 in 5 minutes, with more weight where a third is refused or the ids follow each other). A program
// that reads all that is its own is refused nothing; that it does so in order says nothing either
// where it always does.
var objectEnumeration = Rule{
	ID: "object-enumeration", Title: "Ids tried one after the other", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: Collection},
	On:      Answers,
	When:    func(x *Exchange) bool { return x.Status < 300 || x.Status == 403 || x.Status == 404 }, // of a 401 nobody knows whom it was for,
	Terms:   Terms{More: 50, Within: 5 * time.Minute, Severity: High},
	Most:    mostObjects,
	Watch:   watchObjects,
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("More than %s of one kind asked for by one account, key or client within %s, of which more than %d %% were refused or not there.",
			plural(t.More, "object"), words(t.Within), mostRefused)
	},
}

const (
	mostObjects = 60 // that are told apart
	mostRefused = 30 // percent
)

// objects remember, for each account, key or client and each kind of object, which ones it asked for
// within a stretch that begins with the first.
type objects struct {
	*table // by holder and template
	walks  []walk
	more   int
	span   int64
}

type walk struct {
	holder   uint64
	begun    int64 // milliseconds
	asked    uint16
	refused  uint16
	told     bool
	distinct uint8
	ids      [mostObjects + 1]uint16 // hashes: two that are alike make it late, never wrong
}

func watchObjects(p Policy, t Terms, k keyed) watch {
	w := &objects{table: newTable(p.Clients/32, k), more: t.More, span: t.Within.Milliseconds()}
	w.walks = make([]walk, w.size())
	return w
}

// holderWord is whom objects are asked for by: account, key, session or client.
func (k keyed) holderWord(r *Request) uint64 {
	if who := k.traveller(r); who != 0 {
		return who
	}
	if !r.Session.Zero() {
		return r.Session.word()
	}
	return uint64(actorOf(r.Client))
}

func (w *objects) ask(v *view, q *question) (t tally) {
	if v.site.template == 0 || !hasID(v.Folded) {
		return t
	}
	holder, _ := v.holderAt(w.keyed)
	who := w.hash(holder, v.site.template)
	hash := w.word(who)
	s, set := w.at(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(set, who, hash)
	if i < 0 {
		if i, _ = s.claim(set, who, hash, q.at, func(i int) worth {
			o := &w.walks[s.first+i]
			if q.at-o.begun >= w.span {
				return worth{}
			}
			return worth{int(o.distinct), o.begun}
		}); i < 0 {
			return t
		}
		w.walks[s.first+i] = walk{holder: holder, begun: q.at}
	}
	o := &w.walks[s.first+i]
	if q.at-o.begun >= w.span || o.begun-q.at > putBack {
		*o = walk{holder: holder, begun: q.at}
	}
	o.step(uint16(w.text(v.Folded)), v.Status) //nolint:gosec // some bits of it
	if int(o.distinct) <= w.more || int(o.refused)*100 <= int(o.asked)*mostRefused || o.told {
		return t
	}
	o.told = true
	return tally{
		over: true, tell: true, count: int(o.distinct), telling: &telling{
			times: []int64{o.begun, q.at}, about: v.holderOrClient(), seen: []string{v.Folded},
			reason: fmt.Sprintf("%s asked for %d different objects like %s in %s, and %d of %d requests were refused or found nothing.",
				v.holderOrClient(), o.distinct, quoted(v.Folded), words(time.Duration(max(q.at-o.begun, 1))*time.Millisecond), o.refused, o.asked),
			unless: fmt.Sprintf("Up to %d objects, or with up to %d %% refused, it would not have fired.", w.more, mostRefused),
		},
	}
}

// step notes that an object was asked for. A refusal is counted once for each object.
func (o *walk) step(id uint16, status int) {
	if slices.Contains(o.ids[:o.distinct], id) || int(o.distinct) == len(o.ids) {
		return
	}
	o.ids[o.distinct] = id
	o.distinct++
	o.asked++
	if status >= 400 {
		o.refused++
	}
}

// hasID reports whether a segment of a path holds a digit, as ids do.
func hasID(path string) bool {
	for i := range len(path) {
		if path[i] >= '0' && path[i] <= '9' {
			return true
		}
	}
	return false
}

// retell of every walk that goes on.
func (w *objects) retell() {
	w.dropIf(func(n int, _ uint64) bool {
		w.walks[n].told = false
		return false
	})
}

func (w *objects) forget(t Target) {
	who, where := w.traveller(&Request{Account: t.Account, Key: t.Key}), actorsOf(t.Network)
	w.dropIf(func(n int, _ uint64) bool {
		if t.Network.IsValid() {
			return where.hold(actor(w.walks[n].holder))
		}
		return w.walks[n].holder == who
	})
}
