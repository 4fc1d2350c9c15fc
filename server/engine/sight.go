package engine

import "encoding/binary"

// A sight is a rule that looks at one exchange in the light of what is known of its source and
// of the site. All it remembers is in the source's record.
type sight struct {
	what remark
	weak bool
	hush uint32 // seconds for which it is told once; 0 for as long as what is done about it lasts
	is   func(*view) bool
	also func(*view, *tally) // what more there is to tell; nil for nothing
}

func (s sight) watch(Policy, Terms, keyed) watch { return s }

func (s sight) ask(v *view, q *question) tally {
	if v.visitors == nil || !s.is(v) {
		return tally{}
	}
	hush := s.hush
	if hush == 0 {
		hush = uint32(max(min(q.hush-q.at, forgotten)/1000, 60))
	}
	if !v.visitors.tell(actorOf(v.Client), s.what, v.now, hush, s.weak) {
		return tally{over: true, count: 1}
	}
	t := &tally{over: true, tell: true, count: 1, weak: s.weak, telling: new(telling)} // taken from the heap here, as it is handed on
	if s.also != nil {
		s.also(v, t)
	}
	return *t
}

func (sight) forget(Target) {}
func (sight) fill() Fill    { return Fill{} }

// strange reports whether there is anything about an exchange that rules about strange ones look
// at. Most exchanges are not.
func (v *view) strange() bool {
	return v.visitors != nil && (!v.site.known && v.site.absent() || v.Signs.odd() != 0 || v.visitor.marks&bare != 0 && v.Method == "POST" || v.visitor.tempo.even() ||
		v.Status >= 400 && otherTongue(v.Method))
}

// otherTongue reports a method of what is no API: of shared folders (RFC 4918, 5323), of traces and
// debuggers.
func otherTongue(method string) bool {
	switch method {
	case "PROPFIND", "PROPPATCH", "SEARCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "TRACE", "TRACK", "DEBUG":
		return true
	}
	return false
}

// anonymous reports a request that nothing vouches for: neither a key, session or account, nor a
// history of good answers. Nor may it be another's doing: see led.
func (v *view) anonymous() bool {
	return !identified(&v.Request) && v.visitor.good < settled && !v.led()
}

// led reports a request that a page of another site made a browser send, of who did nothing wrong
// before. Any page can have its visitors ask for anything, so who is led there is told of and not
// refused. Whoever says so of himself gets a minute: a page is opened once.
func (v *view) led() bool {
	return v.Signs&Elsewhere != 0 && (v.visitor.marks&suspected == 0 || seconds(v.now)-v.visitor.first < ledFor)
}

const ledFor = 60 // seconds

// reads reports a visitor that draws in what pages show, or asked for the rules of robots, and was told
// of hardly anything that it is not there. So people read, and crawlers: both follow links that are dead.
func (r *visitor) reads() bool { return (r.assets > 0 || r.marks&robots != 0) && r.served() }

// served reports a visitor that was well answered a few times, and hardly ever otherwise.
func (r *visitor) served() bool { return r.good >= goodAfter && r.errors <= r.requests/3 }

// hunts reports that much of what a source asks for is not there, or that it asks for the unknown
// without a pause. A crawler with a list of yesterday fails now and then.
func (r *visitor) hunts(now int64) bool {
	if r.errors > r.requests/3 {
		return true
	}
	for _, at := range r.lostAt {
		if seconds(now)-at > huntFor {
			return false
		}
	}
	return true
}

const huntFor = 60 // seconds in which who asks without a pause has failed on all that is kept

// share reports that so many clients which were well answered carried a key within 24 hours: it was given
// to many, as those are that every copy of an app holds.
func (l *visitors) share(key Key, many int, now int64) bool {
	return l != nil && many > 0 && l.site.carriedBy(TokenKey, binary.LittleEndian.Uint64(key.Hash[:]), now) >= float64(many)
}

// settled is how many good answers make a client one that is not blocked for what may be a
// mistake of its own.
const settled = 20

// weakly is for how many seconds a weak observation is told once.
const weakly = 10 * 60
