package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// A receipt that went through a database: times in whole milliseconds, without a monotonic reading.
func kept(f *Finding) Receipt {
	r := f.Receipt()
	r.At, r.Times = time.UnixMilli(r.At.UnixMilli()).UTC(), slices.Clone(r.Times)
	for i, t := range r.Times {
		r.Times[i] = time.UnixMilli(t.UnixMilli()).UTC()
	}
	return r
}

// honest or not: some clients that ask, fail, pay and touch decoys, at odd times.
func (p *play) randomly(dice *rand.Rand, n int) (found []Finding) {
	key := Key{Hash: [16]byte{3}, Prefix: "user_key"}
	for range n {
		p.wait(time.Duration(dice.ExpFloat64() * float64(150*time.Millisecond)))
		client := fmt.Sprintf("198.18.0.%d", 1+dice.IntN(4))
		r, status := Request{Path: "/api/history"}, 200
		switch dice.IntN(12) {
		case 0:
			r, status = Request{Path: "/api/login", Method: "POST", Account: fmt.Sprint("user", dice.IntN(9))}, 401
		case 1:
			r = Request{Path: "/api/transaction", Method: "POST", Key: key}
		case 2:
			if dice.IntN(40) == 0 {
				r = Request{Path: "/api/admin/users"}
			}
		}
		late := time.Duration(dice.IntN(4)/3) * time.Duration(dice.IntN(20_000)) * time.Millisecond
		p.at = p.at.Add(-late)
		v, more := p.exchange(client, r, status)
		p.at = p.at.Add(late)
		if v.Finding != nil {
			found = append(found, *v.Finding)
		}
		found = append(found, more...)
	}
	return found
}

func TestEveryFindingIsJudgedAgainTheSameFromItsReceiptAlone(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(20) {
		p := newPlay(t, terms("rate-abuse", func(t *Terms) { t.More, t.Do = 20+int(seed), 0 }),
			terms("failed-authentication", func(t *Terms) { t.More, t.Within = 3+int(seed)%4, time.Minute }),
			pack(data("many-accounts", func(r *Rule) { r.Distinct, r.Within = OfAccount, 30*time.Second })))
		for _, f := range p.randomly(rand.New(rand.NewPCG(seed, 1)), 1500) {
			seen[f.Rule]++
			r := kept(&f)
			if again := r.Recount(); !again.Fires || !again.Proven {
				t.Fatalf("seed %d: %s found %d of %d with %d times, but judged again: %+v", seed, f.Rule, f.Count, f.Limit, len(f.Times), again)
			}
			if f.Unless == "" {
				t.Fatalf("%s does not say when it would have stayed silent", f.Rule)
			}
			if f.Limit == 0 {
				continue
			}
			for i := range max(len(r.Times), len(r.Seen)) {
				less := r
				less.Count--
				if len(r.Times) > 0 {
					less.Times = slices.Delete(slices.Clone(r.Times), i, i+1)
				} else {
					less.Seen = slices.Delete(slices.Clone(r.Seen), i, i+1)
				}
				if again := less.Recount(); again.Fires {
					t.Fatalf("seed %d: %s fires with one exchange less: %+v", seed, f.Rule, again)
				}
			}
		}
	}
	for _, r := range []string{"rate-abuse", "failed-authentication", "honeypot", "payment-without-balance", "many-accounts"} {
		if seen[r] < 10 {
			t.Errorf("%s was found %d times only: the play proves little", r, seen[r])
		}
	}
}

