package graph

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// page is what is asked of the store for a first and an after.
func page(first int32, after *string) (store.Page, error) {
	if first < 1 || first > mostListed {
		return store.Page{}, engine.Invalid{Field: "first", Problem: "must be 1 to " + strconv.Itoa(mostListed)}
	}
	p := store.Page{First: int(first)}
	if after != nil {
		p.After = *after
	}
	return p, nil
}

// pageInfo of what the store answered.
func pageInfo[T any](s store.Slice[T]) *PageInfo {
	info := &PageInfo{HasNextPage: s.More}
	switch {
	case s.More:
		info.EndCursor = &s.Next
	case len(s.Cursors) > 0:
		info.EndCursor = &s.Cursors[len(s.Cursors)-1]
	}
	return info
}

// number reads the ID of an alert or incident.
func number(field, id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 {
		return 0, engine.Invalid{Field: field, Problem: "is not an ID"}
	}
	return n, nil
}

// Ask is what the store is asked for; the zero filter for nil.
func (f *AlertFilter) Ask() (store.AlertFilter, error) {
	if f == nil {
		return store.AlertFilter{}, nil
	}
	ask := store.AlertFilter{
		Severities: f.Severities, Status: value(f.Status), Rule: value(f.Rule),
		Client: value(f.Client), Account: accountAsked(value(f.Account)), Text: strings.TrimSpace(value(f.Text)), From: value(f.From), To: value(f.To),
	}
	if f.Incident != nil {
		id, err := number("filter.incident", *f.Incident)
		if err != nil {
			return ask, err
		}
		ask.Incident = id
	}
	if err := checkAccount("filter.account", ask.Account); err != nil {
		return ask, err
	}
	return ask, checkFilter(ask.From, ask.To, len(ask.Severities))
}

// Ask is what the store is asked for; the zero filter for nil.
func (f *DecisionFilter) Ask() (store.DecisionFilter, error) {
	if f == nil {
		return store.DecisionFilter{}, nil
	}
	ask := store.DecisionFilter{
		Actions: f.Actions, Origins: f.Origins, Covers: value(f.Covers), Account: accountAsked(value(f.Account)),
		Text: strings.TrimSpace(value(f.Text)), From: value(f.From), To: value(f.To),
	}
	switch value(f.State) {
	case DecisionStateInForce:
		ask.InForce = true
	case DecisionStateExpired:
		ask.Expired = true
	case DecisionStateLifted:
		ask.Lifted = true
	}
	if err := checkAccount("filter.account", ask.Account); err != nil {
		return ask, err
	}
	return ask, checkFilter(ask.From, ask.To, len(ask.Actions)+len(ask.Origins))
}

// Ask is what the store is asked for; the zero filter for nil.
func (f *ExchangeFilter) Ask() (store.ExchangeFilter, error) {
	if f == nil {
		return store.ExchangeFilter{}, nil
	}
	ask := store.ExchangeFilter{
		Client: value(f.Client), KeyPrefix: value(f.KeyPrefix), Methods: f.Methods,
		Account: accountAsked(value(f.Account)),
		Status:  int(value(f.Status)), Class: int(value(f.StatusClass)), Path: value(f.Path),
		Refused: f.Refused, Monitored: f.Monitored, From: value(f.From), To: value(f.To),
	}
	if f.Status != nil && (ask.Status < 100 || ask.Status > 599) {
		return ask, engine.Invalid{Field: "filter.status", Problem: "must be 100 to 599"}
	}
	if f.StatusClass != nil && (ask.Class < 1 || ask.Class > 5) {
		return ask, engine.Invalid{Field: "filter.statusClass", Problem: "must be 1 to 5"}
	}
	if len(ask.Path) > longestPath || len(ask.KeyPrefix) > longestPath {
		return ask, engine.Invalid{Field: "filter.path", Problem: "must be at most " + strconv.Itoa(longestPath) + " bytes long"}
	}
	if err := checkAccount("filter.account", ask.Account); err != nil {
		return ask, err
	}
	for _, m := range ask.Methods {
		if len(m) > 32 {
			return ask, engine.Invalid{Field: "filter.methods", Problem: "must be methods, as GET or POST"}
		}
	}
	return ask, checkFilter(ask.From, ask.To, len(ask.Methods))
}

// accountAsked is an account as the edge keeps it: folded, and then what can't be seen escaped. Who
// asks with such an escape has it from us, and means it as it is.
func accountAsked(name string) string {
	if escape.MatchString(name) && len(name) <= longestAccount && engine.Storable(name, longestAccount, engine.Percent) == name {
		return name
	}
	return engine.FoldAccount(name)
}

var escape = regexp.MustCompile(`%[0-9][A-F]|%[A-F][0-9A-F]`)

func checkAccount(field, name string) error {
	if len(name) > longestAccount {
		return engine.Invalid{Field: field, Problem: "must be at most " + strconv.Itoa(longestAccount) + " bytes long"}
	}
	return nil
}

// How much of a path and of an account can be kept, and so be looked for.
const (
	longestPath    = 2048
	longestAccount = 256
)

func checkFilter(from, to time.Time, listed int) error {
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return engine.Invalid{Field: "filter.to", Problem: "must be after from"}
	}
	if listed > 20 {
		return engine.Invalid{Field: "filter", Problem: "lists too much"}
	}
	return nil
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// matches reports whether an exchange is one that the store would find with the filter, once
// folded has been through it.
func matches(f store.ExchangeFilter, x *store.Seen) bool {
	switch {
	case f.Client.IsValid() && !f.Client.Contains(x.Client),
		f.KeyPrefix != "" && !strings.HasPrefix(x.Key.Prefix, f.KeyPrefix),
		f.Account != "" && x.Account != f.Account,
		len(f.Methods) > 0 && !slices.Contains(f.Methods, x.Method),
		f.Status != 0 && x.Status != f.Status,
		f.Class != 0 && x.Status/100 != f.Class,
		f.Refused != nil && x.Refused != *f.Refused,
		f.Monitored != nil && x.Monitored != *f.Monitored,
		!f.From.IsZero() && x.At.Before(f.From),
		!f.To.IsZero() && !x.At.Before(f.To):
		return false
	}
	if whole, exact := strings.CutPrefix(f.Path, "="); exact {
		return x.Folded == whole
	}
	return f.Path == "" || strings.Contains(strings.ToLower(x.Path), f.Path)
}

// folded is a filter whose text is compared in lower case.
func folded(f store.ExchangeFilter) store.ExchangeFilter {
	if !strings.HasPrefix(f.Path, "=") {
		f.Path = strings.ToLower(f.Path)
	}
	return f
}
