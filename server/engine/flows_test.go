package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const campaignRule = "stuffing-campaign"

// A crowd of people sign in at one endpoint while it is told of nothing.
type townsfolk struct {
	*play
	next  int
	found []Finding
}

// town is an API that has been used for hours by so many a minute, of whom one in ten mistypes.
func town(t *testing.T, perMinute, minutes int) *townsfolk {
	t.Helper()
	s := &townsfolk{play: newPlay(t, lenient)}
	for range minutes {
		s.minute(perMinute, 0, nil)
	}
	if len(s.of(campaignRule)) > 0 {
		t.Fatalf("told of while nothing happened: %s", s.of(campaignRule)[0].Reason)
	}
	return s
}

const townProgram = "PayApp/4.1 (Android 16; Pixel 9)"

// minute of people, and of strangers who fail, each from where nobody ever was.
func (s *townsfolk) minute(people, strangers int, change func(*Exchange)) {
	total, begun := people+strangers, s.at
	for n := range total {
		x := Exchange{Request: Request{Method: "POST", Path: "/api/login", UserAgent: townProgram}, Status: 200, Bytes: 480}
		s.next++
		client := fmt.Sprintf("10.%d.%d.1", s.next/200%200, s.next%200)
		x.Account = fmt.Sprintf("person%d", s.next)
		stranger := n*strangers/total != (n+1)*strangers/total
		switch {
		case stranger:
			x.Account, x.Status, x.Bytes = fmt.Sprintf("leaked%d", s.next), 401, 70
			client = fmt.Sprintf("172.%d.%d.%d", 16+s.next/50_000%16, s.next/200%250, s.next%200)
		case n%10 == 9:
			failed := x
			failed.Status, failed.Bytes = 401, 70
			s.found = append(s.found, s.answer(client, failed)...)
		}
		if change != nil {
			change(&x)
		}
		s.found = append(s.found, s.answer(client, x)...)
		for k := range 2 {
			if !stranger { // who goes on
				s.found = append(s.found, s.answer(client, Exchange{Request: Request{Path: fmt.Sprint("/api/accounts/", k), Account: x.Account, UserAgent: x.UserAgent}, Status: 200})...)
			}
		}
		s.wait(time.Minute / time.Duration(total))
	}
	s.at = begun.Add(time.Minute)
}

// of the findings, those of a rule.
func (s *townsfolk) of(rule string) (all []Finding) {
	for _, f := range s.found {
		if f.Rule == rule {
			all = append(all, f)
		}
	}
	return all
}

func TestACampaignFromEverywhereIsToldOfTheRouteOnceInAWhile(t *testing.T) {
	s := town(t, 20, 60)
	list := func(x *Exchange) {
		if x.Status == 401 {
			x.UserAgent = "combo/1.0"
		}
	}
	s.minute(20, 60, list)
	if found := s.of(campaignRule); len(found) > 0 {
		t.Fatalf("a single minute is told of: %s", found[0].Reason)
	}
	for range 13 {
		s.minute(20, 60, list)
	}
	found := s.of(campaignRule)
	if len(found) != 1 {
		t.Fatalf("told %d times in a quarter of an hour, want once", len(found))
	}
	f := found[0]
	if f.Actor != (Target{Route: "POST /api/login"}) || f.Severity != Critical || f.Decision != nil || f.At.Sub(noon) > 62*time.Minute {
		t.Errorf("the finding is %+v", f)
	}
	for _, part := range []string{`"POST /api/login": `, "failed sign-ins in the last minute, ", "(p < 1e-9), for 2 minutes", `% of them with user agent "combo/1.0"`} {
		if !strings.Contains(f.Reason, part) {
			t.Errorf("the reason is %q, without %q", f.Reason, part)
		}
	}
	if r := f.Receipt(); !r.Recount().Fires {
		t.Errorf("the receipt denies it: %s", r.Recount().Why)
	}
	for range 4 {
		s.minute(20, 60, list)
	}
	if n := len(s.of(campaignRule)); n != 2 {
		t.Errorf("told %d times in eighteen minutes, want twice", n)
	}
}

func TestASlowerCampaignIsToldWhenItGoesOn(t *testing.T) {
	s := town(t, 20, 60)
	for range 4 {
		s.minute(20, 22, nil)
	}
	if found := s.of(campaignRule); len(found) > 0 {
		t.Fatalf("told after four minutes: %s", found[0].Reason)
	}
	s.minute(20, 22, nil)
	if len(s.of(campaignRule)) != 1 {
		t.Error("not told after five minutes")
	}
}

