package incident_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// found makes a finding of a rule about a client, some minutes past noon.
func found(rule, client string, minutes int, change ...func(*engine.Finding)) engine.Finding {
	a := netip.MustParseAddr(client)
	bits := 32
	if a.Is6() {
		bits = 64
	}
	f := engine.Finding{
		Rule: rule, Version: 1, Title: titles[rule], Severity: severities[rule],
		At:     noon.Add(time.Duration(minutes) * time.Minute),
		Actor:  engine.Target{Network: netip.PrefixFrom(a, bits).Masked()},
		Client: a, Method: "GET", Path: "/api/x", Count: 1,
		Reason: fmt.Sprintf("%s at minute %d", rule, minutes),
	}
	for _, c := range change {
		c(&f)
	}
	f.ID = fmt.Sprintf("%s/%v/%d/%s", f.Rule, f.Actor.Network, f.At.UnixMilli(), f.Key.Prefix)
	return f
}

func withKey(prefix string) func(*engine.Finding) {
	return func(f *engine.Finding) {
		f.Key = engine.Key{Prefix: prefix}
		copy(f.Key.Hash[:], prefix)
	}
}

func withDecision(id string) func(*engine.Finding) {
	return func(f *engine.Finding) { f.Decision = &engine.Decision{ID: id} }
}

const (
	rate, auth, payment, honeypot = "rate-abuse", "failed-authentication", "payment-without-balance", "honeypot"
)

var titles = map[string]string{
	rate: "Rate abuse", auth: "Repeated authentication failures",
	payment: "Payment without balance check", honeypot: "Honeypot",
}

var severities = map[string]engine.Severity{
	rate: engine.High, auth: engine.High, payment: engine.Medium, honeypot: engine.Critical,
}

func TestFindingsOfOneRuleAboutOneActorMergeWhileTheAlertIsOpen(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	first := b.Fold(found(rate, "198.51.100.7", 0, withDecision("D-1")))
	if !first.Raised || first.Alert.ID <= 0 || first.Alert.ID >= 1<<53 {
		t.Fatalf("the first finding gives %+v", first)
	}
	worse := found(rate, "198.51.100.7", 300, withKey("user_key"), func(f *engine.Finding) {
		f.Severity, f.Count, f.Limit = engine.Critical, 101, 100
		f.Times = []time.Time{noon, noon.Add(time.Minute)}
	})
	got := b.Fold(worse)
	want := incident.Alert{
		ID: first.Alert.ID, Rule: rate, Version: 1, Title: "Rate abuse", Severity: engine.Critical,
		Status: incident.Open, Actor: worse.Actor, Client: worse.Client, Key: worse.Key,
		Reason: worse.Reason, Method: "GET", Path: "/api/x", First: noon, Last: worse.At,
		Findings: 2, Finding: worse.ID, Count: 101, Limit: 100, Times: worse.Times, Decision: "D-1",
	}
	if got.Raised || got.Incident != nil || !reflect.DeepEqual(got.Alert, want) {
		t.Errorf("the second gives\n%+v\nwant\n%+v", got.Alert, want)
	}
	if other := b.Fold(found(auth, "198.51.100.7", 301)); !other.Raised {
		t.Error("another rule's finding was merged")
	}
	if other := b.Fold(found(rate, "203.0.113.7", 301)); !other.Raised {
		t.Error("another client's finding was merged")
	}
}

func TestALateFindingCountsButDoesNotReplaceWhatIsNewer(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	b.Fold(found(rate, "198.51.100.7", 10))
	got := b.Fold(found(rate, "198.51.100.7", 5, withDecision("D-1"))).Alert
	if got.Findings != 2 || got.Reason != "rate-abuse at minute 10" ||
		!got.First.Equal(noon.Add(5*time.Minute)) || !got.Last.Equal(noon.Add(10*time.Minute)) {
		t.Errorf("got %+v", got)
	}
	if got.Decision != "D-1" {
		t.Error("the only decision is forgotten")
	}
}

func TestTheSameFindingTwiceIsFoldedOnce(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	f := found(rate, "198.51.100.7", 0)
	once := b.Fold(f).Alert
	twice := b.Fold(f)
	if twice.Raised || !reflect.DeepEqual(once, twice.Alert) {
		t.Errorf("folded twice: %+v", twice)
	}
}

