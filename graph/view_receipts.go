package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/graph/scalar"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// A Receipt says why a request was refused, and how to undo it.
type Receipt struct {
	Reference, Summary, Undo string
	Decision                 *Decision
	Alert                    *Alert
	Exchange                 *Exchange

	r       *Resolver
	counted counted
	proof   *engine.Receipt // what the decision rests on; nil when no rule made it, or it is not kept
	without string          // why there is none
}

// counted is what led to a decision: the exchanges of somebody, within a span, up to the one
// that was too many.
type counted struct {
	about engine.Target
	until time.Time
	span  time.Duration
	last  uint64 // its ID; 0 when it is not known
}

// receipt finds what a reference names: a decision or an exchange. Nil when it names nothing
// that is kept.
func (r *Resolver) receipt(ctx context.Context, reference string) (*Receipt, error) {
	reference = strings.ToUpper(strings.TrimSpace(reference))
	if id, ok := engine.ParseExchangeReference(reference); ok {
		x, err := r.store.Exchange(ctx, id)
		if err != nil {
			return absent[Receipt](err)
		}
		return r.receiptOfExchange(ctx, x)
	}
	if !strings.HasPrefix(reference, "D-") {
		return nil, nil
	}
	d, err := r.store.Decision(ctx, reference)
	if err != nil {
		return absent[Receipt](err)
	}
	return r.receiptOfDecision(ctx, d)
}

func (r *Resolver) receiptOfDecision(ctx context.Context, d engine.Decision) (*Receipt, error) {
	shown := r.showDecision(d)
	out := &Receipt{Reference: d.ID, Summary: summary(d), Undo: undo(shown), Decision: shown, r: r, without: without(d)}
	out.counted = counted{about: d.Target, until: d.From.Add(time.Millisecond)}
	var err error
	if out.Alert, err = shown.Alert(ctx); err != nil {
		return out, err
	}
	if out.Alert == nil {
		return out, r.scored(ctx, d, out)
	}
	if out.proof, err = r.proof(ctx, d, out.Alert); err != nil {
		return out, err
	}
	out.counted.span = out.Alert.Window
	if out.proof != nil {
		out.counted.span = out.proof.Window
	}
	if out.Exchange, err = r.tripping(ctx, d, out.proof); out.Exchange != nil {
		out.counted.last = out.Exchange.Seen.ID
	}
	return out, err
}

// scored adds what the score of an incident was made of, where that decided.
func (r *Resolver) scored(ctx context.Context, d engine.Decision, out *Receipt) error {
	if d.Rule != guard.IncidentRule || d.Finding == "" {
		return nil
	}
	p, err := r.store.Receipt(ctx, d.Finding)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err == nil:
		out.proof = &p
	}
	return err
}

// proof is what was counted for a rule's decision: that of its own finding, or where findings did not
// keep theirs yet, what the alert shows of the same.
func (r *Resolver) proof(ctx context.Context, d engine.Decision, a *Alert) (*engine.Receipt, error) {
	p, err := r.store.Receipt(ctx, d.Finding)
	if errors.Is(err, store.ErrNotFound) {
		if a.Finding != d.Finding {
			return nil, nil
		}
		p, err = a.Receipt(), nil
	}
	return &p, err
}

// without says why there is nothing to compute a decision from.
func without(d engine.Decision) string {
	if d.Rule == guard.IncidentRule {
		return "The score of an incident decided it. What it was made of then is not kept; the reason names the incident, which shows what it is made of now."
	}
	switch d.Origin {
	case engine.ByRule:
		return "What the rule counted is not kept here, so the verdict can't be computed again."
	case engine.ByOperator:
		return "An operator decided it: there is nothing to compute."
	default:
		return "A list says so: there is nothing to compute."
	}
}

// tripping is the exchange that a rule's decision was made at, as its proof says. Where there is
// none, it is the first that the rule refused at that very time, or else the last that was answered.
func (r *Resolver) tripping(ctx context.Context, d engine.Decision, proof *engine.Receipt) (*Exchange, error) {
	if proof != nil && proof.Exchange != 0 {
		x, err := r.store.Exchange(ctx, proof.Exchange)
		if err != nil {
			return absent[Exchange](err)
		}
		return &Exchange{x}, nil
	}
	same, err := r.exchangesOf(ctx, counted{about: d.Target, until: d.From.Add(time.Millisecond), span: time.Millisecond}, mostListed)
	if err != nil {
		return nil, err
	}
	for _, x := range slices.Backward(same) {
		if x.Refused && x.Seen.Cause == d.Rule {
			return x, nil
		}
	}
	for _, x := range same {
		if !x.Refused {
			return x, nil
		}
	}
	return nil, nil
}

