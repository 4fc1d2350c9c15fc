package incident

import (
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestScoreRisesWithSeverityAlertsAndClients(t *testing.T) {
	for _, c := range []struct {
		about string
		Incident
		want int
	}{
		{"emptied", Incident{Severity: engine.Critical}, 0},
		{"two grave alerts about one client", Incident{Severity: engine.Critical, Alerts: 2, Clients: 1}, 82},
		{"two alerts about two clients", Incident{Severity: engine.High, Alerts: 2, Clients: 2}, 71},
		{"a distributed attack", Incident{Severity: engine.High, Alerts: 432, Clients: 432}, 92},
		{"many harmless ones", Incident{Severity: engine.Info, Alerts: 50, Clients: 1}, 45},
		{"more than there can be", Incident{Severity: engine.Critical, Alerts: 1 << 40, Clients: 1 << 40}, 100},
	} {
		if got := c.Score(); got != c.want {
			t.Errorf("%s: %d, want %d", c.about, got, c.want)
		}
	}
}