func TestAfterResolvingANewAlertIsRaised(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	first := b.Fold(found(rate, "198.51.100.7", 0)).Alert
	b.Settle(b.Resolve(noon, "ada", first.ID))
	second := b.Fold(found(rate, "198.51.100.7", 1))
	if !second.Raised || second.Alert.ID == first.ID || second.Incident != nil {
		t.Errorf("got %+v", second)
	}
}

func TestWhatIsRelated(t *testing.T) {
	for _, c := range []struct {
		about       string
		one, other  engine.Finding
		shared      string // empty: not related
		title       string
		clients     int
		worstOfBoth engine.Severity
	}{
		{
			"the same client, by two rules",
			found(rate, "198.51.100.7", 0), found(honeypot, "198.51.100.7", 3),
			"client 198.51.100.7", "Honeypot and rate abuse from 198.51.100.7", 1, engine.Critical,
		},
		{
			"one IPv4 /24",
			found(rate, "198.51.100.7", 0), found(rate, "198.51.100.200", 60),
			"network 198.51.100.0/24", "Rate abuse by 2 clients in 198.51.100.0/24", 2, engine.High,
		},
		{
			"one IPv6 /48, two /64",
			found(rate, "2001:db8:7:1::1", 0), found(rate, "2001:db8:7:2::1", 0),
			"network 2001:db8:7::/48", "Rate abuse by 2 clients in 2001:db8:7::/48", 2, engine.High,
		},
		{
			"one key from two places",
			found(auth, "198.51.100.7", 0, withKey("user_key")), found(payment, "203.0.113.9", 59, withKey("user_key")),
			"key user_key…", "Repeated authentication failures and payment without balance check by 2 clients", 2, engine.High,
		},
		{
			"client and key",
			found(auth, "198.51.100.7", 0, withKey("user_key")), found(payment, "198.51.100.7", 1, withKey("user_key")),
			"client 198.51.100.7, key user_key…", "Repeated authentication failures and payment without balance check from 198.51.100.7", 1, engine.High,
		},
		{
			"network and key",
			found(auth, "198.51.100.7", 0, withKey("user_key")), found(auth, "198.51.100.8", 1, withKey("user_key")),
			"network 198.51.100.0/24, key user_key…", "Repeated authentication failures by 2 clients in 198.51.100.0/24", 2, engine.High,
		},
		{about: "another /24", one: found(rate, "198.51.100.7", 0), other: found(rate, "198.51.101.7", 0)},
		{about: "another /48", one: found(rate, "2001:db8:7::1", 0), other: found(rate, "2001:db8:8::1", 0)},
		{about: "no key twice", one: found(rate, "198.51.100.7", 0), other: found(rate, "203.0.113.7", 0)},
		{about: "more than an hour apart", one: found(rate, "198.51.100.7", 0), other: found(rate, "198.51.100.8", 61)},
		{about: "more than an hour late", one: found(rate, "198.51.100.7", 61), other: found(rate, "198.51.100.8", 0)},
	} {
		t.Run(c.about, func(t *testing.T) {
			b := incident.NewBook(incident.Limits{})
			one := b.Fold(c.one)
			if one.Incident != nil || one.Alert.Incident != 0 {
				t.Fatal("an alert alone is no incident")
			}
			got := b.Fold(c.other)
			if c.shared == "" {
				if got.Incident != nil || got.Alert.Incident != 0 || len(got.Joined) > 0 {
					t.Errorf("related: %+v", got.Incident)
				}
				return
			}
			if got.Incident == nil {
				t.Fatal("not related")
			}
			i := *got.Incident
			if i.Shared != c.shared || i.Title != c.title || i.Clients != c.clients || i.Severity != c.worstOfBoth {
				t.Errorf("got %+v", i)
			}
			if i.Alerts != 2 || i.Status != incident.Open || !i.First.Equal(c.one.At) || !i.Last.Equal(c.other.At) {
				t.Errorf("got %+v", i)
			}
			if got.Alert.Incident != i.ID || len(got.Joined) != 1 || got.Joined[0].ID != one.Alert.ID || got.Joined[0].Incident != i.ID {
				t.Errorf("the alerts are not told: %+v, %+v", got.Alert, got.Joined)
			}
		})
	}
}

