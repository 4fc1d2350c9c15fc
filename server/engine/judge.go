package engine

// Judge decides on an exchange whose answer is known already, as that of a line in a log, and observes it: as
// Decide and Observe do one after the other, without finding out twice what they have in common. Of an
// exchange that is refused it says so, and why, and as what.
func (e *Engine) Judge(x *Exchange) (v Verdict, found []Finding) {
	var k insight
	if v = e.decide(&x.Request, &k); v.Refused() {
		x.Refused, x.Cause, x.Status = true, v.Cause, v.Status
		return v, nil
	}
	return v, e.observe(x, &k)
}

// An insight is what was found out about a request when it was decided on, and holds when it is answered.
type insight struct {
	still    bool     // nothing was decided since; else all of this is to be found out
	stands   standing // by the lists
	supposed standing // see Engine.supposedly
	now      int64    // the engine's time
	place    uint64   // of its client in tables
	start    beginnings
}
