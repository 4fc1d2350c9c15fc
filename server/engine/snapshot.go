package engine

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
)

// A snapshot is what the engine counted, for another engine to go on from: of each memory that
// can be carried over, under its rule's name and the figures that it counts by. It holds what the
// memories do: hashes and times mostly, and of what people wrote only what findings tell, as names
// of accounts that are tried. Decisions in force are not in it; those in the shadow are nowhere else.
//
// It begins with a line that says what it is and ends with a checksum. In between lie numbers of
// variable length, in pieces that say how long they are, so that what is unknown can be passed over.
//
// The last word of the line is raised with each change of what is written. What was written under another
// is refused.
const (
	snapshotKind = "sentinel snapshot "
	snapshotHead = snapshotKind + "3\n"
)

// Errors of a snapshot that can't be resumed.
var (
	ErrSnapshot = errors.New("the snapshot is damaged, or none: remove it, and counting begins anew")
	ErrFormat   = errors.New("the snapshot was made by another version of the program: remove it, and counting begins anew")
	ErrSeed     = errors.New("the snapshot was made under another secret: remove it, and counting begins anew")
	ErrBegun    = errors.New("a snapshot can be resumed only before the first request")
)

// A carried memory can go into a snapshot and come out of one. Carry does both, so that the two
// can't differ: it passes each number to the carrier, which writes it down or puts in its place
// what was written.
type carried interface{ carry(*carrier) }

// Snapshot writes down what the engine counted. It may be called while requests are judged: it
// holds a sixty-fourth of a memory at a time, and never while it writes.
func (e *Engine) Snapshot(w io.Writer) error {
	g := e.regime.Load()
	sum := sha256.New()
	c := &carrier{out: bufio.NewWriter(io.MultiWriter(w, sum))}
	_, _ = c.out.WriteString(snapshotHead) // it keeps its first error
	began := int64(-1)
	if start := e.began(); start != nil {
		began = start.UnixNano()
	}
	e.carryHead(c, &began)
	c.close()
	for _, m := range e.carried(g, new(supposing)) {
		c.text(m.name, mostName)
		c.number(m.figures)
		c.number(m.does())
		c.close()
		m.carry(c)
		c.close()
	}
	c.text("", mostName)
	c.close()
	if err := c.out.Flush(); err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("write a snapshot: %w", err)
	}
	return nil
}

