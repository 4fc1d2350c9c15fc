// Package live brings news to subscribers. Publishing never waits for anybody: who falls
// behind is hung up on, and asks again (STYLE, example 12).
package live

import (
	"context"
	"sync"
	"sync/atomic"
)

// Queue is how many news a subscriber may leave unread before it is hung up on.
const Queue = 256

// A Topic passes what is published to everybody who subscribed before. The zero value is
// ready for use, by any number of goroutines; it must not be copied.
type Topic[T any] struct {
	watchers atomic.Int64 // as many as there are subscribers, readable without the lock
	mu       sync.Mutex
	readers  map[chan T]func() bool // and how each stops watching its context
	closed   bool
}

// Publish hands v to every subscriber and returns at once. Subscribers see what one goroutine
// publishes in the order in which it did. A subscriber whose queue is full gets what is queued,
// but not v, and then finds its channel closed: it is never made to believe that there was no news.
func (t *Topic[T]) Publish(v T) {
	if !t.Watched() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for ch := range t.readers {
		select {
		case ch <- v:
		default:
			t.hangUp(ch)
		}
	}
}

// Subscribe returns what is published from now on. The channel is closed when ctx ends, when
// the topic is closed, and when its reader has fallen behind; ctx.Err tells the first from the others.
func (t *Topic[T]) Subscribe(ctx context.Context) <-chan T {
	ch := make(chan T, Queue)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		close(ch)
		return ch
	}
	if t.readers == nil {
		t.readers = make(map[chan T]func() bool)
	}
	t.readers[ch] = context.AfterFunc(ctx, func() { t.leave(ch) })
	t.watchers.Add(1)
	return ch
}

// Watched reports whether anybody listens, so that a publisher can save itself the work.
func (t *Topic[T]) Watched() bool { return t.watchers.Load() > 0 }

// Close hangs up on everybody, now and in the future. What is queued can still be read.
func (t *Topic[T]) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for ch := range t.readers {
		t.hangUp(ch)
	}
}

func (t *Topic[T]) leave(ch chan T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hangUp(ch)
}

// hangUp runs under mu, as every send does, so nothing is sent after the close; whoever
// comes second finds the reader gone.
func (t *Topic[T]) hangUp(ch chan T) {
	unwatch, here := t.readers[ch]
	if !here {
		return
	}
	delete(t.readers, ch)
	t.watchers.Add(-1)
	unwatch()
	close(ch)
}
