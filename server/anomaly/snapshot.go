package anomaly

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"math"
)

// A snapshot is a header (what it is, its version, the schema), what was learned, and a checksum.
const (
	magic   = "anomaly\x00"
	version = 1
)

// Errors of Restore.
var (
	ErrNoSnapshot = errors.New("is no snapshot of an anomaly model")
	ErrVersion    = errors.New("is a snapshot of another version: learn anew")
	ErrSchema     = errors.New("is a snapshot of other features: learn anew")
	ErrDamaged    = errors.New("is a damaged snapshot: restore an older one, or learn anew")
)

// AppendBinary appends a snapshot of all that the model knows, but for whether it is frozen. A
// snapshot is not secret, but who can write one can teach the model.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := len(b)
	b = append(b, magic...)
	b = binary.AppendUvarint(b, version)
	b = binary.LittleEndian.AppendUint64(b, signature(m.schema))
	b = m.core.Load().append(b)
	b = binary.AppendVarint(b, m.today.Load())
	b = binary.AppendVarint(b, m.until)
	for i := range m.drifts {
		b = m.drifts[i].append(b)
	}
	b = m.actors.append(b)
	b = binary.AppendUvarint(b, uint64(m.kept)) //nolint:gosec // 0 to 7
	for _, d := range m.days[:m.kept] {
		b = binary.AppendUvarint(b, uint64(len(d)))
		b = append(b, d...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:])), nil
}

// MarshalBinary is AppendBinary to nothing.
func (m *Model) MarshalBinary() ([]byte, error) { return m.AppendBinary(nil) }

// UnmarshalBinary puts in place what a snapshot holds, if it is of the same version and features;
// else it says why not and changes nothing. The snapshot may be anything: reading it takes no more
// memory than a model does.
func (m *Model) UnmarshalBinary(b []byte) error {
	end := len(b) - 4
	if end < len(magic) || string(b[:len(magic)]) != magic {
		return ErrNoSnapshot
	}
	r := reader{left: b[len(magic):end]}
	if v := r.number(math.MaxUint64); r.err == nil && v != version {
		return fmt.Errorf("%w (%d, not %d)", ErrVersion, v, version)
	}
	if s := r.word(); r.err == nil && s != signature(m.schema) {
		return ErrSchema
	}
	if crc32.ChecksumIEEE(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return ErrDamaged
	}
	n, err := New(m.schema)
	if err != nil {
		return err
	}
	n.read(&r)
	if r.err != nil || len(r.left) > 0 {
		return ErrDamaged
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.core.Store(n.core.Load())
	m.today.Store(n.today.Load())
	m.until, m.drifts, m.days, m.kept = n.until, n.drifts, n.days, n.kept
	m.actors.take(&n.actors)
	return nil
}

// Words are all that is known of an actor, to keep it beside a snapshot of its model; see ActorOf.
func (a *Actor) Words() [2]uint64 {
	known := uint64(0)
	if a.known {
		known = 1
	}
	return [2]uint64{
		uint64(math.Float32bits(a.Score)) | uint64(math.Float32bits(a.Peak))<<32,
		uint64(a.day) | uint64(a.heard)<<16 | known<<24,
	}
}

// ActorOf is the actor that these words were of. Others than those of an actor are ErrDamaged.
func ActorOf(words [2]uint64) (a Actor, err error) {
	a.Score, a.Peak = math.Float32frombits(uint32(words[0])), math.Float32frombits(uint32(words[0]>>32)) //nolint:gosec // the halves are meant
	a.day, a.heard, a.known = uint16(words[1]), Standing(words[1]>>16), words[1]>>24 == 1                //nolint:gosec // likewise
	number := func(x float32) bool { return x >= -math.MaxFloat32 && x <= math.MaxFloat32 }
	if !number(a.Score) || !number(a.Peak) || a.heard > Beyond || a.Words() != words {
		return Actor{}, ErrDamaged
	}
	return a, nil
}

func (m *Model) read(r *reader) {
	m.core.Load().read(r)
	m.today.Store(r.signed())
	m.until = r.signed()
	for i := range m.drifts {
		m.drifts[i].read(r)
	}
	m.actors.read(r)
	m.kept = int(r.number(keptDays))
	for i := range m.kept {
		day := r.bytes()
		check := reader{left: day}
		newCore(m.schema).read(&check)
		if check.err != nil || len(check.left) > 0 {
			r.fail()
			return
		}
		m.days[i] = append([]byte(nil), day...)
	}
}

// signature of a schema: models with the same one understand each other's snapshots.
func signature(schema []Feature) uint64 {
	h := fnv.New64a()
	for i := range schema {
		fmt.Fprintf(h, "%q %d %g %g %d\n", schema[i].Name, schema[i].Kind, schema[i].Min, schema[i].Max, schema[i].Room)
	}
	return h.Sum64()
}

func (c *core) append(b []byte) []byte {
	b = binary.AppendUvarint(b, c.events)
	b = binary.AppendUvarint(b, uint64(c.since)) //nolint:gosec // never negative
	b = binary.AppendUvarint(b, uint64(c.known)) //nolint:gosec // 0 to 50
	for _, s := range c.sources[:c.known] {
		b = binary.LittleEndian.AppendUint64(b, s)
	}
	for i := range c.features {
		l := &c.features[i]
		b = l.all.append(b)
		b = l.day.append(b)
		if l.known != nil {
			b = l.known.append(b)
		}
	}
	return b
}

func (c *core) read(r *reader) {
	c.events = r.number(math.MaxUint64)
	c.since = int(r.number(decayEvery - 1)) //nolint:gosec // it is small
	c.known = int(r.number(enoughSources))  //nolint:gosec // 0 to 50
	for i := range c.known {
		c.sources[i] = r.word()
	}
	c.settle()
	for i := range c.features {
		l := &c.features[i]
		l.all.read(r)
		l.day.read(r)
		if l.known != nil {
			l.known.read(r)
		}
	}
}

// mostCounted is more than any count can be that was learned: sums stay within 32 bits.
const mostCounted = 1 << 31

func (h *histogram) append(b []byte) []byte {
	for i := range h.count {
		b = binary.AppendUvarint(b, uint64(h.count[i]))
	}
	return b
}

func (h *histogram) read(r *reader) {
	left := uint64(mostCounted)
	for i := range h.count {
		n := r.number(left)
		left -= n
		h.count[i] = uint32(n) //nolint:gosec // less than 2^31
	}
	h.settle()
}

func (t *tally) append(b []byte) []byte {
	for _, n := range t {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

func (t *tally) read(r *reader) {
	for i := range t {
		t[i] = uint32(r.number(math.MaxUint32)) //nolint:gosec // at most 2^32-1
	}
}

func (c *counts) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(c.total.Load()))
	last := 0
	for i := range c.cells {
		if cell := c.cells[i].Load(); cell != 0 {
			b = binary.AppendUvarint(b, uint64(i+1-last)) //nolint:gosec // they rise
			b = binary.LittleEndian.AppendUint64(b, cell)
			last = i + 1
		}
	}
	return binary.AppendUvarint(b, 0)
}

func (c *counts) read(r *reader) {
	c.total.Store(uint32(r.number(mostCounted))) //nolint:gosec // at most 2^31
	for at := -1; ; {
		step := r.number(uint64(len(c.cells) - 1 - at)) //nolint:gosec // never negative
		if step == 0 {
			return
		}
		at += int(step) //nolint:gosec // at most the number of cells
		cell := r.word()
		if cell>>32 == 0 || uint32(cell) > mostCounted { //nolint:gosec // the lower half is meant
			r.fail()
			return
		}
		c.cells[at].Store(cell)
	}
}

func (d *drift) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(d.days)) //nolint:gosec // never negative
	for _, x := range [...]float64{d.mean, d.up, d.down} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	alarm := byte(0)
	if d.alarm {
		alarm = 1
	}
	return append(b, alarm)
}