// Resume goes on from a snapshot. A memory that counts otherwise now, or that the snapshot does
// not know, begins anew; what a rule does about what it counts may change, as with Revise. When it
// fails nothing has changed.
func (e *Engine) Resume(r io.Reader) error {
	e.revising.Lock()
	defer e.revising.Unlock()
	if e.began() != nil {
		return ErrBegun
	}
	sum := &summed{in: bufio.NewReader(r), sum: sha256.New()}
	var head [len(snapshotHead)]byte
	switch _, err := io.ReadFull(sum, head[:]); {
	case err != nil || !strings.HasPrefix(string(head[:]), snapshotKind):
		return ErrSnapshot
	case string(head[:]) != snapshotHead:
		return ErrFormat
	}
	c := &carrier{in: sum}
	began := int64(0)
	if !e.carryHead(c, &began) {
		return errors.Join(c.err, ErrSeed)
	}
	c.close()
	g := newRegime(e.Policy(), e.hash, nil)
	known, supposed := map[string]memoryOf{}, new(supposing)
	for _, m := range e.carried(g, supposed) {
		known[m.name] = m
	}
	for c.err == nil {
		name := c.text("", mostName)
		if name == "" {
			c.close()
			break
		}
		figures, did := c.number(0), c.number(0)
		c.close()
		if m, ok := known[name]; ok && m.figures == figures {
			m.carry(c)
			delete(known, name)
			c.close()
			if m.rule != nil && did != m.rule.does() {
				m.rule.retell()
			}
		} else {
			c.skip()
		}
	}
	want := sum.sum.Sum(nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(sum.in, got); c.err != nil || err != nil || string(got) != string(want) {
		return ErrSnapshot
	}
	if began >= 0 {
		start := time.Unix(0, began).UTC()
		e.before.Store(&start)
	}
	e.regime.Store(g)
	supposed.goOn(e)
	e.overshadow(g)
	return nil
}

// began is when the engine's time began, nil while nothing was seen.
func (e *Engine) began() *time.Time {
	if start := e.start.Load(); start != nil {
		return start
	}
	return e.before.Load()
}

// carryHead carries when time began, and what tells whether hashes mean the same.
func (e *Engine) carryHead(c *carrier, began *int64) (same bool) {
	carry(c, began)
	seed := e.hash.text(snapshotHead)
	return c.number(seed) == seed && c.err == nil
}

// A memoryOf has a name and the figures that it counts by.
type memoryOf struct {
	carried
	name    string
	figures uint64
	rule    *armed // whose own it is, nil of others
}

// does is what follows from what it counts, 0 where nothing does by itself.
func (m *memoryOf) does() uint64 {
	if m.rule == nil {
		return 0
	}
	return m.rule.does()
}

func figures(parts ...any) uint64 { return newKeyed(0).text(fmt.Sprint(parts...)) }

// slotsOf a memory. Keys stay in their places, so it can be carried only into one of its size.
func slotsOf(m carried) int {
	if t, ok := m.(interface{ size() int }); ok {
		return t.size()
	}
	return 0
}

// carried are the memories of an engine under a regime.
func (e *Engine) carried(g *regime, s *supposing) []memoryOf {
	s.shadow, s.would = e.shadow, *e.would.Load()
	return append(g.carried(), memoryOf{carried: s, name: "shadow"})
}

// carried are the memories that can be.
func (g *regime) carried() (ms []memoryOf) {
	p := g.policy
	add := func(name string, m carried, figures uint64) {
		ms = append(ms, memoryOf{carried: m, name: name, figures: figures})
	}
	for _, a := range g.rules {
		if m, ok := a.memory().(carried); ok {
			counts := figures(a.counts, slotsOf(m), fmt.Sprintf("%T", m))
			ms = append(ms, memoryOf{m, "rule " + a.ID, counts, a})
			if w, ok := m.(*window[uint32]); ok && w.porch != nil {
				if add("porch of "+a.ID, w.porch, counts); w.wider != nil {
					add("networks of "+a.ID, w.wider, counts)
				}
			}
		}
	}
	if g.history != nil {
		add("history", g.history, figures(p.Clients, p.Collateral))
	}
	if g.outcomes != nil {
		terms := func(id string) string { t := p.Terms(id); return fmt.Sprint(t.More, t.Within) }
		add("sign-ins", g.outcomes, figures(
			p.Clients, p.SignIns, p.FailedSignIns, terms(accountGuessing.ID), terms(stuffedAccount.ID), terms(credentialStuffing.ID),
		))
		add("flows", g.outcomes.flows, figures(g.outcomes.flows.more))
	}
	add("journeys", g.journeys, figures(p.Clients))
	add("admission", g.shared, figures(p.Clients))
	add("sources", g.sources, figures(p.Clients, p.Unlisted, int(remarks)))
	add("prints", g.prints, figures(p.Clients))
	add("steps", g.steps, figures(p.Clients, trailKept, g.steps.size()))
	add("ladders", g.ladders, figures(p.Clients))
	return ms
}

// A carrier writes numbers down, or reads them.
type carrier struct {
	out   *bufio.Writer // or
	in    *summed
	piece []byte
	err   error
}

const (
	longestPiece = 64 << 10 // is read at once, at most
	mostName     = 256      // bytes of a memory's name
)

func (c *carrier) loading() bool { return c.in != nil }

// number writes one down and answers it, or answers what was written.
func (c *carrier) number(n uint64) uint64 {
	if !c.loading() {
		c.piece = binary.AppendUvarint(c.piece, n)
		return n
	}
	if len(c.piece) < binary.MaxVarintLen64 && c.err == nil {
		c.more()
	}
	n, size := binary.Uvarint(c.piece)
	if size <= 0 {
		c.fail()
		return 0
	}
	c.piece = c.piece[size:]
	return n
}

type number interface {
	~int | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// carry a number of any kind.
func carry[T number](c *carrier, p *T) {
	n := int64(*p) // of 64 bits it is only written otherwise
	n2 := c.number(uint64(n)<<1 ^ uint64(n>>63))
	if !c.loading() {
		return
	}
	n = int64(n2>>1) ^ -int64(n2&1)
	if *p = T(n); int64(*p) != n {
		c.fail()
	}
}

// text of at most so many bytes: what is longer is cut off when it is written, and refused when it
// is read.
func (c *carrier) text(s string, most int) string {
	s = Clipped(s, most)
	n := c.number(uint64(len(s)))
	if !c.loading() {
		c.piece = append(c.piece, s...)
		return s
	}
	if n <= uint64(most) {
		c.need(int(n))
	}
	if n > uint64(len(c.piece)) || n > uint64(most) {
		c.fail()
		return ""
	}
	s = string(c.piece[:n])
	c.piece = c.piece[n:]
	return s
}

func (c *carrier) fail() {
	if c.err == nil {
		c.err = ErrSnapshot
	}
	c.piece = nil
}

// flush writes what was carried so far. A reader does not notice.
func (c *carrier) flush() {
	if c.loading() {
		return
	}
	for left := c.piece; len(left) > 0; {
		n := min(len(left), longestPiece)
		_, _ = c.out.Write(binary.AppendUvarint(nil, uint64(n)))
		_, _ = c.out.Write(left[:n])
		left = left[n:]
	}
	c.piece = c.piece[:0]
}

// close ends a part, which is read to its end.
func (c *carrier) close() {
	if !c.loading() {
		c.flush()
		_ = c.out.WriteByte(0)
		return
	}
	if len(c.piece) > 0 || c.err == nil && c.next() != 0 {
		c.fail()
	}
}

// skip passes over a part.
func (c *carrier) skip() {
	c.leave()
	c.close()
}

// leave passes over what is left of a part, to its end.
func (c *carrier) leave() {
	for c.piece = nil; c.err == nil && c.more(); c.piece = nil {
	}
}

// need reads on until there are so many bytes, unless the part ends before.
func (c *carrier) need(n int) {
	for had := -1; len(c.piece) < n && len(c.piece) > had && c.err == nil; {
		had = len(c.piece)
		c.more()
	}
}

// more reads on, unless the part ends: what lies before its end says so itself.
func (c *carrier) more() bool {
	if n, err := c.in.in.Peek(1); err == nil && n[0] == 0 {
		return false
	}
	return c.next() > 0
}

// next reads a piece behind what is left of the last, and answers how long it is.
func (c *carrier) next() int {
	n, err := binary.ReadUvarint(c.in)
	if err != nil || n > longestPiece {
		c.fail()
		return 0
	}
	piece := make([]byte, len(c.piece)+int(n))
	copy(piece, c.piece)
	if _, err := io.ReadFull(c.in, piece[len(c.piece):]); err != nil {
		c.fail()
		return 0
	}
	c.piece = piece
	return int(n)
}

// summed reads, and sums up what it read.
type summed struct {
	in  *bufio.Reader
	sum hash.Hash
}

func (s *summed) Read(b []byte) (int, error) {
	n, err := s.in.Read(b)
	s.sum.Write(b[:n])
	return n, err //nolint:wrapcheck // it is for io.ReadFull
}

func (s *summed) ReadByte() (byte, error) {
	b, err := s.in.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err //nolint:wrapcheck // likewise
}
