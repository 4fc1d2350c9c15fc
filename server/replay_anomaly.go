package main

import (
	"cmp"
	"encoding/json"
	"math"
	"net/netip"
	"slices"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// oddest remembers how unlike others each client was at most, for so many clients as get a verdict.
type oddest map[netip.Addr]float64

// note a client after an exchange.
func (o oddest) note(e *engine.Engine, client netip.Addr) {
	was, known := o[client]
	if !known && len(o) >= mostCulprits {
		return
	}
	if score := e.Oddness(engine.ActorOf(client)); score > was || !known {
		o[client] = score
	}
}

// json writes one object a client, the oddest first.
func (o oddest) json(to *json.Encoder) error {
	clients := make([]netip.Addr, 0, len(o))
	for c := range o {
		clients = append(clients, c)
	}
	slices.SortFunc(clients, func(a, b netip.Addr) int { return cmp.Or(cmp.Compare(o[b], o[a]), a.Compare(b)) })
	for _, c := range clients {
		if err := to.Encode(struct {
			Type   string  `json:"type"`
			Client string  `json:"client"`
			Score  float64 `json:"score"`
		}{"anomaly", c.String(), math.Round(o[c]*1000) / 1000}); err != nil {
			return err
		}
	}
	return nil
}
