package engine

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// A log's lines are judged as requests are decided on and then observed, whatever the policy and the lists.
func TestToJudgeIsToDecideAndThenObserve(t *testing.T) {
	for name, change := range map[string]func(*Policy){
		"enforcing": func(*Policy) {},
		"observing": func(p *Policy) { p.Observe = true },
		"in shadow": func(p *Policy) {
			for id, t := range p.Rules {
				t.Shadow = true
				p.Rules[id] = t
			}
		},
		"denying": func(p *Policy) { p.Denies, p.Skips = []string{"/api/accounts"}, []string{"/static"} },
	} {
		t.Run(name, func(t *testing.T) {
			judging, deciding := newEngine(t, change), newEngine(t, change)
			found, refused := 0, 0
			dice := rand.New(rand.NewPCG(9, 10))
			for n := range 30_000 {
				x := anyExchange(dice, n)
				if n%1000 == 500 {
					d := decision(fmt.Sprintf("D-%013d", n), Action(n/1000%4)+1, ActorOf(x.Client), x.At.Add(20*time.Minute))
					judging.Apply(d)
					deciding.Apply(d)
				}
				if n%2000 < 1000 { // who reads a log knows what comes
					judging.Fetch(judging.Foresee(x.Client))
				}
				want := deciding.Decide(x.Request)
				y := x
				if want.Refused() {
					y.Refused, y.Cause, y.Status = true, want.Cause, want.Status
				}
				wanted := deciding.Observe(y)
				v, got := judging.Judge(&x)
				if !reflect.DeepEqual(v, want) || !reflect.DeepEqual(got, wanted) || x.Refused != y.Refused || x.Status != y.Status {
					t.Fatalf("exchange %d, %s %s of %s at %s:\n%+v\n%+v\nwant\n%+v\n%+v", n, x.Method, x.Path, x.Client, x.At, v, got, want, wanted)
				}
				if found += len(got); v.Refused() {
					refused++
				}
			}
			if found == 0 || refused == 0 && name == "enforcing" {
				t.Errorf("%d findings and %d refusals prove little", found, refused)
			}
		})
	}
}

// anyExchange of some people, a few of whom hurry, guess, or look for what is not theirs.
func anyExchange(dice *rand.Rand, n int) (x Exchange) {
	paths := []string{"/", "/api/balance", "/api/transaction", "/static/app.js", "/api/accounts/7", "/about"}
	x.ID, x.At = uint64(n+1), noon.Add(time.Duration(n)*100*time.Millisecond-time.Duration(dice.IntN(20)/19)*time.Minute) //nolint:gosec // it is small
	x.Method, x.Path, x.Status, x.UserAgent = "GET", paths[dice.IntN(len(paths))], 200, "Mozilla/5.0 (X11; Linux x86_64)"
	x.Client = netip.AddrFrom4([4]byte{198, 51, byte(dice.IntN(4)), byte(dice.IntN(200))})
	switch dice.IntN(30) {
	case 0, 1:
		x.Client, x.Status, x.Path, x.Method = netip.AddrFrom4([4]byte{203, 0, 113, byte(dice.IntN(20))}), 401, "/api/login", "POST"
	case 2, 3, 4:
		x.Client = netip.MustParseAddr("192.0.2.1")
	case 5:
		x.Path, x.Status = "/api/admin/users", 404
		x.Client = netip.AddrFrom4([4]byte{203, 0, 113, byte(dice.IntN(250))})
	case 6:
		x.Path, x.Method, x.Status = "/api/transaction", "POST", 201
	case 7:
		x.Path, x.Status, x.UserAgent = fmt.Sprintf("/old/%d.php", dice.IntN(100)), 404, ""
	}
	x.Folded, x.Route = x.Path, x.Path
	x.Exempt, x.Doubted = dice.IntN(50) == 0, dice.IntN(80) == 0
	return x
}
