package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// receiptJSON is what is kept of a finding. In an alert, what its columns say is left out.
type receiptJSON struct {
	Rule        string     `json:"rule,omitempty"`
	Version     int        `json:"version,omitempty"`
	At          int64      `json:"at,omitempty"`
	Count       int        `json:"count,omitempty"`
	Limit       int        `json:"limit,omitempty"`
	WindowMs    int64      `json:"windowMs,omitempty"`
	Times       []int64    `json:"times,omitempty"` // the first, then how much later each is than the one before
	Exchange    uint64     `json:"exchange,omitempty"`
	Account     string     `json:"account,omitempty"`
	Fingerprint uint64     `json:"fingerprint,omitempty"`
	UserAgent   string     `json:"userAgent,omitempty"`
	Country     string     `json:"country,omitempty"`
	ASN         uint32     `json:"asn,omitempty"`
	Tokens      []string   `json:"tokens,omitempty"`
	Seen        []string   `json:"seen,omitempty"`
	Parts       []partJSON `json:"parts,omitempty"`
	Unless      string     `json:"unless,omitempty"`

	engine.Meaning
}

type partJSON struct {
	Feature  string  `json:"feature"`
	Value    float64 `json:"value"`
	Expected string  `json:"expected,omitempty"`
	Share    float64 `json:"share"`
}

// What is kept of the texts and lists in a receipt.
const (
	mostOfSeen   = 256 // bytes of each
	mostOfUnless = 512
	mostListed   = 32
)

func textOfReceipt(r engine.Receipt) string {
	e := &r.Evidence
	out := receiptJSON{
		Rule: clean(r.Rule), Version: r.Version, At: millis(r.At), Count: r.Count, Limit: r.Limit, WindowMs: r.Window.Milliseconds(),
		Exchange: e.Exchange, Account: clip(e.Account, mostOfAgent), Fingerprint: e.Fingerprint, UserAgent: clip(e.UserAgent, mostOfAgent),
		Country: clean(e.Country.String()), ASN: e.ASN, Tokens: clipped(e.Tokens), Seen: clipped(e.Seen), Unless: clip(e.Unless, mostOfUnless),
		Meaning: e.Means,
	}
	before := int64(0)
	for _, t := range r.Times {
		out.Times = append(out.Times, millis(t)-before)
		before = millis(t)
	}
	for _, p := range e.Parts[:min(len(e.Parts), mostListed)] {
		out.Parts = append(out.Parts, partJSON{clip(p.Feature, mostOfSeen), finite(p.Value), clip(p.Expected, mostOfSeen), finite(p.Share)})
	}
	text, err := json.Marshal(out)
	if err != nil || string(text) == "{}" { // it can't fail: all numbers are finite
		return ""
	}
	return string(text)
}

func textOfEvidence(e engine.Evidence) string { return textOfReceipt(engine.Receipt{Evidence: e}) }

func parseReceipt(text string) (r engine.Receipt, err error) {
	if text == "" {
		return r, nil
	}
	var in receiptJSON
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		return r, err
	}
	r = engine.Receipt{
		Rule: in.Rule, Version: in.Version, At: instant(in.At), Count: in.Count, Limit: in.Limit,
		Window: time.Duration(in.WindowMs) * time.Millisecond,
		Evidence: engine.Evidence{
			Exchange: in.Exchange, Account: in.Account, Fingerprint: in.Fingerprint, UserAgent: in.UserAgent, ASN: in.ASN,
			Tokens: in.Tokens, Seen: in.Seen, Unless: in.Unless, Means: in.Meaning,
		},
	}
	copy(r.Country[:], in.Country)
	at := int64(0)
	for _, later := range in.Times {
		at += later
		r.Times = append(r.Times, instant(at))
	}
	for _, p := range in.Parts {
		r.Parts = append(r.Parts, engine.Part(p))
	}
	return r, nil
}

// Receipt of a finding; ErrNotFound when it is not kept.
func (s *Store) Receipt(ctx context.Context, finding string) (engine.Receipt, error) {
	q := s.main.read.Where("finding = ? AND receipt <> ''", clean(finding))
	return one(ctx, q, "receipt", func(r *findingRow) (engine.Receipt, error) {
		out, err := parseReceipt(r.Receipt)
		if err != nil {
			return out, fmt.Errorf("receipt of finding %s: %w", r.Finding, err)
		}
		return out, nil
	})
}

func clipped(texts []string) []string {
	var out []string
	for _, t := range texts[:min(len(texts), mostListed)] {
		out = append(out, clip(t, mostOfSeen))
	}
	return out
}

// finite is a number as JSON can carry it.
func finite(x float64) float64 {
	const most = 1e300
	if math.IsNaN(x) {
		return 0
	}
	return max(min(x, most), -most)
}
