package ingest

import (
	"context"
	"io"
	"sync"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A stretch is whole lines of a log, which one worker reads while others read those before and
// behind.
type stretch struct {
	lines     string
	long      bool // a line that is too long follows
	exchanges []engine.Exchange
	reading   reading
	done      chan struct{}
}

// A brancher is a parser that remembers nothing of a line that the next ones depend on.
type brancher interface{ branch() parser }

func (*combined) branch() parser  { return &combined{} }
func (*nginxJSON) branch() parser { return &nginxJSON{} }
func (*caddyJSON) branch() parser { return &caddyJSON{} }
func (*envoyJSON) branch() parser { return &envoyJSON{} }
func (p *jsonl) branch() parser   { return p }
func (p *pattern) branch() parser { return p }

// branches are parsers for that many workers; nil where one has to read all, or may as well.
func (r *reading) branches(workers int) (parsers []parser) {
	p := r.parser
	if a, ok := p.(*auto); ok {
		p = a.chosen
	}
	b, ok := p.(brancher)
	if !ok || workers < 2 || r.stats.Exchanges == 0 { // it may be no log yet
		return nil
	}
	for range workers {
		parsers = append(parsers, b.branch())
	}
	return parsers
}

// together reads on with a worker for each parser, until reading fails or ends. What they read is
// handed on by the caller's goroutine, in the order of the lines.
func (r *reading) together(ctx context.Context, in io.Reader, s *splitter, parsers []parser) (err error) {
	most := 2 * len(parsers)
	spare, work, order := make(chan *stretch, most), make(chan *stretch, most), make(chan *stretch, most)
	for range most {
		spare <- &stretch{done: make(chan struct{}, 1)}
	}
	var workers sync.WaitGroup
	for _, p := range parsers {
		workers.Go(func() {
			for t := range work {
				t.read(p)
			}
		})
	}
	workers.Go(func() {
		defer close(work)
		defer close(order)
		hand := func(lines string, long bool) {
			t := <-spare
			t.lines, t.long = lines, long
			order <- t
			work <- t
		}
		for err == nil {
			if err = ctx.Err(); err == nil {
				_, err = s.from(in, func(lines string) { hand(lines, false) }, func() { hand("", true) })
			}
		}
	})
	for t := range order {
		<-t.done
		r.take(t)
		spare <- t
	}
	workers.Wait()
	return err
}

// read its lines.
func (t *stretch) read(p parser) {
	t.exchanges = t.exchanges[:0]
	t.reading = reading{parser: p, each: func(x *engine.Exchange) { t.exchanges = append(t.exchanges, *x) }}
	t.reading.block(t.lines)
	t.done <- struct{}{}
}

// take over what was read of a stretch, as if it had been read here.
func (r *reading) take(t *stretch) {
	for _, b := range t.reading.stats.BadLines {
		if len(r.stats.BadLines) < MostBad {
			r.stats.BadLines = append(r.stats.BadLines, BadLine{r.stats.Lines + b.Number, b.Problem})
		}
	}
	s := &t.reading.stats
	r.stats.Lines += s.Lines
	r.stats.Other += s.Other
	r.stats.Bad += s.Bad
	r.stats.Exchanges += s.Exchanges
	r.empty += t.reading.empty
	for i := range t.exchanges {
		r.clock(t.exchanges[i].At)
		r.each(&t.exchanges[i])
	}
	if t.long {
		r.long()
	}
}
