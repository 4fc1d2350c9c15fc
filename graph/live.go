package graph

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/live"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// follow passes a topic's news on until ctx ends. Who does not keep up is hung up on.
func follow[T, V any](ctx context.Context, topic *live.Topic[T], show func(T) V) <-chan V {
	news := topic.Subscribe(ctx)
	out := make(chan V)
	go func() {
		defer close(out)
		for v := range news {
			select {
			case out <- show(v):
			case <-ctx.Done():
				return
			}
		}
		behind(ctx)
	}()
	return out
}

// A mailbox holds the newest of what its reader has not taken yet: what it is for replaces what
// was there before. One goroutine puts, one takes.
type mailbox[T any] chan T

func newMailbox[T any]() mailbox[T] { return make(chan T, 1) }

// put never waits. With merge it makes one of what was left there and what comes.
func (m mailbox[T]) put(v T, merge func(old, v T) T) {
	select {
	case old := <-m:
		if merge != nil {
			v = merge(old, v)
		}
	default:
	}
	m <- v // there is room: nobody else puts
}

// A shared worker runs while somebody watches, and once for all of them.
type shared struct {
	mu       sync.Mutex
	watching int
	stop     context.CancelFunc
}

// join counts a watcher until ctx ends; the first starts run, the last stops it. enter and leave
// run under the lock.
func (s *shared) join(ctx context.Context, enter func() error, leave func(), run func(context.Context)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := enter(); err != nil {
		return err
	}
	if s.watching++; s.watching == 1 {
		working, stop := context.WithCancel(context.WithoutCancel(ctx))
		s.stop = stop
		go run(working)
	}
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		leave()
		if s.watching--; s.watching == 0 {
			s.stop()
		}
	})
	return nil
}

// The pace of the figures.
const (
	busyPace    = time.Second     // while there is traffic
	quietPace   = 5 * time.Second // without
	mostWindows = 16              // that are watched at once
)

// A pulse tells the figures of each watched window to everybody who watches it, computed once.
type pulse struct {
	r *Resolver
	shared
	windows map[time.Duration]map[mailbox[*Stats]]bool
	minutes map[mailbox[*store.Point]]bool
	fresh   bool // somebody came since the last beat
}

func (p *pulse) stats(ctx context.Context, window time.Duration) (<-chan *Stats, error) {
	box := newMailbox[*Stats]()
	enter := func() error {
		if p.windows == nil {
			p.windows = map[time.Duration]map[mailbox[*Stats]]bool{}
		}
		if p.windows[window] == nil {
			if len(p.windows) >= mostWindows {
				return Fault{Code: TooComplex, Message: "Too many different windows are watched: use one that others use, as 1h."}
			}
			p.windows[window] = map[mailbox[*Stats]]bool{}
		}
		p.windows[window][box] = true
		p.fresh = true
		return nil
	}
	leave := func() {
		delete(p.windows[window], box)
		if len(p.windows[window]) == 0 {
			delete(p.windows, window)
		}
	}
	return box, p.join(ctx, enter, leave, p.run)
}

func (p *pulse) minute(ctx context.Context) (<-chan *store.Point, error) {
	box := newMailbox[*store.Point]()
	enter := func() error {
		if p.minutes == nil {
			p.minutes = map[mailbox[*store.Point]]bool{}
		}
		p.minutes[box], p.fresh = true, true
		return nil
	}
	return box, p.join(ctx, enter, func() { delete(p.minutes, box) }, p.run)
}

func (p *pulse) run(ctx context.Context) {
	beat := time.NewTicker(busyPace)
	defer beat.Stop()
	last, failing := time.Time{}, false
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-beat.C:
			windows, minutes, fresh := p.watched()
			// A little early is as good as on time: beats are not exact.
			if !fresh && p.r.guard.Rate() == 0 && now.Sub(last) < quietPace-busyPace/2 {
				continue
			}
			last = now
			err := p.tell(ctx, now, windows, minutes)
			if err != nil && !failing && ctx.Err() == nil { // once, not every second while it lasts
				p.r.log.Error("read figures for those who watch", "err", err)
			}
			failing = err != nil
		}
	}
}

