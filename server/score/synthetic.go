package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/score/made"
)

// Made traffic is measured apart, by track, and never pooled with real logs.
const (
	madeSeed   = 20_261_122
	madePerDay = 60_000
	madeMost   = 400_000 // exchanges of a track
	siteMost   = 60_000  // lines of a site
)

// A known source is one of made traffic.
type known struct {
	kind     made.Kind
	requests int
	rate     window
	refusals window
}

// A window tells whether a source ever went over a limit, exactly, by the last times it keeps.
type window struct {
	times []int64 // a ring
	next  int
	over  bool
}

func (w *window) add(l limit, at time.Time) {
	if w.over {
		return
	}
	ms := at.UnixMilli()
	if len(w.times) < l.more {
		w.times = append(w.times, ms)
		return
	}
	w.over = ms-w.times[w.next] < l.within.Milliseconds()
	w.times[w.next], w.next = ms, (w.next+1)%l.more
}

// A madeScore is traffic that was replayed, with who is in it and what was said.
type madeScore struct {
	*replayed
	sources   map[netip.Addr]*known
	exchanges int
}

// How made traffic is written: an API's own exchanges, or the access log of a site.
type written struct {
	format string
	line   func(x *made.Exchange, b []byte) []byte
}

var (
	asExchanges = written{"jsonl", (*made.Exchange).AppendJSON}
	asAccessLog = written{"combined", (*made.Exchange).AppendCombined}
)

// replayMade feeds made traffic to the built product.
func replayMade(ctx context.Context, binary, rules string, t *made.Traffic, most int, as written) (*madeScore, error) {
	args := []string{"replay", "--json", "--format", as.format}
	if rules != "" {
		args = append(args, "--rules", rules)
	}
	c := exec.CommandContext(ctx, binary, append(args, "-")...) //nolint:gosec // the operator names it
	c.Env = append(os.Environ(), "GOMAXPROCS=1", "TZ=UTC")
	in, err := c.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("feed %s: %w", binary, err)
	}
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("%s replay: %w", binary, err)
	}
	m := &madeScore{sources: map[netip.Addr]*known{}}
	feeding := m.feed(t, most, as, in)
	if err := c.Wait(); err != nil {
		return nil, fmt.Errorf("%s replay: %w: %s", binary, err, strings.TrimSpace(said.String()))
	}
	if feeding != nil {
		return nil, fmt.Errorf("feed %s: %w", binary, feeding)
	}
	if m.replayed, err = parse(&out); err != nil {
		return nil, err
	}
	m.worked, m.peak = c.ProcessState.UserTime()+c.ProcessState.SystemTime(), peak(c.ProcessState)
	return m, nil
}

func (m *madeScore) feed(t *made.Traffic, most int, as written, in io.WriteCloser) error {
	w := bufio.NewWriterSize(in, 1<<16)
	var line []byte
	var failed error
	t.Each(most, func(x *made.Exchange) bool {
		m.exchanges++
		m.note(x)
		line = as.line(x, line[:0])
		_, failed = w.Write(line)
		return failed == nil
	})
	if err := w.Flush(); failed == nil {
		failed = err
	}
	if err := in.Close(); failed == nil {
		failed = err
	}
	return failed
}

func (m *madeScore) note(x *made.Exchange) {
	who := identity(x.Client)
	k := m.sources[who]
	if k == nil {
		k = &known{}
		m.sources[who] = k
	}
	k.kind = max(k.kind, x.Kind)
	k.requests++
	k.rate.add(rate, x.At)
	if x.Status == 401 || x.Status == 403 {
		k.refusals.add(failedLogins, x.At)
	}
}

// tally of sources, without those of whom nothing is asked.
func (m *madeScore) tally() (t tally) {
	flagged := m.flagged()
	for who, k := range m.sources {
		if k.kind != made.Bystander {
			t.add(k.kind == made.Hostile, flagged[who])
		}
	}
	return t
}

// grave is the tally of those who were told of at MEDIUM or graver.
func (m *madeScore) grave() (t tally) {
	for who, k := range m.sources {
		if v, said := m.clients[who]; k.kind != made.Bystander {
			t.add(k.kind == made.Hostile, said && !v.slight)
		}
	}
	return t
}

// endOfTime comes after every block.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// A harm is what honest sources of made traffic had to bear.
type harm struct {
	sources, requests int
	blocked           int // though they exceed no published limit
	overLimit         int // blocked, and do
	flagged           int
	published         int // of those, who exceed a published limit
	slight            int // and who were told of at LOW alone, and exceed none
	bots, botsBlocked int // that prove who they are
}

func (m *madeScore) harm() (h harm) {
	flagged := m.flagged()
	for who, k := range m.sources {
		if k.kind > made.Bot {
			continue
		}
		h.sources++
		h.requests += k.requests
		blocked := m.blocks(who, endOfTime)
		switch {
		case blocked && k.kind == made.Bot:
			h.botsBlocked++
		case blocked && (k.rate.over || k.refusals.over):
			h.overLimit++
		case blocked:
			h.blocked++
		}
		if k.kind == made.Bot {
			h.bots++
		}
		switch over := k.rate.over || k.refusals.over; {
		case !flagged[who]:
		case over:
			h.published++
			h.flagged++
		default:
			h.flagged++
			if m.clients[who].slight {
				h.slight++
			}
		}
	}
	return h
}

