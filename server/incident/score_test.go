package incident

import (
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

var six = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

// evidence of a rule at a level, found at six.
func evidence(rule, level string, s engine.Severity, means ...engine.Meaning) Strand {
	e := Strand{Rule: rule, Title: rule, Level: level, Severity: s, Count: 1, First: six, Last: six}
	for _, m := range means {
		e.Means = m
	}
	return e
}

var (
	money    = engine.Meaning{Stage: engine.Impact, Money: true}
	takeover = engine.Meaning{Stage: engine.CredentialAccess, Success: true}
)

func weakly(rule string) Strand {
	e := evidence(rule, levelClient, engine.Info)
	e.Weak = true
	return e
}

func TestScoreRisesWithWhatIsFoundAndHowFarItIsSpread(t *testing.T) {
	for _, c := range []struct {
		about string
		Incident
		want int
	}{
		{"emptied", Incident{Severity: engine.Critical}, 0},
		{"of before evidence was kept", Incident{Severity: engine.High, Alerts: 2, Clients: 2}, 70},
		{"one rule, one client", Incident{Alerts: 2, Clients: 1, Strands: []Strand{evidence("x", levelClient, engine.High)}}, 65},
		{"the same rule at a second level counts half", Incident{Alerts: 2, Clients: 1, Strands: []Strand{
			evidence("x", levelClient, engine.Medium), evidence("x", levelAccount, engine.Medium),
		}}, 57},
		{"at a third a quarter", Incident{Alerts: 3, Clients: 1, Strands: []Strand{
			evidence("x", levelClient, engine.Medium), evidence("x", levelAccount, engine.Medium), evidence("x", levelKey, engine.Medium),
		}}, 62},
		{"a second stage is a quarter more", Incident{Alerts: 2, Clients: 1, Strands: []Strand{
			evidence("probing", levelClient, engine.Low), evidence("rate-abuse", levelClient, engine.Medium),
		}}, 73},
		{"money is a quarter more", Incident{Alerts: 1, Clients: 1, Strands: []Strand{evidence("pay-x", levelClient, engine.Medium, money)}}, 56},
		{"a distributed attack is worth blocking", Incident{Alerts: 432, Clients: 432, Strands: []Strand{evidence("x", levelClient, engine.High)}}, 91},
		{"two weak sources are nothing to tell", Incident{Clients: 2, Weak: 2, Bond: 3, Strands: []Strand{weakly("x")}}, 27},
		{"three that share much are", Incident{Clients: 3, Weak: 3, Bond: 3, Strands: []Strand{weakly("x")}}, 34},
		{"three that share little are not", Incident{Clients: 3, Weak: 3, Bond: 1.5, Strands: []Strand{weakly("x")}}, 26},
		{"weak ones alone are never worth blocking", Incident{Clients: 5000, Weak: 5000, Bond: 5, Strands: []Strand{weakly("x")}}, 79},
		{"never more than a hundred", Incident{Alerts: 9, Clients: 1 << 40, Strands: []Strand{
			evidence("probing", levelClient, engine.Critical), evidence("takeover", levelAccount, engine.Critical, takeover),
		}}, 100},
	} {
		c.Last = six
		if got := c.Score(); got != c.want {
			t.Errorf("%s: %d, want %d", c.about, got, c.want)
		}
		sum := 0
		for _, r := range c.Reasons(six) {
			sum += r.Points
		}
		if sum != c.want {
			t.Errorf("%s: its reasons add up to %d: %+v", c.about, sum, c.Reasons(six))
		}
	}
}

func TestScoreHalvesInTwoHours(t *testing.T) {
	i := Incident{Alerts: 1, Clients: 1, Last: six, Strands: []Strand{evidence("x", levelClient, engine.Critical)}}
	for hours, want := range map[int]int{-1: 80, 0: 80, 2: 40, 4: 20, 24: 0} {
		if got := i.ScoreAt(six.Add(time.Duration(hours) * time.Hour)); got != want {
			t.Errorf("%d h later: %d, want %d", hours, got, want)
		}
	}
	if i.Score() != i.ScoreAt(six) {
		t.Error("the score is not that of its last activity")
	}
}

func TestReasonsSayWhatAScoreIsMadeOf(t *testing.T) {
	i := Incident{
		Alerts: 2, Clients: 40, Bond: 2.5, Shared: "user agent x", Last: six,
		Strands: []Strand{evidence("probing", levelClient, engine.Low), evidence("account-takeover", levelAccount, engine.Critical, takeover)},
	}
	want := []Reason{
		{"account-takeover, by account", 85},
		{"spread over 40 sources that share user agent x", 11},
		{"probing", 1},
		{"it has come through 2 stages of an attack", 3},
		{"it succeeded: account-takeover", 0},
	}
	got := i.Reasons(six)
	for k := range want {
		if k >= len(got) || got[k] != want[k] {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
	}
}
