package incident

import (
	"slices"
	"strings"
	"time"
)

// Restore takes up what a Book knew before: open alerts, open incidents, and the alerts of
// those, resolved ones too. It leaves what the Book knows as it is, so that something
// forgotten can be recalled at any time. An alert whose incident is unknown is alone.
func (b *Book) Restore(alerts []Alert, incidents []Incident) {
	fresh := make(map[int64]*group)
	for _, i := range incidents {
		if b.incidents[i.ID] == nil && i.Status == Open {
			g := b.found()
			g.Incident = i
			if i.Shared != "" {
				g.share(strings.Split(i.Shared, ", "))
			}
			b.incidents[i.ID], fresh[i.ID] = g, g
		}
	}
	alerts = slices.Clone(alerts)
	slices.SortStableFunc(alerts, func(x, y Alert) int { return x.Last.Compare(y.Last) })
	for _, a := range alerts {
		if b.alerts[a.ID] == nil {
			b.restore(a, fresh)
		}
	}
	for _, i := range incidents { // what has no open alert is nothing to add to
		if g := fresh[i.ID]; g != nil && g.open == 0 {
			b.drop(g)
		}
	}
	b.forget()
}

// restore takes up one alert.
func (b *Book) restore(a Alert, fresh map[int64]*group) {
	g := fresh[a.Incident]
	if g == nil && a.Status != Open {
		return
	}
	e := &entry{Alert: a}
	if g == nil {
		g = b.found()
	}
	g.add(e)
	b.alerts[e.ID] = e
	if s := (subject{e.Rule, e.Actor}); e.Status == Open && b.open[s] == nil {
		b.open[s] = e
	}
	b.weigh(e)
	for _, t := range traits(e.Actor, e.Client, e.Key) {
		b.follow(t, g, e.Last)
	}
	b.groups.MoveToBack(g.place)
}

// A Resolution is what closing alerts changes.
type Resolution struct {
	Alerts    []Alert    // that were open, as they will be
	Incidents []Incident // that have no other open alert, as they will be
}

// Resolve says what changes when an operator closes these alerts. Nothing has changed until
// Settle is called with the answer, so that it can be written down in between. IDs of alerts
// that are resolved or not remembered are passed over.
func (b *Book) Resolve(at time.Time, by string, ids ...int64) Resolution {
	var r Resolution
	closing := make(map[*group]int)
	seen := make(map[int64]bool)
	for _, id := range ids {
		e := b.alerts[id]
		if e == nil || e.Status != Open || seen[id] {
			continue
		}
		seen[id] = true
		a := e.Alert
		a.Status, a.ResolvedAt, a.ResolvedBy = Resolved, milli(at), by
		r.Alerts = append(r.Alerts, a)
		closing[e.group]++
		if i := e.group.public(); i != nil && closing[e.group] == e.group.open {
			i.Status = Resolved
			r.Incidents = append(r.Incidents, *i)
		}
	}
	return r
}

// Settle makes a resolution true. Nothing may have been folded since Resolve returned it.
func (b *Book) Settle(r Resolution) {
	for _, a := range r.Alerts {
		e := b.alerts[a.ID]
		if e == nil {
			continue
		}
		e.Alert = a
		if s := (subject{e.Rule, e.Actor}); b.open[s] == e {
			delete(b.open, s)
		}
		if e.group.open--; e.group.open == 0 {
			b.drop(e.group)
		}
	}
}
