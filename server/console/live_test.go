package console_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestNewsReachWhoeverAskedForThem(t *testing.T) {
	h := open(t)
	p := h.join()
	p.ask("raised", `subscription{alertRaised{id severity status actor{label} decision{action target{label}}}}`)
	p.ask("decided", `subscription{decisionChanged{id action state target{label} alert{title}}}`)
	n := h.guard.News()
	eventually(t, "both are heard", func() bool { return n.AlertRaised.Watched() && n.DecisionChanged.Watched() })
	h.trip("198.51.100.7")

	got := map[string]frame{}
	for range 2 {
		f := p.next()
		got[f.ID] = f
	}
	for id, want := range map[string]string{
		"raised":  `{"data":{"alertRaised":{"id":"`,
		"decided": `{"data":{"decisionChanged":{"id":"D-`,
	} {
		if s := string(got[id].Payload); len(s) < len(want) || s[:len(want)] != want {
			t.Errorf("%s brings %s", id, s)
		}
	}

	var alerts struct {
		Alerts struct {
			Edges []struct{ Node struct{ ID string } }
		}
	}
	h.mustAsk(&alerts, "{alerts{edges{node{id}}}}", nil)
	p.ask("changed", `subscription{alertChanged{status resolvedBy}}`)
	eventually(t, "changes are heard", n.AlertChanged.Watched)
	h.mustAsk(nil, `mutation($id: ID!){resolve(ids: [$id], lift: true){id}}`, map[string]any{"id": alerts.Alerts.Edges[0].Node.ID})
	seen := map[string]string{}
	for range 2 {
		f := p.next()
		seen[f.ID] = string(f.Payload)
	}
	if seen["changed"] != `{"data":{"alertChanged":{"status":"RESOLVED","resolvedBy":"demo admin"}}}` {
		t.Errorf("the alert that was resolved: %s", seen["changed"])
	}
	if seen["decided"] == "" {
		t.Error("nobody says that the block was lifted")
	}
}

func TestFiguresComeEverySecondWithTrafficAndEveryFiveWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p := h.join()
		p.ask("stats", `subscription{statsChanged(window:"1h"){now{requests} requestsPerSecond topEndpoints(first:1){path} statusMix{status}}}`)
		p.ask("minute", `subscription{timelineTicked{at requests}}`)
		synctest.Wait()
		count := func(span time.Duration) map[string]int {
			n := map[string]int{}
			for deadline := time.After(span); ; {
				select {
				case f := <-p.frames:
					if f.Type == "ping" {
						p.say(frame{Type: "pong"})
						continue
					}
					n[f.ID]++
				case <-deadline:
					return n
				}
			}
		}
		if n := count(time.Minute + time.Millisecond); n["stats"] < 12 || n["stats"] > 13 || n["minute"] != n["stats"] {
			t.Errorf("a quiet minute brings %v", n)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 300 { // half a minute, ten a second
				h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
				time.Sleep(100 * time.Millisecond)
			}
		}()
		if n := count(30 * time.Second); n["stats"] < 29 || n["stats"] > 31 || n["minute"] != n["stats"] {
			t.Errorf("half a busy minute brings %v", n)
		}
		<-done
	})
}

func TestTheMinuteThatTicksHoldsWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p := h.join()
		p.ask("1", `subscription{timelineTicked{at requests refused}}`)
		synctest.Wait()
		for range 7 {
			h.traffic(exchange("198.51.100.7", "GET", "/api/balance", 200))
		}
		h.flush()
		var got struct {
			TimelineTicked struct {
				At       time.Time
				Requests int
			}
		}
		p.data("1", &got)
		if got.TimelineTicked.Requests != 7 || !got.TimelineTicked.At.Equal(time.Now().Truncate(time.Minute)) {
			t.Errorf("got %+v", got)
		}
	})
}

type seen struct {
	ExchangesSeen struct {
		Exchanges []struct {
			Path, ID string
			Refused  bool
		}
		Skipped int
	}
}