func TestAnOpenAlertThatComesBackRelatesToWhatHappensNow(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	b.Fold(found(rate, "198.51.100.7", 0))
	b.Fold(found(rate, "198.51.100.8", 150))
	got := b.Fold(found(rate, "198.51.100.7", 180)) // 7 again, half an hour after 8
	if got.Raised || got.Incident == nil || got.Incident.Alerts != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestAnAlertThatJoinsTwoIncidentsMergesThemAndTheOlderSurvives(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	b.Fold(found(rate, "198.51.100.1", 0))
	older := *b.Fold(found(rate, "198.51.100.2", 1)).Incident
	b.Fold(found(auth, "203.0.113.1", 2, withKey("stolen")))
	younger := *b.Fold(found(auth, "203.0.113.2", 3, withKey("stolen"))).Incident

	got := b.Fold(found(payment, "198.51.100.3", 4, withKey("stolen")))

	if got.Incident.ID != older.ID || got.Incident.Alerts != 5 || got.Incident.Clients != 5 {
		t.Errorf("survivor is %+v, want %d with 5 alerts", got.Incident, older.ID)
	}
	if want := "network 198.51.100.0/24, network 203.0.113.0/24, key stolen…"; got.Incident.Shared != want {
		t.Errorf("shared is %q, want %q", got.Incident.Shared, want)
	}
	if len(got.Joined) != 2 {
		t.Fatalf("joined: %+v, want the two alerts of the younger", got.Joined)
	}
	for _, a := range got.Joined {
		if a.Incident != older.ID || a.Rule != auth {
			t.Errorf("joined %+v", a)
		}
	}
	if len(got.Emptied) != 1 {
		t.Fatalf("emptied: %+v", got.Emptied)
	}
	gone := got.Emptied[0]
	if gone.ID != younger.ID || gone.Status != incident.Resolved || gone.Alerts != 0 || gone.Clients != 0 ||
		gone.Title != "Merged into "+older.Reference() {
		t.Errorf("emptied: %+v", gone)
	}
	if next := b.Fold(found(honeypot, "203.0.113.9", 5)); next.Incident == nil || next.Incident.ID != older.ID {
		t.Error("what related to the younger does not relate to the survivor")
	}
}

func TestAnIncidentIsResolvedWhenAllItsAlertsAre(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	one := b.Fold(found(rate, "198.51.100.1", 0)).Alert.ID
	two := b.Fold(found(rate, "198.51.100.2", 1)).Alert.ID
	later := noon.Add(time.Hour)

	r := b.Resolve(later, "ada", one, one, 12345)
	if len(r.Alerts) != 1 || len(r.Incidents) != 0 {
		t.Fatalf("resolving one gives %+v", r)
	}
	if a := r.Alerts[0]; a.ID != one || a.Status != incident.Resolved || a.ResolvedBy != "ada" || !a.ResolvedAt.Equal(later) {
		t.Errorf("got %+v", a)
	}
	if a, _ := b.Alert(one); a.Status != incident.Open {
		t.Error("resolved before it was settled")
	}
	b.Settle(r)
	third := b.Fold(found(rate, "198.51.100.3", 2))
	if third.Incident == nil || third.Incident.Alerts != 3 {
		t.Fatalf("an incident with an open alert takes no further one: %+v", third.Incident)
	}

	r = b.Resolve(later, "ada", one, two, third.Alert.ID)
	if len(r.Alerts) != 2 || len(r.Incidents) != 1 || r.Incidents[0].Status != incident.Resolved || r.Incidents[0].Alerts != 3 {
		t.Fatalf("resolving the rest gives %+v", r)
	}
	b.Settle(r)
	if b.Len() != 0 {
		t.Errorf("%d alerts are remembered though all is closed", b.Len())
	}
	if next := b.Fold(found(rate, "198.51.100.4", 3)); next.Incident != nil {
		t.Error("a closed incident took an alert in")
	}
}

func TestAFullIncidentLeavesFurtherAlertsToTheNext(t *testing.T) {
	b := incident.NewBook(incident.Limits{PerIncident: 3})
	ids := map[int64]int{}
	for i := range 7 {
		if c := b.Fold(found(rate, fmt.Sprintf("198.51.100.%d", i), i)); c.Incident != nil {
			ids[c.Incident.ID] = c.Incident.Alerts
		}
	}
	sizes := []int{}
	for _, n := range ids {
		sizes = append(sizes, n)
	}
	if !slices.Equal(sizes, []int{3, 3}) {
		t.Errorf("incidents of %v alerts, want two of 3 and one alert alone", sizes)
	}
}

func TestAFullBookForgetsWhatWasQuietTheLongest(t *testing.T) {
	b := incident.NewBook(incident.Limits{Alerts: 3})
	client := func(n int) string { return fmt.Sprintf("10.%d.0.1", n) }
	for n := range 3 {
		b.Fold(found(rate, client(n), n))
	}
	b.Fold(found(rate, client(0), 3)) // 1 is the quietest now
	b.Fold(found(rate, client(3), 4))
	if b.Len() != 3 {
		t.Fatalf("%d are remembered", b.Len())
	}
	for n, raised := range map[int]bool{0: false, 2: false, 3: false} {
		if got := b.Fold(found(rate, client(n), 5)); got.Raised != raised {
			t.Errorf("client %d was forgotten", n)
		}
	}
	if got := b.Fold(found(rate, client(1), 6)); !got.Raised {
		t.Error("client 1 was not forgotten")
	}
}

func TestMemoryStaysWithinItsLimitWhateverIsFound(t *testing.T) {
	const limit = 1 << 20
	b := incident.NewBook(incident.Limits{Bytes: limit})
	long := strings.Repeat("x", 2000)
	for n := range 5000 {
		b.Fold(found(honeypot, fmt.Sprintf("10.%d.%d.1", n/250, n%250), n/100, withKey(fmt.Sprint("key", n)),
			func(f *engine.Finding) { f.Path = "/" + long; f.Times = make([]time.Time, 128) }))
	}
	if n := b.Len(); n < 50 || n*(len(long)+128*24) > limit {
		t.Errorf("%d alerts of 5 kB are remembered in %d bytes", n, limit)
	}
}

func TestSharedNamesAFewThingsAndSaysThatThereAreOthers(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	var last incident.Change
	for n := range 8 {
		b.Fold(found(rate, fmt.Sprintf("10.%d.0.1", n), 0, withKey(fmt.Sprint("k", n))))
		last = b.Fold(found(rate, fmt.Sprintf("10.%d.0.1", n+1), 0, withKey(fmt.Sprint("k", n))))
	}
	if got, want := last.Incident.Shared, "key k0…, key k1…, key k2…, key k3…, others"; got != want {
		t.Errorf("shared is %q, want %q", got, want)
	}
}

func TestReferencesAreShortAndFindTheirIncident(t *testing.T) {
	b := incident.NewBook(incident.Limits{})
	b.Fold(found(rate, "198.51.100.1", 0))
	i := b.Fold(found(rate, "198.51.100.2", 1)).Incident
	ref := i.Reference()
	if len(ref) != len("INC-4F7K2") || !strings.HasPrefix(ref, "INC-") || ref != incident.Reference(i.ID) {
		t.Fatalf("reference is %q", ref)
	}
	for _, written := range []string{ref, strings.ToLower(ref), ref[4:]} {
		if least, greatest, ok := incident.ParseReference(written); !ok || i.ID < least || i.ID > greatest {
			t.Errorf("%q gives %d to %d, %v; the ID is %d", written, least, greatest, ok, i.ID)
		}
	}
	for _, wrong := range []string{"", "INC-", "INC-4F7K", "INC-4F7K22", "INC-4F7KU", "INC-4F7K\x00"} {
		if _, _, ok := incident.ParseReference(wrong); ok {
			t.Errorf("%q is taken for a reference", wrong)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	book := incident.NewBook(incident.Limits{})
	findings := make([]engine.Finding, 1<<14)
	for n := range findings {
		findings[n] = found(rate, fmt.Sprintf("10.%d.%d.%d", n>>12, n>>6&63, n&63), 0)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		f := findings[n%len(findings)]
		f.At = f.At.Add(time.Duration(n) * time.Millisecond)
		f.ID = strconv.Itoa(n)
		book.Fold(f)
		n++
	}
}
