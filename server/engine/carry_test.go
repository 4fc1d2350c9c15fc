package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"
)

// restarted is a play that goes on in an engine that resumed from a snapshot, under a policy with these
// changes.
func (p *play) restarted(change ...func(*Policy)) *play {
	p.Helper()
	q := p.Policy().clone()
	for _, f := range change {
		f(&q)
	}
	e, err := New(q, 7)
	if err != nil {
		p.Fatal(err)
	}
	if err := e.Resume(bytes.NewReader(snapshotOf(p, p.Engine))); err != nil {
		p.Fatal(err)
	}
	again := *p
	again.Engine = e
	return &again
}

// held is how many a rule remembers.
func (p *play) held(rule string) int {
	p.Helper()
	for _, f := range p.Memory() {
		if f.Rule == rule {
			return f.Held
		}
	}
	p.Fatalf("%s has no memory", rule)
	return 0
}

// overRevisionsAndRestarts plays on under another policy, which a reload puts in force, or a restart.
func overRevisionsAndRestarts(t *testing.T, begin func(*testing.T) *play, change func(*Policy), then func(t *testing.T, p *play)) {
	t.Helper()
	t.Run("over a revision", func(t *testing.T) {
		p := begin(t)
		p.revise(change)
		then(t, p)
	})
	t.Run("over a restart", func(t *testing.T) { then(t, begin(t).restarted(change)) })
}

// versed is a play in which the anomaly model, what comes before payments and counts have learned.
func versed(change ...func(*Policy)) func(*testing.T) *play {
	return func(t *testing.T) *play {
		p := newPlay(t, append([]func(*Policy){terms("rate-abuse", func(t *Terms) { t.Off = true })}, change...)...)
		for n := range 20 {
			p.sends([]string{"ann", "berta", "carl"}[n%3], "PayApp", "/v1/quotes/9", "/v1/payees", "/v1/transfers")
			p.wait(20 * time.Minute)
		}
		for range 5 {
			p.fail(attacker)
		}
		return p
	}
}

func TestWhatIsDoneAboutFindingsForgetsNothingThatWasLearned(t *testing.T) {
	observes := func(p *Policy) { p.Observe = true }
	for name, c := range map[string]struct{ before, change func(*Policy) }{
		"from observing to enforcing":      {observes, func(p *Policy) { p.Observe = false }},
		"from enforcing to observing":      {func(*Policy) {}, observes},
		"with the anomaly rule in shadow":  {func(*Policy) {}, terms(anomalous.ID, func(t *Terms) { t.Shadow = true })},
		"with a rule that blocks, for now": {func(*Policy) {}, terms(stepSkipped.ID, func(t *Terms) { t.Do, t.For = Block, time.Hour })},
	} {
		t.Run(name, func(t *testing.T) {
			was := versed(c.before)(t)
			overRevisionsAndRestarts(t, versed(c.before), c.change, func(t *testing.T, p *play) {
				if is, was := p.Anomaly().State().Events, was.Anomaly().State().Events; is != was || was == 0 {
					t.Errorf("the anomaly model has %d events, not %d", is, was)
				}
				for _, rule := range []string{anomalous.ID, stepSkipped.ID} {
					if is, was := p.held(rule), was.held(rule); is != was || was == 0 {
						t.Errorf("%s remembers %d, not %d", rule, is, was)
					}
				}
			})
		})
	}
}

func TestARuleThatBeginsToEnforceHasToldOfNobodyYet(t *testing.T) {
	watching := func(t *testing.T) *play {
		p := newPlay(t, decoys, func(p *Policy) { p.Observe = true })
		for range 8 {
			p.fail(attacker)
		}
		p.exchange(person, Request{Key: key("backup")}, 200)
		return p
	}
	overRevisionsAndRestarts(t, watching, func(p *Policy) { p.Observe = false }, func(t *testing.T, p *play) {
		p.T = t
		p.passes(p.get(attacker, "")) // what would have been decided is no decision
		p.finds(p.fail(attacker), failed)
		p.refuses(p.get(attacker, ""), 403, failed)
		_, v := p.ask(person, Request{Key: key("backup")})
		p.refuses(v, 403, honeyRule)
		if v.Finding == nil || v.Finding.Decision == nil {
			t.Errorf("nothing is decided about who uses a decoy: %+v", v)
		}
		p.refuses(p.get(person, ""), 403, honeyRule)
	})
}

func TestASnapshotOfAFormerFormatIsRefusedAsSuch(t *testing.T) {
	former := bytes.Replace(snapshotOf(t, newEngine(t)), []byte(snapshotHead), []byte("sentinel snapshot 1\n"), 1)
	if err := newEngine(t).Resume(bytes.NewReader(former)); !errors.Is(err, ErrFormat) {
		t.Errorf("got %v", err)
	}
}

