package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sentinel-protocol/sentinel/graph/scalar"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// What a search looks at and finds at most.
const (
	mostHits    = 20
	longestText = 200
	fewOfAKind  = 8
)

// search finds what a text names: a reference, a number, an address, or words.
func (r *Resolver) search(ctx context.Context, text string) ([]*Hit, error) {
	text = strings.TrimSpace(text)
	if len(text) > longestText {
		return nil, engine.Invalid{Field: "text", Problem: fmt.Sprintf("must be at most %d bytes long", longestText)}
	}
	if text == "" {
		return []*Hit{}, nil
	}
	hits := []*Hit{}
	for _, look := range []func(context.Context, string) ([]*Hit, error){r.byReference, r.byNumber, r.byAddress, r.byAccount, r.byWords} {
		found, err := look(ctx, text)
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
		if len(found) > 0 && !named(found) { // the more exact the question, the shorter the answer
			break
		}
	}
	return hits[:min(len(hits), mostHits)], nil
}

func (r *Resolver) byReference(ctx context.Context, text string) ([]*Hit, error) {
	text = strings.ToUpper(text)
	if id, ok := engine.ParseExchangeReference(text); ok {
		return hitOf(r.store.Exchange(ctx, id))(exchangeHit)
	}
	if strings.HasPrefix(text, "D-") {
		return hitOf(r.store.Decision(ctx, text))(decisionHit)
	}
	if strings.HasPrefix(text, "INC-") {
		least, greatest, ok := incident.ParseReference(text)
		if !ok {
			return nil, nil
		}
		found, err := r.store.IncidentsBetween(ctx, least, greatest)
		hits := make([]*Hit, len(found))
		for k, i := range found {
			hits[k] = incidentHit(i)
		}
		return hits, err
	}
	return nil, nil
}

func (r *Resolver) byNumber(ctx context.Context, text string) ([]*Hit, error) {
	id, err := number("text", text)
	if err != nil {
		return nil, nil //nolint:nilerr // it is not a number: it may be something else
	}
	found, err := hitOf(r.store.Alert(ctx, id))(alertHit)
	if err != nil || len(found) > 0 {
		return found, err
	}
	return hitOf(r.store.Incident(ctx, id))(incidentHit)
}

func (r *Resolver) byAddress(ctx context.Context, text string) ([]*Hit, error) {
	network, err := scalar.ParseNetwork(text)
	if err != nil {
		return nil, nil //nolint:nilerr // it is not an address: it may be something else
	}
	var hits []*Hit
	if network.IsSingleIP() {
		a := network.Addr()
		hits = append(hits, &Hit{Kind: HitKindClient, ID: a.String(), Label: a.String(), Detail: fmt.Sprintf("%d decisions in force", len(r.guard.Covering(a, engine.Key{})))})
		network = engine.ActorOf(a).Network
	}
	alerts, err := r.store.Alerts(ctx, store.AlertFilter{Client: network}, store.Page{First: fewOfAKind})
	if err != nil {
		return nil, err
	}
	decisions, err := r.store.Decisions(ctx, store.DecisionFilter{Covers: network.Addr()}, store.Page{First: fewOfAKind})
	if err != nil {
		return nil, err
	}
	return append(append(hits, each(alerts.Items, alertHit)...), each(decisions.Items, decisionHit)...), nil
}

// byAccount finds an account that traffic or an alert names. Its name may be a word as well, so the
// search goes on.
func (r *Resolver) byAccount(ctx context.Context, text string) ([]*Hit, error) {
	name := accountAsked(text)
	if name == "" {
		return nil, nil
	}
	seen, err := r.store.Exchanges(ctx, store.ExchangeFilter{Account: name}, store.Page{First: 1})
	if err != nil {
		return nil, err
	}
	alerts, err := r.store.CountAlerts(ctx, store.AlertFilter{Account: name})
	if err != nil || alerts+len(seen.Items) == 0 {
		return nil, err
	}
	return []*Hit{{Kind: HitKindAccount, ID: name, Label: incident.Label(engine.Target{Account: name}), Detail: fmt.Sprintf("%d alerts", alerts)}}, nil
}

func named(hits []*Hit) bool { return len(hits) == 1 && hits[0].Kind == HitKindAccount }

func (r *Resolver) byWords(ctx context.Context, text string) ([]*Hit, error) {
	alerts, err := r.store.Alerts(ctx, store.AlertFilter{Text: text}, store.Page{First: fewOfAKind})
	if err != nil {
		return nil, err
	}
	decisions, err := r.store.Decisions(ctx, store.DecisionFilter{Text: text}, store.Page{First: fewOfAKind})
	if err != nil {
		return nil, err
	}
	return append(each(alerts.Items, alertHit), each(decisions.Items, decisionHit)...), nil
}

// hitOf shows what was found, or nothing when it is not there.
func hitOf[T any](v T, err error) func(show func(T) *Hit) ([]*Hit, error) {
	return func(show func(T) *Hit) ([]*Hit, error) {
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []*Hit{show(v)}, nil
	}
}

func each[T any](in []T, show func(T) *Hit) []*Hit {
	var out []*Hit
	for _, v := range in {
		out = append(out, show(v))
	}
	return out
}

func alertHit(a incident.Alert) *Hit {
	return &Hit{Kind: HitKindAlert, ID: (&Alert{Alert: a}).ID(), Label: a.Title + ", " + incident.Label(a.Actor), Detail: a.Reason}
}

func incidentHit(i incident.Incident) *Hit {
	return &Hit{Kind: HitKindIncident, ID: (&Incident{Incident: i}).ID(), Label: incident.Reference(i.ID) + ", " + i.Title, Detail: i.Shared}
}

func decisionHit(d engine.Decision) *Hit {
	return &Hit{Kind: HitKindDecision, ID: d.ID, Label: d.Action.String() + " " + incident.Label(d.Target), Detail: d.Reason}
}

func exchangeHit(x store.Seen) *Hit {
	return &Hit{
		Kind: HitKindExchange, ID: (&Exchange{x}).ID(), Label: x.Method + " " + clip(x.Path, 80),
		Detail: fmt.Sprintf("%d for %s", x.Status, x.Client),
	}
}