func (p *pulse) watched() (windows []time.Duration, minutes, fresh bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh, p.fresh = p.fresh, false
	return slices.Sorted(maps.Keys(p.windows)), len(p.minutes) > 0, fresh
}

func (p *pulse) tell(ctx context.Context, now time.Time, windows []time.Duration, minutes bool) error {
	ctx, cancel := context.WithTimeout(ctx, longestOperation)
	defer cancel()
	if minutes {
		minute := now.Truncate(time.Minute)
		points, err := p.r.store.Timeline(ctx, minute, minute.Add(time.Minute), time.Minute)
		if err != nil {
			return err
		}
		p.mu.Lock()
		for box := range p.minutes {
			for i := range points {
				box.put(&points[i], nil)
			}
		}
		p.mu.Unlock()
	}
	for _, w := range windows {
		s, err := p.r.stats(ctx, w, now)
		if err != nil {
			return err
		}
		p.mu.Lock()
		for box := range p.windows[w] {
			box.put(s, nil)
		}
		p.mu.Unlock()
	}
	return nil
}

// The pace and size of the feed of traffic.
const (
	feedPace   = 250 * time.Millisecond
	mostShown  = 50     // exchanges at a time
	mostPooled = 10_000 // exchanges between two batches
)

// A feed passes on what the gateway sees, in batches that a person can follow. It reads the
// news once for all who watch: an attack is not multiplied by its audience.
type feed struct {
	r *Resolver
	shared
	watchers map[*watcher]bool
}

type watcher struct {
	filter store.ExchangeFilter
	box    mailbox[*ExchangesSeen]
	behind func()
}

func (f *feed) seen(ctx context.Context, filter store.ExchangeFilter) (<-chan *ExchangesSeen, error) {
	w := &watcher{folded(filter), newMailbox[*ExchangesSeen](), func() { behind(ctx) }}
	enter := func() error {
		if f.watchers == nil {
			f.watchers = map[*watcher]bool{}
		}
		f.watchers[w] = true
		return nil
	}
	return w.box, f.join(ctx, enter, func() { delete(f.watchers, w) }, f.run)
}

func (f *feed) run(ctx context.Context) {
	topic := &f.r.guard.News().ExchangesSeen
	news := topic.Subscribe(ctx)
	beat := time.NewTicker(feedPace)
	defer beat.Stop()
	var pool [][]store.Seen
	size, over := 0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case batch, open := <-news:
			switch {
			case !open: // more came than this could read: whoever watches asks again
				news = nil
				for _, w := range f.all() {
					w.behind()
				}
			case size < mostPooled:
				pool = append(pool, batch)
				size += len(batch)
			default:
				over += len(batch)
			}
		case <-beat.C:
			if news == nil {
				news = topic.Subscribe(ctx)
			}
			if size > 0 {
				f.tell(pool, over)
				pool, size, over = nil, 0, 0
			}
		}
	}
}

func (f *feed) all() []*watcher {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.watchers))
}

func (f *feed) tell(pool [][]store.Seen, over int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.watchers {
		w.tell(pool, over)
	}
}

// tell a watcher of what matches, newest first. Over is what came besides and nobody looked at.
func (w *watcher) tell(pool [][]store.Seen, over int) {
	var batch ExchangesSeen
	matched := 0
	for _, some := range slices.Backward(pool) {
		for i := len(some) - 1; i >= 0; i-- {
			if !matches(w.filter, &some[i]) {
				continue
			}
			if matched++; matched <= mostShown {
				batch.Exchanges = append(batch.Exchanges, &Exchange{some[i]})
			}
		}
	}
	if matched == 0 {
		return
	}
	batch.Skipped = int32(matched - len(batch.Exchanges) + over)
	w.box.put(&batch, merged)
}

// merged is what is shown to a reader who has not taken the last batch yet.
func merged(old, v *ExchangesSeen) *ExchangesSeen {
	kept := min(mostShown-len(v.Exchanges), len(old.Exchanges))
	return &ExchangesSeen{
		Exchanges: append(v.Exchanges, old.Exchanges[:kept]...),
		Skipped:   v.Skipped + old.Skipped + int32(len(old.Exchanges)-kept),
	}
}