// once is what rules of code tell once for a while, whoever goes on.
var once = map[string]func(p *play) []Finding{
	paymentWithoutBalance.ID: func(p *play) []Finding {
		p.wait(time.Second)
		_, found := p.exchange(attacker, Request{Method: "POST", Path: "/api/transaction", Key: key("stolen")}, 200)
		return found
	},
	objectEnumeration.ID: func(p *play) (found []Finding) {
		for n := range 60 {
			p.wait(time.Second)
			_, f := p.exchange(attacker, Request{Path: fmt.Sprintf("/api/orders/%d", n)}, []int{200, 403}[n%2])
			found = append(found, f...)
		}
		return found
	},
	credentialStuffing.ID: func(p *play) (found []Finding) {
		for n := range 12 {
			p.wait(time.Second)
			_, f := p.exchange(attacker, Request{Method: "POST", Path: "/api/login", Account: fmt.Sprint("victim", n)}, 401)
			found = append(found, f...)
		}
		return found
	},
}

func TestWhatWasToldInShadowIsToldAnewOnceItEnforces(t *testing.T) {
	for id, does := range once {
		t.Run(id, func(t *testing.T) {
			tells := func(p *play) (n int) {
				for _, f := range does(p) {
					if f.Rule == id && !f.Weak {
						n++
					}
				}
				return n
			}
			watching := func(t *testing.T) *play {
				p := newPlay(t, terms(failed, func(t *Terms) { t.Off = true }), func(p *Policy) { p.Observe = true })
				if first, again := tells(p), tells(p); first != 1 || again != 0 {
					t.Fatalf("told %d times, and then %d times", first, again)
				}
				return p
			}
			overRevisionsAndRestarts(t, watching, func(p *Policy) { p.Observe = false }, func(t *testing.T, p *play) {
				if n := tells(p); n != 1 {
					t.Errorf("told %d times once it enforces", n)
				}
			})
		})
	}
}

func TestAnotherPathOrDecoyForgetsNothingThatWasLearned(t *testing.T) {
	for name, change := range map[string]func(*Policy){
		"a payment":       func(p *Policy) { p.Payments = append(p.Payments, "/v2/payouts") },
		"a balance":       func(p *Policy) { p.Balances = append(p.Balances, "/v2/funds") },
		"a decoy":         func(p *Policy) { p.Decoys = append(p.Decoys, "/backup") },
		"a decoy key":     func(p *Policy) { p.DecoyKeys = append(p.DecoyKeys, key("spare")) },
		"a decoy account": func(p *Policy) { p.DecoyAccounts = append(p.DecoyAccounts, "reserve") },
	} {
		t.Run(name, func(t *testing.T) {
			was := versed()(t)
			overRevisionsAndRestarts(t, versed(), change, func(t *testing.T, p *play) {
				if is, was := p.Anomaly().State().Events, was.Anomaly().State().Events; is != was || was == 0 {
					t.Errorf("the anomaly model has %d events, not %d", is, was)
				}
				for _, rule := range []string{anomalous.ID, stepSkipped.ID} {
					if is, was := p.held(rule), was.held(rule); is != was || was == 0 {
						t.Errorf("%s remembers %d, not %d", rule, is, was)
					}
				}
			})
		})
	}
}

func TestAnotherPathOrDecoyHoldsForWhatIsRemembered(t *testing.T) {
	looked := func(t *testing.T) *play {
		p := newPlay(t, decoys)
		p.exchange(person, Request{Path: "/api/balance", Key: key("own")}, 200)
		return p
	}
	overRevisionsAndRestarts(t, looked, func(p *Policy) {
		p.Payments, p.Balances = []string{"/v2/payouts"}, []string{"/v2/funds"}
		p.DecoyKeys, p.DecoyAccounts = []Key{key("spare")}, []string{"reserve"}
	}, func(t *testing.T, p *play) {
		p.T = t
		pays := func(client, path string) []Finding {
			_, found := p.exchange(client, Request{Method: "POST", Path: path, Key: key("own")}, 200)
			return found
		}
		p.finds(pays(person, "/v2/payouts")) // who looked before
		p.finds(pays("198.18.0.9", "/api/transaction"))
		p.finds(pays("198.18.0.9", "/v2/payouts"), paymentWithoutBalance.ID)
		p.exchange("198.18.0.10", Request{Path: "/v2/funds", Key: key("own")}, 200)
		p.finds(pays("198.18.0.10", "/v2/payouts"))
		p.passes(func() Verdict { _, v := p.ask(attacker, Request{Key: key("backup"), Account: "treasury"}); return v }())
		_, v := p.ask(attacker, Request{Key: key("spare")})
		p.refuses(v, 403, honeyRule)
		if want := `198.18.0.7 used key "spare", a decoy that was given to nobody.`; v.Finding == nil || v.Finding.Reason != want {
			t.Errorf("told of %+v", v.Finding)
		}
	})
}