func (d *drift) read(r *reader) {
	d.days = int(r.number(math.MaxInt32)) //nolint:gosec // it is small
	for _, x := range [...]*float64{&d.mean, &d.up, &d.down} {
		if *x = math.Float64frombits(r.word()); !(*x >= 0 && *x <= 1<<20) {
			r.fail()
		}
	}
	d.alarm = r.number(1) == 1
}

func (s *sketch) append(b []byte) []byte {
	for _, l := range [...]*ladder{&s.now, &s.past} {
		for i := range l {
			b = binary.AppendUvarint(b, uint64(l[i].Load()))
		}
	}
	for _, n := range [...]uint32{s.active.Load(), s.before.Load(), s.alerts.Load()} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

func (s *sketch) read(r *reader) {
	for _, l := range [...]*ladder{&s.now, &s.past} {
		for i := range l {
			l[i].Store(uint32(r.number(math.MaxUint32))) //nolint:gosec // at most 2^32-1
		}
	}
	s.active.Store(uint32(r.number(math.MaxUint32))) //nolint:gosec // likewise
	s.before.Store(uint32(r.number(math.MaxUint32))) //nolint:gosec // likewise
	s.alerts.Store(uint32(r.number(math.MaxUint32))) //nolint:gosec // likewise
	s.settle()
}

// take over another's counts.
func (s *sketch) take(o *sketch) {
	for i := range rungs {
		s.now[i].Store(o.now[i].Load())
		s.past[i].Store(o.past[i].Load())
	}
	s.active.Store(o.active.Load())
	s.before.Store(o.before.Load())
	s.alerts.Store(o.alerts.Load())
	s.beyond.Store(o.beyond.Load())
	s.outlandish.Store(o.outlandish.Load())
}

// A reader takes numbers from the beginning of what is left. After the first mistake all are zero.
type reader struct {
	left []byte
	err  error
}

func (r *reader) fail() { r.left, r.err = nil, ErrDamaged }

func (r *reader) number(most uint64) uint64 {
	x, n := binary.Uvarint(r.left)
	if n <= 0 || x > most {
		r.fail()
		return 0
	}
	r.left = r.left[n:]
	return x
}

func (r *reader) signed() int64 {
	x, n := binary.Varint(r.left)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.left = r.left[n:]
	return x
}

func (r *reader) word() uint64 {
	if len(r.left) < 8 {
		r.fail()
		return 0
	}
	x := binary.LittleEndian.Uint64(r.left)
	r.left = r.left[8:]
	return x
}

func (r *reader) bytes() []byte {
	n := r.number(uint64(len(r.left)))
	if uint64(len(r.left)) < n {
		r.fail()
		return nil
	}
	b := r.left[:n]
	r.left = r.left[n:]
	return b
}
