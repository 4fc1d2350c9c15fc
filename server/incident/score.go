package incident

import (
	"math"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Score says how much an incident matters, from 0 to 100:
//
//	100 × (1 − (1 − s) ÷ (alerts × clients)^⅛)
//
// with s = 0.1, 0.25, 0.45, 0.65 and 0.8 for INFO, LOW, MEDIUM, HIGH and CRITICAL: what its
// worst alert is worth alone. Each further alert and each further client adds to it, less and
// less, so that a long list of harmless alerts does not outdo one that is grave at once. An
// incident that lost its alerts to another scores 0.
func (i Incident) Score() int {
	if i.Alerts < 1 {
		return 0
	}
	alone := [...]float64{0, 0.1, 0.25, 0.45, 0.65, 0.8}[min(i.Severity, engine.Critical)]
	size := float64(i.Alerts) * float64(max(i.Clients, 1))
	return int(math.Round(100 * (1 - (1-alone)*math.Pow(size, -1.0/8))))
}