func TestTrafficIsShownInBatchesThatCanBeFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p := h.join()
		p.ask("1", `subscription{exchangesSeen{exchanges{path id refused} skipped}}`)
		synctest.Wait()
		const each, ms = 10, 3000
		go func() {
			for i := range ms / 10 { // a thousand a second
				for j := range each {
					h.traffic(exchange("198.51.100."+strconv.Itoa(i%200), "GET", "/api/"+strconv.Itoa(j), 200))
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		start, batches, shown, skipped := time.Now(), 0, 0, 0
		for shown+skipped < ms/10*each {
			var got seen
			p.data("1", &got)
			batches++
			if n := len(got.ExchangesSeen.Exchanges); n == 0 || n > 50 {
				t.Fatalf("a batch of %d", n)
			}
			shown += len(got.ExchangesSeen.Exchanges)
			skipped += got.ExchangesSeen.Skipped
			for i, x := range got.ExchangesSeen.Exchanges[1:] {
				if x.ID >= got.ExchangesSeen.Exchanges[i].ID {
					t.Fatal("not the newest first")
				}
			}
		}
		took := time.Since(start)
		if most := int(took/(250*time.Millisecond)) + 1; batches > most {
			t.Errorf("%d batches in %s", batches, took)
		}
		if shown+skipped != ms/10*each || skipped == 0 {
			t.Errorf("%d are shown and %d skipped of %d", shown, skipped, ms/10*each)
		}
	})
}

func TestAFilterIsAppliedBeforeTrafficIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p := h.join()
		for id, filter := range map[string]string{
			"client":  `{client:"198.51.100.0/24"}`,
			"path":    `{path:"BALANCE"}`,
			"whole":   `{path:"=/api/login"}`,
			"method":  `{methods:["POST"]}`,
			"status":  `{status:401}`,
			"class":   `{statusClass:4}`,
			"key":     `{keyPrefix:"other"}`,
			"refused": `{refused:true}`,
			"none":    `{client:"192.0.2.1"}`,
			"watched": `{monitored:true}`,
		} {
			p.ask(id, `subscription{exchangesSeen(filter:`+filter+`){exchanges{path} skipped}}`)
		}
		h.mustAsk(nil, `mutation{monitor(input:{target:"203.0.113.5"}){id}}`, nil)
		synctest.Wait()
		login := exchange("203.0.113.4", "POST", "/api/login", 401)
		other := exchange("203.0.113.5", "GET", "/api/history", 200)
		other.Key = engine.Key{Hash: [16]byte{2}, Prefix: "otherkey"}
		for _, x := range []engine.Exchange{
			exchange("198.51.100.7", "GET", "/api/balance", 200), login, other,
			exchange("203.0.113.9", "GET", "/api/admin", 200),
		} {
			h.traffic(x)
		}
		h.flush()
		time.Sleep(time.Second)
		synctest.Wait()
		got := map[string][]string{}
		for len(p.frames) > 0 {
			f := <-p.frames
			var batch struct{ Data seen }
			must(t, f.Payload, &batch)
			for _, x := range batch.Data.ExchangesSeen.Exchanges {
				got[f.ID] = append(got[f.ID], x.Path)
			}
		}
		for id, want := range map[string][]string{
			"client": {"/api/balance"}, "path": {"/api/balance"}, "whole": {"/api/login"}, "method": {"/api/login"},
			"status": {"/api/login"}, "class": {"/api/admin", "/api/login"}, "key": {"/api/history"},
			"refused": {"/api/admin"}, "none": nil, "watched": {"/api/history"},
		} {
			if len(got[id]) != len(want) {
				t.Errorf("%s shows %v, want %v", id, got[id], want)
				continue
			}
			for i := range want {
				if got[id][i] != want[i] {
					t.Errorf("%s shows %v, want %v", id, got[id], want)
				}
			}
		}
	})
}

func TestFiguresAreReadOnlyWhileSomebodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p := h.join()
		p.ask("1", `subscription{exchangesSeen{skipped}}`)
		p.ask("2", `subscription{statsChanged{now{requests}}}`)
		synctest.Wait()
		if !h.guard.News().ExchangesSeen.Watched() {
			t.Fatal("nobody reads the traffic")
		}
		p.say(frame{ID: "1", Type: "complete"})
		p.say(frame{ID: "2", Type: "complete"})
		synctest.Wait()
		if h.guard.News().ExchangesSeen.Watched() {
			t.Error("the traffic is read for nobody")
		}
		p.ask("1", `subscription{exchangesSeen{skipped}}`)
		synctest.Wait()
		if !h.guard.News().ExchangesSeen.Watched() {
			t.Error("who comes later gets nothing")
		}
	})
}

func TestOnlySoManyWindowsAreWatched(t *testing.T) {
	h := open(t)
	p := h.join()
	for i := range 17 {
		p.ask(strconv.Itoa(i), `subscription{statsChanged(window:"`+strconv.Itoa(i+1)+`m"){now{requests}}}`)
	}
	eventually(t, "one of seventeen is refused", func() bool { return strings.Contains(string(p.next().Payload), "TOO_COMPLEX") })
}
