package store

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// traffic makes n exchanges in random batches, some of them late, in short stretches.
func traffic(t *testing.T, s *Store, n int, r *rand.Rand) []Seen {
	t.Helper()
	s.full = 100
	clients := []string{"198.18.0.7", "198.18.0.8", "198.18.1.9", "198.19.0.1", "2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:3::1"}
	var all, batch []Seen
	for i := range n {
		after := time.Duration(i) * 40 * time.Millisecond
		if r.IntN(10) == 0 { // answered late: it comes after those that began later
			after -= time.Duration(r.IntN(20_000)) * time.Millisecond
		}
		x := exchange(after, i, clients[r.IntN(len(clients))])
		x.Method = []string{"GET", "POST", "PUT"}[r.IntN(3)]
		x.Path = []string{"/api/balance", "/api/Balance", "/api/cards/7", "/api/admin/export"}[r.IntN(4)]
		x.Folded = strings.ToLower(x.Path)
		x.Route = x.Folded
		x.Status = []int{200, 201, 401, 403, 429, 500}[r.IntN(6)]
		x.Refused = x.Status == 403 || x.Status == 429
		x.Monitored = r.IntN(20) == 0
		x.Key.Prefix = []string{"sk_live_", "sk_test_", ""}[r.IntN(3)]
		x.Account = []string{"", "", "alice", "bob@example.com", "100%"}[r.IntN(5)]
		all, batch = append(all, x), append(batch, x)
		if r.IntN(70) == 0 {
			write(t, s, batch...)
			batch = nil
		}
	}
	write(t, s, batch...)
	slices.SortFunc(all, func(a, b Seen) int { return int(int64(b.ID) - int64(a.ID)) })
	return all
}

// matches is what a filter means, without an index or a stretch.
func (f ExchangeFilter) matches(x Seen) bool {
	contained := strings.Contains(strings.ToLower(x.Path), strings.ToLower(f.Path))
	if whole, ok := strings.CutPrefix(f.Path, "="); ok {
		contained = x.Folded == whole
	}
	return (!f.Client.IsValid() || f.Client.Contains(x.Client)) &&
		strings.HasPrefix(x.Key.Prefix, f.KeyPrefix) && (f.Account == "" || f.Account == x.Account) &&
		(len(f.Methods) == 0 || slices.Contains(f.Methods, x.Method)) &&
		(f.Status == 0 || f.Status == x.Status) && (f.Class == 0 || f.Class == x.Status/100) && contained &&
		(f.Refused == nil || *f.Refused == x.Refused) && (f.Monitored == nil || *f.Monitored == x.Monitored) &&
		(f.From.IsZero() || !x.At.Before(f.From)) && (f.To.IsZero() || x.At.Before(f.To))
}

func randomFilter(r *rand.Rand) (f ExchangeFilter) {
	yes, no := true, false
	for range r.IntN(4) {
		switch r.IntN(10) {
		case 0, 1:
			f.Client = netip.MustParsePrefix([]string{
				"198.18.0.7/32", "198.18.0.0/24", "198.18.0.0/15", "0.0.0.0/0",
				"2001:db8:1:2::/64", "2001:db8:1:2::2/128", "2001:db8::/32", "203.0.113.0/24",
			}[r.IntN(8)])
		case 2:
			f.KeyPrefix = []string{"sk_", "sk_live_", "none"}[r.IntN(3)]
		case 3:
			f.Methods = [][]string{{"GET"}, {"POST", "PUT"}, {"DELETE"}}[r.IntN(3)]
		case 4:
			f.Status = []int{200, 401, 404}[r.IntN(3)]
		case 5:
			f.Class = []int{2, 4, 5}[r.IntN(3)]
		case 6:
			f.Path = []string{"balance", "=/api/balance", "=/api/Balance", "EXPORT", "_"}[r.IntN(5)]
		case 7:
			f.Refused, f.Monitored = []*bool{nil, &yes, &no}[r.IntN(3)], []*bool{nil, &yes}[r.IntN(2)]
		case 8:
			f.From = noon.Add(time.Duration(r.IntN(60)) * time.Second)
			f.To = f.From.Add(time.Duration(r.IntN(60_000)) * time.Millisecond)
		case 9:
			f.Account = []string{"alice", "100%", "nobody", "Alice"}[r.IntN(4)]
		}
	}
	return f
}

func TestExchangesAreFoundAsBySearchingThemAll(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		r := rand.New(rand.NewPCG(7, 8))
		all := traffic(t, s, 2000, r)
		for range 150 {
			f := randomFilter(r)
			var want, got []uint64
			for _, x := range all {
				if f.matches(x) {
					want = append(want, x.ID)
				}
			}
			for p := (Page{First: 1 + r.IntN(500)}); ; {
				page := must(s.Exchanges(t.Context(), f, p))(t)
				for _, x := range page.Items {
					got = append(got, x.ID)
				}
				if !page.More {
					break
				}
				p.After = page.Next
			}
			if !slices.Equal(got, want) {
				t.Fatalf("filter %+v: found %d, want %d", f, len(got), len(want))
			}
			n := 0
			err := s.EachExchange(t.Context(), f, func(x Seen) error {
				if x.ID != want[n] {
					return fmt.Errorf("exchange %d came as number %d", x.ID, n)
				}
				n++
				return nil
			})
			if err != nil || n != len(want) {
				t.Fatalf("filter %+v: came by %d of %d: %v", f, n, len(want), err)
			}
		}
	})
}