func (r *Resolver) receiptOfExchange(ctx context.Context, x store.Seen) (*Receipt, error) {
	out := &Receipt{Reference: engine.ExchangeReference(x.ID), Exchange: &Exchange{x}, r: r, without: "Nobody was blocked for it, and what was counted is kept for decisions only."}
	if !x.Refused {
		out.Summary = fmt.Sprintf("The API answered this request itself, with %d.", x.Status)
		out.Undo = "There is nothing to undo."
		return out, nil
	}
	d, err := r.decisionBehind(ctx, x)
	if err != nil {
		return nil, err
	}
	if d != nil {
		behind, err := r.receiptOfDecision(ctx, *d)
		if err != nil {
			return nil, err
		}
		behind.Reference, behind.Exchange = out.Reference, out.Exchange
		return behind, nil
	}
	out.counted = counted{engine.ActorOf(x.Client), x.At.Add(time.Millisecond), r.guard.Policy().Terms(x.Cause).Within, x.ID}
	why := r.guard.Explain(x.Cause)
	if said, ok := unfit[x.Cause]; ok {
		why = said
	}
	out.Summary = strings.TrimSpace(fmt.Sprintf("The request was refused with %d. %s", x.Status, why))
	out.Undo = "Nobody was blocked by it, so there is nothing to undo."
	if x.Status == http.StatusTooManyRequests {
		out.Undo = "Nobody was blocked by it. Requests pass again once there are fewer of them; an allow entry for the address exempts it from the rules."
	}
	return out, nil
}

// unfit says what was wrong with requests that the gateway refused without judging their client,
// by the cause that it gives.
var unfit = map[string]string{
	"bad-client": "It named its client in a way that can't be right.",
	"bad-path":   "Its path can be read in two ways, and an API may take the other one.",
	"long-url":   "Its address is longer than the gateway takes.",
	"bad-method": "Its method is one that no API of this kind answers.",
}

// decisionBehind is the one that was in force when an exchange was refused: the newest about its
// client, key or account that had the same cause.
func (r *Resolver) decisionBehind(ctx context.Context, x store.Seen) (*engine.Decision, error) {
	about := []store.DecisionFilter{{Covers: x.Client}}
	if !x.Key.Zero() {
		about = append(about, store.DecisionFilter{Key: x.Key})
	}
	if x.Account != "" {
		about = append(about, store.DecisionFilter{Account: x.Account})
	}
	var newest *engine.Decision
	for _, f := range about {
		f.To = x.At.Add(time.Millisecond)
		s, err := r.store.Decisions(ctx, f, store.Page{First: mostAbout})
		if err != nil {
			return nil, err
		}
		for _, d := range s.Items {
			if refused(&d, x) && (newest == nil || d.From.After(newest.From)) {
				newest = &d
			}
		}
	}
	return newest, nil
}

// refused reports whether a decision about who sent an exchange can be why that was refused.
func refused(d *engine.Decision, x store.Seen) bool {
	lasted := d.Until.IsZero() || x.At.Before(d.Until)
	stood := d.Lifted.IsZero() || x.At.Before(d.Lifted)
	refuses := d.Action == engine.Block || d.Action == engine.Throttle
	return refuses && lasted && stood && (d.Origin != engine.ByRule || d.Rule == x.Cause)
}

// Exchanges are what was counted, newest first, while it is kept.
func (r *Receipt) Exchanges(ctx context.Context, first int32) ([]*Exchange, error) {
	if r.counted.span == 0 { // one was enough
		if r.Exchange == nil {
			return []*Exchange{}, nil
		}
		return []*Exchange{r.Exchange}, nil
	}
	return r.r.exchangesOf(ctx, r.counted, first)
}

func (r *Resolver) exchangesOf(ctx context.Context, c counted, first int32) ([]*Exchange, error) {
	f, known := exchangesAbout(c.about)
	if !known {
		return []*Exchange{}, nil
	}
	f.From, f.To = c.until.Add(-c.span), c.until
	found, err := r.exchanges(ctx, f, first)
	if c.last != 0 {
		found = slices.DeleteFunc(found, func(x *Exchange) bool { return x.Seen.ID > c.last })
	}
	return found, err
}

func summary(d engine.Decision) string {
	who := "The list " + d.By
	switch d.Origin {
	case engine.ByRule:
		who = "The rule " + d.Rule
	case engine.ByOperator:
		who = "An operator, " + d.By + ","
	case engine.ByImport, engine.ByFeed:
	}
	did := map[engine.Action]string{engine.Allow: "allowed", engine.Monitor: "watches", engine.Throttle: "throttled", engine.Block: "blocked"}
	s := fmt.Sprintf("%s %s %s on %s", who, did[d.Action], incident.Label(d.Target), d.From.UTC().Format(scalar.Millis))
	if d.Reason != "" {
		s += ": " + d.Reason
	}
	return strings.TrimSuffix(s, ".") + "."
}

func undo(d *Decision) string {
	switch d.State() {
	case DecisionStateLifted:
		return "It was lifted already, by " + d.Decision.LiftedBy + "."
	case DecisionStateExpired:
		return "It has ended by itself."
	case DecisionStateInForce:
	}
	s := "Lift " + d.Decision.ID + " under IP management. What was counted is forgotten then."
	if !d.Decision.Until.IsZero() {
		s += " By itself it ends at " + d.Decision.Until.UTC().Format(scalar.Millis) + "."
	}
	return s
}

// absent turns what is not there into nothing.
func absent[T any](err error) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return nil, err
}
