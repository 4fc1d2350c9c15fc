package route

import (
	"hash/maphash"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// An Alone is a Learner of somebody who goes through exchanges one after the other, as who reads a log
// does: he asks for the route of one, then says how it was answered. It says and learns what the Learner
// would, and finds out nothing twice. It is for one goroutine, and nobody else tells its Learner anything.
//
// A path is kept when it comes twice with no other in between that would lie in the same place. So a flood
// of paths that come once costs a look at each, and takes no memory.
type Alone struct {
	learner *Learner
	lesson  uint32 // rises with all that is learned: what is kept of before holds no more
	seed    maphash.Seed
	kept    [mostKept]kept
	passed  [mostKept]uint32 // some bits of the hash of the last path that was not kept

	settled string // the path that was asked for last, when it has a learned template and teaches nothing more
}

// A kept answer.
type kept struct {
	folded   string
	template string
	lesson   uint32
	class    engine.Class
	known    bool // it is a learned one
}

const (
	mostKept    = 4096
	longestKept = 256 // bytes of a path
)

// LearnAlone makes one that knows nothing yet.
func LearnAlone(l Limits) *Alone {
	return &Alone{learner: Learn(l), lesson: 1, seed: maphash.MakeSeed()}
}

// Route does what that of a Learner does.
func (a *Alone) Route(_, folded string) (template string, class engine.Class) {
	hash := maphash.String(a.seed, folded)
	k := &a.kept[hash%mostKept]
	if k.lesson == a.lesson && k.folded == folded {
		if a.settled = ""; k.known {
			a.settled = folded
		}
		return k.template, k.class
	}
	template, class, known := a.learner.find(folded)
	if a.settled = ""; known {
		a.settled = folded
	}
	mark := uint32(hash >> 32) //nolint:gosec // some bits of it are enough
	switch {
	case len(folded) > longestKept:
	case k.folded == folded: // before something was learned
		*k = kept{k.folded, strings.Clone(template), a.lesson, class, known}
	case a.passed[hash%mostKept] == mark:
		*k = kept{strings.Clone(folded), strings.Clone(template), a.lesson, class, known}
	}
	a.passed[hash%mostKept] = mark
	return template, class
}

// Answered does what that of a Learner does.
func (a *Alone) Answered(method, folded string, status int) {
	if a.settled == folded && folded != "" {
		return
	}
	if a.learner.answered(method, folded, status) {
		a.lesson++
		a.settled = ""
	}
}

// Templates that are known so far, sorted.
func (a *Alone) Templates() []string { return a.learner.Templates() }
