package guard

import (
	"sync"
	"sync/atomic"
	"time"
)

// faint limits how many weak observations are folded: a flood of them must hold up no alert.
type faint struct {
	mu     sync.Mutex
	second int64
	n      int
	passed atomic.Int64 // over: those that were not folded
}

// mostFaint are folded within a second.
const mostFaint = 1000

// admits reports whether one more may be folded in the second of that time.
func (f *faint) admits(at time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := at.Unix(); s != f.second {
		f.second, f.n = s, 0
	}
	f.n++
	return f.n <= mostFaint
}
