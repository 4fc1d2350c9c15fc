package engine

import "sync"

// A view is an exchange with what the engine knows about it before any rule is asked. Learners
// fill it in, each what it remembers.
type view struct {
	Exchange
	hashes
	places places
	facts  facts
	now    int64 // the engine's time of it

	trip   trip   // of its account or key; see journeys
	use    use    // of its account, key or session; see prints
	signIn        // zero where it is none
	manner manner // of a failed sign-in
	surge  *surge // of sign-ins; nil unless it is to be told

	visitors *visitors // nil until it was answered
	visitor  visitor   // who sent it, this exchange included
	site     ground    // what is known of what it asks for, from before
	gait     gait      // of its account, key or session; see steps

	question question // that a rule is asked

	deal      deal // what it is to payments
	unchecked bool // it pays, and whoever pays had not looked at the balance; see payments
}

// A learner remembers something of every exchange that the API answered, for rules to ask. It
// fills in what it knew before, then takes the exchange in. It keeps nothing of the view.
type learner interface {
	memory
	look(*view)
}

// Views are lent to rules, which get a pointer: one that is handed to functions the compiler
// can't see through would otherwise be allocated for each call.
var views = sync.Pool{New: func() any { return new(view) }}

// Questions are lent, as views are.
var questions = sync.Pool{New: func() any { return new(question) }}

func lend(x *Exchange) *view {
	v := views.Get().(*view)
	v.Exchange = *x
	return v
}

func lendRequest(r *Request, now int64) *view {
	v := views.Get().(*view)
	v.Request, v.now = *r, now
	return v
}

// giveBack what was lent. Rules keep nothing of it.
func giveBack(v *view) {
	if v != nil {
		*v = view{}
		views.Put(v)
	}
}