func TestFailuresThatHaveAnotherReasonAreNoCampaign(t *testing.T) {
	for name, happens := range map[string]func(*townsfolk){
		"Monday morning": func(s *townsfolk) {
			for n := range 20 {
				s.minute(5+20*n, 0, nil)
			}
		},
		"a mailing that doubles sign-ins, of whom many forgot": func(s *townsfolk) {
			for range 20 {
				s.minute(10, 2, nil)
			}
		},
		"one program that can't stop": func(s *townsfolk) {
			for range 5 * 60 {
				s.found = append(s.found, s.answer("198.18.0.7", Exchange{Request: Request{Method: "POST", Path: "/api/login", Account: "old"}, Status: 401})...)
				s.wait(time.Second)
			}
		},
		"nobody gets in, and those fail who used to": func(s *townsfolk) {
			for range 10 {
				for range 100 {
					s.next++
					n := 1 + s.next%300 // who came within the hour, and gets on
					x := Exchange{Request: Request{Method: "POST", Path: "/api/login", Account: fmt.Sprintf("person%d", n), UserAgent: townProgram}, Status: 401}
					s.found = append(s.found, s.answer(fmt.Sprintf("10.%d.%d.1", n/200, n%200), x)...)
					s.wait(600 * time.Millisecond)
				}
			}
		},
		"the API answers 5xx": func(s *townsfolk) {
			for n := range 12 { // who is there already
				for k := range 4 {
					s.answer(fmt.Sprintf("192.0.2.%d", n), Exchange{Request: Request{Path: fmt.Sprint("/api/", k), Account: "here"}, Status: 200})
				}
			}
			for range 5 {
				for n := range 12 {
					s.answer(fmt.Sprintf("192.0.2.%d", n), Exchange{Request: Request{Method: "POST", Path: "/api/login", Account: "here"}, Status: 502})
				}
				s.minute(5, 60, nil)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := town(t, 5, 60)
			happens(s)
			if found := s.of(campaignRule); len(found) > 0 {
				t.Errorf("told of: %s", found[0].Reason)
			}
		})
	}
}

func TestNothingIsToldOfAnEndpointThatIsNotKnownYet(t *testing.T) {
	s := town(t, 20, 5)
	for range 5 {
		s.minute(20, 60, nil)
	}
	if found := s.of(campaignRule); len(found) > 0 {
		t.Errorf("told of: %s", found[0].Reason)
	}
}

func TestEndpointsThatNobodyUsesDisplaceNone(t *testing.T) {
	s := town(t, 20, 60)
	for n := range 200 {
		s.answer("198.18.0.7", Exchange{Request: Request{Method: "POST", Path: fmt.Sprintf("/%d/login", n), Account: "x"}, Status: 401})
	}
	for range 3 {
		s.minute(20, 60, nil)
	}
	if len(s.of(campaignRule)) != 1 {
		t.Error("the campaign is not told of")
	}
}

const attemptRule = "failed-attempt"

func TestStrangersWhoFailWithWhatNobodyUsesAreNotedOnceEach(t *testing.T) {
	s := town(t, 20, 60)
	rare := func(x *Exchange) {
		if x.Status == 401 {
			x.UserAgent = "Mozilla/5.0 (Windows NT 6.1) Chrome/79"
		}
	}
	for range 6 {
		s.minute(0, 10, rare)
	}
	found := s.of(attemptRule)
	if len(found) != 60-manyFruitless+1 {
		t.Fatalf("noted %d of 60", len(found))
	}
	for _, f := range found {
		if !f.Weak || f.Decision != nil || len(f.Tokens) < 2 || f.Tokens[0].Weight+f.Tokens[1].Weight < linkingSum {
			t.Fatalf("the finding is %+v", f)
		}
	}
	again := Exchange{Request: Request{Method: "POST", Path: "/api/login", Account: "x", UserAgent: "Mozilla/5.0 (Windows NT 6.1) Chrome/79"}, Status: 401}
	if found := s.answer(found[0].Client.String(), again); len(found) > 0 {
		t.Errorf("noted again at once: %v", found)
	}
}

func TestPeopleWhoMistypeAreNotNoted(t *testing.T) {
	s := town(t, 20, 60)
	for range 10 {
		s.minute(20, 10, nil) // with the program that all use
	}
	if found := s.of(attemptRule); len(found) > 0 {
		t.Errorf("noted: %s", found[0].Reason)
	}
}

func TestACampaignThatGoesOnOverARestartIsToldAsIfThereWereNone(t *testing.T) {
	told := func(restart bool) (said []string) {
		s := town(t, 20, 60)
		for minute := range 6 {
			s.minute(20, 60, func(x *Exchange) {
				if x.Status == 401 {
					x.UserAgent = "combo/1.0"
				}
			})
			if restart && minute == 0 {
				snapshot := snapshotOf(t, s.Engine)
				s.Engine = newEngine(t, lenient)
				if err := s.Resume(bytes.NewReader(snapshot)); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(snapshotOf(t, s.Engine), snapshot) {
					t.Error("a snapshot of what was resumed is another")
				}
			}
		}
		for _, f := range s.of(campaignRule) {
			said = append(said, f.At.String()+" "+f.Reason)
		}
		return said
	}
	if with, without := told(true), told(false); len(without) == 0 || !slices.Equal(with, without) {
		t.Errorf("it is told as %q, not as %q", with, without)
	}
}
