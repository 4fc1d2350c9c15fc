package main

import (
	_ "embed"
	"encoding/json"
	"slices"
)

//go:embed peers.json
var peersFile []byte

// peers are the figures that others reached, as they were published.
type peers struct {
	Source     string              `json:"source"`
	How        []string            `json:"how"`
	Peers      []string            `json:"peers"`
	Sets       map[string][]string `json:"sets"` // precision/recall/F1 in the order of the peers
	PooledOver []string            `json:"pooled_over"`
	Logins     map[string]string   `json:"logins"`
	Cost       string              `json:"cost"`
}

func readPeers() (*peers, error) {
	p := &peers{}
	return p, json.Unmarshal(peersFile, p)
}

// compares reports whether exactly these sets are what the peers' pooled figures are about.
func (p *peers) compares(names []string) bool {
	a, b := slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(p.PooledOver))
	return slices.Equal(a, b)
}