func TestAReceiptSaysWhatItProves(t *testing.T) {
	times := func(n int, apart time.Duration) (all []time.Time) {
		for i := range n {
			all = append(all, noon.Add(time.Duration(i)*apart))
		}
		return all
	}
	values := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("user%d", i))
		}
		return all
	}
	for name, c := range map[string]struct {
		Receipt
		fires, proven bool
		why           string
	}{
		"six in ten minutes": {Receipt{Count: 6, Limit: 5, Window: 10 * time.Minute, Times: times(6, time.Minute)}, true, true, "6 times within 10 minutes"},
		"the first a whole window before the last": {
			Receipt{Count: 5, Limit: 5, Window: 10 * time.Minute, Times: times(6, 2*time.Minute)}, false, false, "5 times within 10 minutes",
		},
		"128 times of 5,000":     {Receipt{Count: 5000, Limit: 4000, Window: time.Minute, Times: times(128, time.Millisecond)}, true, false, "prove 128"},
		"counted by other nodes": {Receipt{Count: 101, Limit: 100, Window: time.Minute}, true, false, "count kept"},
		"eleven accounts":        {Receipt{Count: 11, Limit: 10, Window: time.Hour, Times: times(40, time.Second), Evidence: Evidence{Seen: values(11)}}, true, true, "11 different values"},
		"one account eleven times": {
			Receipt{Count: 11, Limit: 11, Window: time.Hour, Times: times(40, time.Second), Evidence: Evidence{Seen: slices.Repeat([]string{"a"}, 11)}},
			false, false, "1 different values",
		},
		"32 accounts of 90":       {Receipt{Count: 90, Limit: 50, Window: time.Hour, Evidence: Evidence{Seen: values(32)}}, true, false, "prove 32"},
		"accounts beside a count": {Receipt{Count: 6, Limit: 5, Window: time.Hour, Times: times(6, time.Second), Evidence: Evidence{Seen: values(2)}}, true, true, "6 times"},
		"a sub-window's count":    {Receipt{Count: 1200, Limit: 1000, Window: time.Minute}, true, false, "times themselves are not kept"},
		"more was seen before": {
			Receipt{Count: 3, Limit: 3, Window: time.Minute, Evidence: Evidence{Seen: values(6)}}, false, false, "3 different values",
		},
		"some of the values":       {Receipt{Count: 11, Limit: 10, Evidence: Evidence{Seen: values(4)}}, true, false, "values themselves not all are kept; those that are prove 4"},
		"a score of its own":       {Receipt{Count: 93, Evidence: Evidence{Parts: []Part{{Share: 40}}}}, true, false, "score kept: 93"},
		"a score of three parts":   {Receipt{Count: 61, Limit: 60, Evidence: Evidence{Parts: []Part{{Share: 40}, {Share: 15}, {Share: 6.2}}}}, true, true, "make 61.2"},
		"the greatest parts":       {Receipt{Count: 61, Limit: 60, Evidence: Evidence{Parts: []Part{{Share: 40}}}}, true, false, "score kept: 61"},
		"parts that are too small": {Receipt{Count: 60, Limit: 60, Evidence: Evidence{Parts: []Part{{Share: 40}}}}, false, false, "takes more than 60"},
		"one is enough":            {Receipt{Count: 1, Window: 5 * time.Minute}, true, true, "takes one"},
		"nothing at all":           {Receipt{}, false, false, "Nothing"},
	} {
		if got := c.Recount(); got.Fires != c.fires || got.Proven != c.proven || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: got %+v, want fires %t, proven %t and %q", name, got, c.fires, c.proven, c.why)
		}
	}
}

func TestAFindingSaysWhenItWouldHaveStayedSilent(t *testing.T) {
	for want, f := range map[string]Finding{
		"It would not have fired for 100 or fewer within 1 minute.":            {Count: 101, Limit: 100, Window: time.Minute},
		"It would not have fired for 2 different ones or fewer within 1 hour.": {Count: 3, Limit: 2, Window: time.Hour, Seen: []string{"a", "b", "c"}},
		"It takes one: only without this exchange would it not have fired.":    {Count: 1},
		"": {Count: 1, Parts: []Part{{Share: 61}}},
		"It would not have fired at a score of 60 or below.": {Count: 61, Limit: 60, Parts: []Part{{Share: 61}}},
	} {
		if got := f.unless(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEvidenceHoldsOnToNoRequest(t *testing.T) {
	whole := strings.Repeat("x", 4096)
	f := Finding{Account: whole[:5], UserAgent: whole[5:9], Seen: []string{whole[:3]}, Tokens: []Token{{Label: "network"}}}
	e := f.Evidence()
	if e.Account != "xxxxx" || e.Seen[0] != "xxx" || e.Tokens[0] != "network" {
		t.Fatalf("got %+v", e)
	}
	f.Seen[0] = "another"
	if e.Seen[0] != "xxx" {
		t.Error("what was seen is shared with the finding")
	}
	if got := e.Size(); got < 5+4+3+7 || got > 200 {
		t.Errorf("its size is %d", got)
	}
}
