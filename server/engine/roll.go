package engine

import "sync"

// A roll remembers how accounts that failed lately are written, so that a finding can list them:
// those of the last few thousand, and of each as much as fits.
type roll struct{ shelves [64]shelf }

type shelf struct {
	mu      sync.Mutex
	entries [64]struct {
		account uint64
		n       uint8
		text    [31]byte
	}
}

func (r *roll) note(account uint64, name string) {
	s := &r.shelves[account>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := &s.entries[account>>52&63]; e.account != account {
		e.account = account
		e.n = uint8(copy(e.text[:], Clipped(name, len(e.text))))
	}
}

// name of an account; false when it is not remembered any more.
func (r *roll) name(account uint64) (string, bool) {
	s := &r.shelves[account>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &s.entries[account>>52&63]
	return string(e.text[:e.n]), e.account == account && e.n > 0
}
