package engine

import (
	"math"
	"strings"
	"testing"
	"time"
)

// Places of tests: two cities a flight apart, one that a train reaches, and a country of which only
// that is known.
var (
	berlin   = Place{Country: Country{'D', 'E'}, Located: true, Lat: 52.5, Lon: 13.4, Accuracy: 20}
	saoPaulo = Place{Country: Country{'B', 'R'}, Located: true, Lat: -23.6, Lon: -46.6, Accuracy: 20}
	prague   = Place{Country: Country{'C', 'Z'}, Located: true, Lat: 50.1, Lon: 14.4, Accuracy: 20}
	nowhere  = Place{Country: Country{'S', 'G'}}
)

// signs in from a place, and answers what was found.
func (p *play) from(at Place, account string, status int) []Finding {
	p.Helper()
	_, f := p.exchange("198.18.0.7", Request{Path: "/api/profile", Account: account, Place: at}, status)
	return f
}

// resident was well answered in a place for two hours.
func (p *play) resident(at Place, account string) {
	p.Helper()
	for range 12 {
		if f := p.from(at, account, 200); len(f) > 0 {
			p.Fatalf("at home, and found: %v", f)
		}
		p.wait(10 * time.Minute)
	}
}

func rulesOf(found []Finding) string {
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = f.Rule
	}
	return strings.Join(names, " ")
}

func TestWhoIsInTwoPlacesAtOnceIsTold(t *testing.T) {
	p := newPlay(t)
	p.from(berlin, "alice", 200)
	p.wait(20 * time.Minute)
	found := p.from(saoPaulo, "alice", 200)
	if rulesOf(found) != "impossible-travel" {
		t.Fatalf("found %v", found)
	}
	f := found[0]
	if f.Actor.Account != "alice" || f.Decision != nil || f.Severity != Medium {
		t.Errorf("got %+v", f)
	}
	const want = `account "alice" was well answered in DE, and 20 minutes later in BR, at least 10214 km away.`
	if f.Reason != want || !strings.Contains(f.Unless, "After 11 hours 21 minutes") {
		t.Errorf("it says\n%s\nwant\n%s\n%s", f.Reason, want, f.Unless)
	}
	if found := p.from(saoPaulo, "alice", 200); len(found) > 0 {
		t.Errorf("it is told again: %v", found)
	}
}

func TestAKeyTravelsAsAnAccountDoes(t *testing.T) {
	p := newPlay(t)
	for i, at := range []Place{berlin, saoPaulo} {
		_, found := p.exchange("198.18.0.7", Request{Key: key("user_key_1"), Place: at}, 200)
		if want := []string{"", "impossible-travel"}[i]; rulesOf(found) != want {
			t.Fatalf("found %v", found)
		}
	}
}

