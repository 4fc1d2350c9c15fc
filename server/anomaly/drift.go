package anomaly

import (
	"errors"
	"fmt"
)

// A drift watches the median of a feature, day by day, and tells when it has moved for good
// (Page-Hinkley, both ways), in bins of its histogram.
type drift struct {
	days     int
	mean     float64
	up, down float64 // how far above and below the mean it has been in all, less what is tolerated
	alarm    bool    // on the last day
}

const (
	tolerated = 0.5 // bins a day
	moved     = 8   // bins in all
)

// see a day's median, and tell whether it has moved.
func (d *drift) see(median float64) bool {
	if d.days > 0 {
		d.up = max(d.up+median-d.mean-tolerated, 0)
		d.down = max(d.down+d.mean-median-tolerated, 0)
	}
	d.days++
	d.mean += (median - d.mean) / float64(d.days)
	d.alarm = max(d.up, d.down) > moved
	if d.alarm {
		*d = drift{days: 1, mean: median, alarm: true}
	}
	return d.alarm
}

// turn to the day of an event. A day is over when an event of a later one comes; one of an earlier
// day changes nothing, unless it is so much earlier that the clock was put back.
func (m *Model) turn(at int64) {
	today, was := at/day, m.today.Load()
	if today == was || today < was && today >= was-keptDays {
		return
	}
	m.today.Store(today)
	if was == never { // the first event of all
		return
	}
	c, seen := m.core.Load(), false
	for i := range c.features {
		d := &c.features[i].day
		m.drifts[i].alarm = false
		if median := d.median(); median >= 0 {
			seen = true
			if m.drifts[i].see(float64(median)) {
				m.until = today + 1
			}
		}
		clear(d[:])
	}
	m.actors.turn()
	if seen {
		m.keep(c)
	}
}

// keep the day's model for Rollback.
func (m *Model) keep(c *core) {
	oldest := m.days[keptDays-1]
	copy(m.days[1:], m.days[:keptDays-1])
	m.days[0] = c.append(oldest[:0])
	m.kept = min(m.kept+1, keptDays)
}

// Rollback to what was known so many days ago, at the end of the day: 1 is the last one that ended.
// Days since then are gone.
func (m *Model) Rollback(days int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if days < 1 || days > m.kept {
		if m.kept == 0 {
			return errors.New("days can't be gone back: none has ended yet")
		}
		return fmt.Errorf("days must be 1 to %d, not %d", m.kept, days)
	}
	c := newCore(m.schema)
	r := reader{left: m.days[days-1]}
	c.read(&r)
	if r.err != nil {
		return r.err
	}
	m.core.Store(c)
	var gone [keptDays][]byte
	copy(gone[:], m.days[days-1:m.kept])
	m.days, m.kept = gone, m.kept-days+1
	return nil
}
