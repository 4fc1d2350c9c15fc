package graph

import (
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Evidence is what a finding shows, as the schema shows it.
type Evidence struct{ of engine.Evidence }

// Seen is what was counted where it is not times.
func (e *Evidence) Seen() []string { return append([]string{}, e.of.Seen...) }

// Parts are what a score is made of.
func (e *Evidence) Parts() []*engine.Part {
	out := make([]*engine.Part, len(e.of.Parts))
	for i := range e.of.Parts {
		out[i] = &e.of.Parts[i]
	}
	return out
}

// Unless is nil when the rule does not say.
func (e *Evidence) Unless() *string { return words(e.of.Unless) }

// Account is nil when it is not known whom the exchange claimed to act for.
func (e *Evidence) Account() *string { return words(e.of.Account) }

// UserAgent is nil when there was none.
func (e *Evidence) UserAgent() *string { return words(e.of.UserAgent) }

// Country is nil when it is unknown.
func (e *Evidence) Country() *string { return words(e.of.Country.String()) }

// Asn is nil when it is unknown.
func (e *Evidence) Asn() *int {
	if e.of.ASN == 0 {
		return nil
	}
	n := int(e.of.ASN)
	return &n
}

// Tokens are what others of the same attack would share, in words.
func (e *Evidence) Tokens() []string { return append([]string{}, e.of.Tokens...) }

// Terms of the rule, as they were then.
func (r *Receipt) Terms() *Terms {
	if r.proof == nil {
		return nil
	}
	p := r.proof
	return &Terms{Rule: p.Rule, Version: int32(p.Version), Limit: int32(p.Limit), WindowSeconds: int32(p.Window / time.Second)} //nolint:gosec // small
}

// Count is how many were counted.
func (r *Receipt) Count() *int {
	if r.proof == nil {
		return nil
	}
	return &r.proof.Count
}

// Times of what was counted, as far as they are kept.
func (r *Receipt) Times() []time.Time {
	if r.proof == nil {
		return []time.Time{}
	}
	return append([]time.Time{}, r.proof.Times...)
}

// Evidence is what was seen besides.
func (r *Receipt) Evidence() *Evidence {
	if r.proof == nil {
		return nil
	}
	return &Evidence{r.proof.Evidence}
}

// Recomputed tells whether the verdict comes out the same from what is kept alone.
func (r *Receipt) Recomputed() bool {
	if r.proof == nil {
		return false
	}
	again := r.proof.Recount()
	return again.Fires && again.Proven
}

// Explanation says how it was computed again, or why not.
func (r *Receipt) Explanation() string {
	if r.proof == nil {
		return r.without
	}
	return r.proof.Recount().Why
}
