package console_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sentinel-protocol/sentinel/server/console"
)

func TestSocketsAreCounted(t *testing.T) {
	h := open(t, func(c *console.Config) { c.Sockets = 2 })
	first := h.join()
	h.join()
	if _, code := h.dial(modern); code != 503 {
		t.Errorf("the third is answered %d", code)
	}
	_ = first.conn.Close()
	eventually(t, "one that left makes room", func() bool {
		p, _ := h.dial(modern)
		return p != nil
	})
}

func TestWhoDoesNotSayHelloIsHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p, _ := h.dial(modern)
		start := time.Now()
		if code := p.closed(); code != 4408 {
			t.Errorf("closed with %d", code)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

func TestWhoAnswersNoPingIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p := h.join()
		start := time.Now()
		p.closed()
		if took := time.Since(start); took > 90*time.Second {
			t.Errorf("after %s", took)
		}
	})
}

func TestWhoAnswersPingsStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p := h.join()
		for range 12 { // five minutes
			if f := <-p.frames; f.Type != "ping" {
				t.Fatalf("got %+v", f)
			}
			p.say(frame{Type: "pong"})
		}
		p.ask("1", "{me{name}}")
		p.data("1", &struct{}{})
	})
}

func TestWhoIsNotSignedInIsTurnedAwayForGood(t *testing.T) {
	h := open(t, func(c *console.Config) { c.Demo = false })
	p, _ := h.dial(modern)
	p.say(frame{Type: "connection_init"})
	if code := p.closed(); code != 4401 {
		t.Errorf("closed with %d, want the code after which clients don't come back", code)
	}
}

func TestHangingUpSaysThatTheServerGoesAway(t *testing.T) {
	h := open(t)
	peers := []*peer{h.join(), h.join()}
	idle, _ := h.dial(modern)
	peers[0].ask("1", "subscription{alertRaised{id}}")
	h.ui.HangUp()
	for _, p := range append(peers, idle) {
		if code := p.closed(); code != websocket.CloseGoingAway {
			t.Errorf("closed with %d", code)
		}
	}
	h.must(h.ui.Close())
	if _, code := h.dial(modern); code != 503 {
		t.Errorf("a socket that comes later is answered %d", code)
	}
}

func TestASlowSubscriberIsHungUpOnAndNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		quick := h.join()
		quick.ask("1", "subscription{decisionChanged{id}}")
		slow, _ := h.dialDeaf(modern)
		slow.say(frame{Type: "connection_init"})
		_, _, err := slow.conn.ReadMessage()
		h.must(err)
		slow.ask("1", "subscription{decisionChanged{id}}")
		synctest.Wait()

		start := time.Now()
		const news = 300 // the queue holds 256
		for range news {
			h.mustAsk(nil, `mutation{block(input:{target:"198.51.100.9"}){id}}`, nil)
		}
		for range news {
			quick.data("1", &struct{}{})
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("the others waited %s", took)
		}
		go slow.listen()
		if code := slow.closed(); code != 4408 {
			t.Errorf("closed with %d, want behind", code)
		}
		for f := range slow.frames {
			if f.Type == "complete" {
				t.Error("it was told that there was no more news")
			}
		}
	})
}

func TestAPeerThatStopsReadingIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p, _ := h.dialDeaf(modern)
		p.say(frame{Type: "connection_init"})
		_, _, err := p.conn.ReadMessage()
		h.must(err)
		p.ask("1", "subscription{decisionChanged{id}}")
		synctest.Wait()
		h.mustAsk(nil, `mutation{block(input:{target:"198.51.100.9"}){id}}`, nil)
		time.Sleep(6 * time.Second) // of the bubble: longer than a write may take
		synctest.Wait()
		if h.guard.News().DecisionChanged.Watched() {
			t.Error("it still listens")
		}
	})
}
