package engine

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

func (s sight) ask(v *view, q question) tally {
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
	t := &tally{over: true, tell: true, count: 1, weak: s.weak} // taken from the heap here, as it is handed on
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
	return v.visitors != nil && (!v.site.known && v.site.absent() || v.Signs&^Referred != 0 || v.visitor.marks&bare != 0 && v.Method == "POST" || v.visitor.tempo.even())
}

// anonymous reports a request that nothing vouches for: neither a key, session or account, nor a
// history of good answers.
func (v *view) anonymous() bool { return !identified(&v.Request) && v.visitor.good < settled }

// settled is how many good answers make a client one that is not blocked for what may be a
// mistake of its own.
const settled = 20

// weakly is for how many seconds a weak observation is told once.
const weakly = 10 * 60