// A player plays made traffic.
type player struct {
	binary, rules string
	tracks        bool
	honest        int       // requests that it plays without attackers, too
	wrong         io.Writer // where those are named who were judged wrongly; nil for nowhere
}

// play every track and write the tables, then so many honest requests alone.
func (p player) play(ctx context.Context, w io.Writer) error {
	if p.tracks {
		if err := p.playTracks(ctx, w); err != nil {
			return err
		}
	}
	if p.honest == 0 {
		return nil
	}
	m := made.New(madeSeed)
	m.Honest(p.honest)
	s, err := replayMade(ctx, p.binary, p.rules, m, p.honest, asExchanges)
	if err != nil {
		return err
	}
	h := s.harm()
	fmt.Fprintf(w, "\n%d honest requests of %d sources: blocked %d that exceed no published limit and %d that do,\n"+
		"flagged %d: %d that exceed a published limit, %d at LOW alone, %d others;\n"+
		"of %d that prove to be crawlers %d blocked. %.0f s of processor, %d MB.\n",
		h.requests, h.sources, h.blocked, h.overLimit, h.flagged, h.published, h.slight, h.flagged-h.published-h.slight, h.bots, h.botsBlocked, s.worked.Seconds(), s.peak>>20)
	s.name("honest", p.wrong)
	return nil
}

func (p player) playTracks(ctx context.Context, w io.Writer) error {
	var tracks, sites, harmed []string
	play := func(name string, t *made.Traffic, most int, as written) (row string, err error) {
		s, err := replayMade(ctx, p.binary, p.rules, t, most, as)
		if err != nil {
			return "", err
		}
		s.name(name, p.wrong)
		h := s.harm()
		harmed = append(harmed, cells(name, h.sources, h.requests, h.flagged, h.published, h.slight, h.flagged-h.published-h.slight,
			short(1000*ratio(h.flagged, h.sources)), short(1_000_000*ratio(h.flagged, h.requests)), h.blocked))
		return s.row(name), nil
	}
	for i, track := range made.Tracks {
		m := made.New(madeSeed + uint64(i)) //nolint:gosec // a few
		m.Honest(madePerDay)
		track.Join(m)
		row, err := play(track.Name, m, madeMost, asExchanges)
		if err != nil {
			return err
		}
		tracks = append(tracks, row)
	}
	for i, site := range made.Sites {
		m := made.New(madeSeed + uint64(i)) //nolint:gosec // a few
		site.Open(m)
		row, err := play(site.Name, m, siteMost, asAccessLog)
		if err != nil {
			return err
		}
		sites = append(sites, row)
	}
	const head = "SOURCES\tATTACK\tFLAGGED\tPRECISION\tRECALL\tF1\tAT MEDIUM AND ABOVE: PRECISION\tRECALL"
	fmt.Fprintf(w, "\nMade traffic (seed %d), never pooled with real logs: what those at hand do not hold\n\n", madeSeed)
	table(w, "TRACK\t"+head, tracks)
	fmt.Fprint(w, "\nMade access logs of sites that those at hand are none of, likewise\n\n")
	table(w, "SITE\t"+head, sites)
	fmt.Fprint(w, "\nHonest ones in both: flagged, because they exceed a published limit, at LOW alone, for other reasons; per 1,000 of them and per million of their requests; blocked though they exceed none\n\n")
	table(w, "TRACK\tHONEST\tREQUESTS\tFLAGGED\tOVER A LIMIT\tLOW\tOTHERS\tPER 1,000\tPER MILLION\tBLOCKED", harmed)
	return nil
}

// row of a table: who was found, and who of those told of at MEDIUM or graver.
func (m *madeScore) row(name string) string {
	t, g := m.tally(), m.grave()
	return cells(name, t.sources(), t.hostile(), t.flagged(), plain(t.precision()), plain(t.recall()), plain(t.f1()), plain(g.precision()), plain(g.recall()))
}

// name those who were judged wrongly, with what was said about them.
func (m *madeScore) name(track string, w io.Writer) {
	if w == nil {
		return
	}
	flagged := m.flagged()
	for _, who := range slices.SortedFunc(maps.Keys(m.sources), netip.Addr.Compare) {
		switch k := m.sources[who]; {
		case k.kind <= made.Bot && flagged[who]:
			fmt.Fprintf(w, "%s: %s is honest: %s\n", track, who, m.clients[who])
		case k.kind == made.Hostile && !flagged[who]:
			fmt.Fprintf(w, "%s: %s is hostile, and was not flagged\n", track, who)
		}
	}
}

// plain writes a share, a dash where there is none.
func plain(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.2f", x)
}
