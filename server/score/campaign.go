package main

import (
	"math"
	"net/netip"
	"slices"
)

// covered is the share of sources that the largest incidents hold together.
func covered(incidents [][]netip.Addr, sources map[netip.Addr]bool, largest int) float64 {
	bySize := slices.Clone(incidents)
	slices.SortStableFunc(bySize, func(a, b []netip.Addr) int { return len(b) - len(a) })
	held := map[netip.Addr]bool{}
	for _, clients := range bySize[:min(largest, len(bySize))] {
		for _, c := range clients {
			if sources[c] {
				held[c] = true
			}
		}
	}
	return ratio(len(held), len(sources))
}

// A purity says of incidents of several sources how many hold attackers only.
type purity struct {
	incidents, pure int
	share           float64 // of attackers in an incident, on average; NaN without incidents
}

// pureOf looks at incidents of that many labelled sources or more.
func pureOf(incidents [][]netip.Addr, hostile map[netip.Addr]bool, least int) purity {
	var p purity
	var sum float64
	for _, clients := range incidents {
		known, attackers := 0, 0
		for _, c := range clients {
			if bad, labelled := hostile[c]; labelled {
				known++
				if bad {
					attackers++
				}
			}
		}
		if known < least {
			continue
		}
		p.incidents++
		sum += float64(attackers) / float64(known)
		if attackers == known {
			p.pure++
		}
	}
	p.share = math.NaN()
	if p.incidents > 0 {
		p.share = sum / float64(p.incidents)
	}
	return p
}