func TestAJourneyThatCanBeMadeIsNone(t *testing.T) {
	relay := saoPaulo
	relay.Hosting = true
	for name, c := range map[string]struct {
		to    Place
		after time.Duration
	}{
		"an airliner":             {saoPaulo, 12 * time.Hour},
		"a train":                 {prague, time.Minute},
		"a relay, not he":         {relay, time.Minute},
		"a country without place": {nowhere, time.Minute},
		"nobody knows where":      {Place{}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t)
			p.from(berlin, "alice", 200)
			p.wait(c.after)
			if found := p.from(c.to, "alice", 200); len(found) > 0 {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestAnAttemptThatFailsMovesNobody(t *testing.T) {
	p := newPlay(t)
	p.from(berlin, "alice", 200)
	p.wait(time.Minute)
	if found := p.from(saoPaulo, "alice", 401); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	p.wait(time.Minute)
	if found := p.from(berlin, "alice", 200); len(found) > 0 {
		t.Errorf("back from where he never was: %v", found)
	}
}

func TestTwoDataCentresOfOneKeyAreToldOfAFewTimesOnly(t *testing.T) {
	p := newPlay(t)
	told := 0
	for i := range 1000 {
		told += len(p.from([]Place{berlin, saoPaulo}[i%2], "batch", 200))
		p.wait(time.Second)
	}
	if told < 1 || told > 2*homeFrom {
		t.Errorf("told %d times", told)
	}
}

func TestWhoIsKnownAndTurnsUpElsewhereIsTold(t *testing.T) {
	p := newPlay(t)
	p.resident(berlin, "bob")
	p.wait(24 * time.Hour)
	found := p.from(saoPaulo, "bob", 200)
	if rulesOf(found) != "new-country" {
		t.Fatalf("found %v", found)
	}
	const want = `account "bob" was well answered in BR for the first time; before it was in DE.`
	if f := found[0]; f.Reason != want || f.Actor.Account != "bob" || f.Decision != nil || f.Severity != Low {
		t.Errorf("got %+v", f)
	}
	p.wait(24 * time.Hour)
	if found := p.from(saoPaulo, "bob", 200); len(found) > 0 {
		t.Errorf("it is told again: %v", found)
	}
}

func TestWhoIsHardlyKnownIsAtHomeEverywhere(t *testing.T) {
	p := newPlay(t)
	for range settledFrom - 1 {
		p.from(berlin, "carol", 200)
		p.wait(time.Hour)
	}
	p.wait(24 * time.Hour)
	if found := p.from(saoPaulo, "carol", 200); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

func TestWhoComesTooFastIsToldOnceNotTwice(t *testing.T) {
	p := newPlay(t)
	p.resident(berlin, "dave")
	if found := p.from(saoPaulo, "dave", 200); rulesOf(found) != "impossible-travel" {
		t.Errorf("found %v", found)
	}
}

func TestACountryIsForgottenAfterHalfAYear(t *testing.T) {
	p := newPlay(t)
	p.resident(saoPaulo, "erin")
	p.wait(24 * time.Hour)
	for range 20 {
		p.from(berlin, "erin", 200)
		p.wait(10 * 24 * time.Hour)
	}
	if found := p.from(saoPaulo, "erin", 200); rulesOf(found) != "new-country" {
		t.Errorf("found %v", found)
	}
}

func TestWhatComesLateMovesNobody(t *testing.T) {
	p := newPlay(t)
	p.from(berlin, "fay", 200)
	p.wait(-10 * time.Minute)
	if found := p.from(saoPaulo, "fay", 200); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	p.wait(20 * time.Minute)
	if found := p.from(berlin, "fay", 200); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

func TestWhoIsWellKnownIsNotPushedOutByInventedAccounts(t *testing.T) {
	p := newPlay(t)
	p.resident(berlin, "grace")
	for i := range 50_000 {
		p.from(berlin, "invented"+string(rune('a'+i%26))+words(time.Duration(i)*time.Second), 200)
	}
	p.wait(24 * time.Hour)
	if found := p.from(saoPaulo, "grace", 200); rulesOf(found) != "new-country" {
		t.Errorf("found %v", found)
	}
}

func TestDistancesAreThoseOfTheGlobe(t *testing.T) {
	at := func(lat, lon float32) Place { return Place{Located: true, Lat: lat, Lon: lon} }
	for _, c := range []struct {
		a, b Place
		want float64
	}{
		{at(0, 0), at(0, 180), math.Pi * 6371.0088},
		{at(90, 0), at(-90, 77), math.Pi * 6371.0088},
		{at(52.52, 13.405), at(48.8566, 2.3522), 877.5},
		{at(10, 179.5), at(10, -179.5), 109.5},
		{at(5, 5), at(5, 5), 0},
		{Place{}, at(5, 5), 0},
	} {
		if got := apart(c.a, c.b); math.Abs(got-c.want) > 1 {
			t.Errorf("from %v,%v to %v,%v are %.1f km, want %.1f", c.a.Lat, c.a.Lon, c.b.Lat, c.b.Lon, got, c.want)
		}
	}
}