func TestAnotherExpressionBeginsAnew(t *testing.T) {
	own := func(where, explains string, status int) func(*Policy) {
		return func(p *Policy) {
			p.Packs = []Rule{{
				ID: "own", Title: "Own", Version: 1, Pack: "mine", On: Answers, Explains: explains,
				Where: where, When: func(x *Exchange) bool { return x.Status == status },
				Terms: Terms{More: 3, Within: time.Minute, Severity: Low},
			}}
		}
	}
	counted := func(t *testing.T) *play {
		p := newPlay(t, own("status == 418", "Teapots", 418))
		for range 3 {
			_, found := p.exchange(attacker, Request{}, 418)
			p.finds(found)
		}
		return p
	}
	overRevisionsAndRestarts(t, counted, own("status == 402", "Teapots", 402), func(t *testing.T, p *play) {
		p.T = t
		_, found := p.exchange(attacker, Request{}, 402)
		p.finds(found)
	})
	overRevisionsAndRestarts(t, counted, own("status == 418", "Pots for tea", 418), func(t *testing.T, p *play) {
		p.T = t
		_, found := p.exchange(attacker, Request{}, 418)
		p.finds(found, "own")
	})
}

func TestAfterAStandstillOfAnyLengthCountingBeginsWithWhatComes(t *testing.T) {
	const wraps = (1 << 32) * time.Millisecond // of the milliseconds that are kept short
	for name, gap := range map[string]time.Duration{
		"two days": 48 * time.Hour, "a month": 31 * 24 * time.Hour, "fifty days": wraps, "just short of them": wraps - 5*time.Minute,
		"a hundred": 2 * wraps, "a year": 366 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(t, counting, func(p *Policy) { p.Rules = nil })
			busy(p.Engine, 2000, 1, noon)
			for range 5 {
				p.fail(attacker)
			}
			p.wait(gap)
			p = p.restarted()
			p.wait(time.Minute)
			p.T = t
			for n := range 5 {
				for _, f := range p.fail("198.18.3.4") {
					t.Errorf("a stranger's failure %d is %s", n+1, f.Rule)
				}
			}
			rules := map[string]bool{}
			for n := range 6 {
				for _, f := range p.fail(attacker) {
					if rules[f.Rule] = true; n < 5 && f.Rule == failed {
						t.Errorf("failure %d is found: %s", n+1, f.Reason)
					}
				}
			}
			if !rules[failed] {
				t.Error("the sixth failure is not found")
			}
		})
	}
}

func TestAnotherModelOfTheUsualBeginsAloneAnew(t *testing.T) {
	p := versed()(t)
	snapshot := snapshotOf(t, p.Engine)
	at := bytes.Index(snapshot, []byte("anomaly\x00")) // where the model begins: its kind, version and features
	if at < 0 {
		t.Fatal("there is no model in the snapshot")
	}
	for name, c := range map[string]struct {
		place int
		err   error
	}{"of another version": {8, nil}, "of other features": {9, nil}, "that is none": {0, ErrSnapshot}, "that is damaged": {24, ErrSnapshot}} {
		t.Run(name, func(t *testing.T) {
			other := bytes.Clone(snapshot[:len(snapshot)-sha256.Size])
			other[at+c.place] ^= 2
			sum := sha256.Sum256(other)
			e := newEngine(t, func(q *Policy) { *q = p.Policy() })
			if err := e.Resume(bytes.NewReader(append(other, sum[:]...))); !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			is := *p
			is.T, is.Engine = t, e
			if n := e.Anomaly().State().Events; n != 0 || is.held(anomalous.ID) != 0 {
				t.Errorf("the model has %d events, and %d are remembered", n, is.held(anomalous.ID))
			}
			if n, was := is.held(stepSkipped.ID), p.held(stepSkipped.ID); c.err == nil && n != was {
				t.Errorf("%s remembers %d, not %d", stepSkipped.ID, n, was)
			}
			for n := range 6 {
				is.wait(time.Second)
				if found := strong(is.fail(attacker)); c.err == nil && (len(found) > 0) != (n == 0) {
					t.Errorf("after the failures of before, one more finds %v", found)
				}
			}
		})
	}
}