func TestFiguresOfAClientAreThoseOfItsExchanges(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		r := rand.New(rand.NewPCG(9, 10))
		all := traffic(t, s, 2000, r)
		for range 100 {
			f := randomFilter(r)
			f = ExchangeFilter{Client: f.Client, From: noon.Add(time.Duration(r.IntN(70)) * time.Second)}
			f.To = f.From.Add(time.Duration(r.IntN(40_000)) * time.Millisecond)
			if !f.Client.IsValid() {
				f.Client = netip.MustParsePrefix("2001:db8:1:2::/64")
			}
			var want ClientStats
			for _, x := range all {
				if f.Client.Contains(x.Client) && want.Last.IsZero() {
					want.Last = x.At
				}
				if f.matches(x) {
					want.Requests++
					want.Failed += bit(x.Status >= 400)
					want.Refused += bit(x.Refused)
				}
			}
			if got := must(s.ClientFigures(t.Context(), f.Client, f.From, f.To))(t); got != want {
				t.Fatalf("%v from %v to %v: got %+v, want %+v", f.Client, f.From, f.To, got, want)
			}
		}
	})
}

func TestARareFilterEndsItsPageEarlyAndGoesOn(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	s.full = 10
	var batch []Seen
	for i := range 21_000 {
		x := exchange(time.Duration(i)*time.Millisecond, i, "198.18.0.7")
		if i == 0 {
			x.Path = "/needle"
		}
		if batch = append(batch, x); len(batch) == 10 {
			write(t, s, batch...)
			batch = batch[:0]
		}
	}
	p := Page{First: 10}
	pages := 0
	for {
		pages++
		page := must(s.Exchanges(t.Context(), ExchangeFilter{Path: "needle"}, p))(t)
		if len(page.Items) == 1 {
			break
		}
		if !page.More || page.Next == "" || page.Next == p.After {
			t.Fatalf("page %d: %+v, want a place to go on from", pages, page)
		}
		p.After = page.Next
	}
	if pages < 2 { // 2,100 stretches are more than one question may look at
		t.Error("it was found in one page")
	}
}

func TestAnExchangeIsWrittenAndCountedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		a, b, c := exchange(0, 1, "198.18.0.7"), exchange(0, 2, "198.18.0.7"), exchange(0, 3, "198.18.0.8")
		write(t, s, a, b)
		write(t, s, b, c, c, a)
		write(t, s, a, a, a)
		if got := must(s.Exchanges(t.Context(), ExchangeFilter{}, Page{First: 10}))(t); len(got.Items) != 3 {
			t.Errorf("stored %d, want 3", len(got.Items))
		}
		stats := must(s.Stats(t.Context(), noon.Add(-time.Minute), noon.Add(time.Minute)))(t)
		if stats.Requests != 3 {
			t.Errorf("counted %d, want 3", stats.Requests)
		}
	})
}

func TestStretchesAreFollowedByTheirRows(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, Config{Dir: dir})
	traffic(t, s, 1000, rand.New(rand.NewPCG(1, 1)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, Config{Dir: dir}) // what was known is learnt again
	s.full = 100
	for i := range 300 {
		write(t, s, exchange(time.Hour+time.Duration(i)*time.Second, i, "198.18.0.7"))
	}
	var astray, most, count int
	d := s.traffic.Load().read
	if err := d.Raw(`SELECT count(*) FROM exchanges e WHERE e.stretch <>
		(SELECT s.id FROM stretches s WHERE s.start <= e.id ORDER BY s.start DESC LIMIT 1)`).Scan(&astray).Error; err != nil {
		t.Fatal(err)
	}
	if err := d.Raw("SELECT count(*) FROM stretches").Scan(&count).Error; err != nil {
		t.Fatal(err)
	}
	if err := d.Raw("SELECT max(n) FROM (SELECT count(*) AS n FROM exchanges GROUP BY stretch)").Scan(&most).Error; err != nil {
		t.Fatal(err)
	}
	if astray != 0 || count < 8 || most > 600 {
		t.Errorf("%d rows astray, %d stretches, %d rows in the longest", astray, count, most)
	}
}

func TestAnAccountIsFoundByItsIndex(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	write(t, s, exchange(0, 1, "198.18.0.7"))
	how := plan(t, s.traffic.Load().pools[0], "SELECT * FROM stretches s CROSS JOIN exchanges e WHERE e.id >= 0 AND e.id < 9 AND "+
		"s.start >= 0 AND s.start < 9 AND e.stretch = s.id AND e.account = ? ORDER BY s.start DESC, e.id DESC LIMIT 5", "alice")
	if !strings.Contains(how, "USING INDEX exchanges_account (stretch=? AND account=?") || strings.Contains(how, "SCAN e") {
		t.Errorf("an account is answered by\n%s", how)
	}
}

func TestAClientIsFoundByTheIndex(t *testing.T) {
	s := opened(t, Config{Dir: t.TempDir()})
	write(t, s, exchange(0, 1, "198.18.0.7"))
	lo, hi := bounds(netip.MustParsePrefix("198.18.0.0/24"))
	for _, c := range []conditions{
		conditions{}.and("e.client = ?", lo),
		conditions{}.and("e.client >= ?", lo).and("e.client <= ?", hi),
	} {
		how := plan(t, s.traffic.Load().pools[0], "SELECT * FROM stretches s CROSS JOIN exchanges e WHERE e.id >= 0 AND e.id < 9 AND "+
			"s.start >= 0 AND s.start < 9 AND e.stretch = s.id AND "+c.String()+" ORDER BY s.start DESC, e.id DESC LIMIT 5", c.args...)
		if !strings.Contains(how, "USING INDEX exchanges_client (stretch=? AND client") || strings.Contains(how, "SCAN e") ||
			strings.Contains(how, "FOR ORDER BY") {
			t.Errorf("%s is answered by\n%s", c, how)
		}
	}
}
