package console_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

const modern = "graphql-transport-ws"

func TestOnlyTheConsolesOwnPageOpensASocket(t *testing.T) {
	h := open(t)
	for name, c := range map[string]struct {
		headers []string
		code    int
	}{
		"its own page":                       {[]string{"Origin: http://" + host, "Sec-Fetch-Site: same-origin"}, 101},
		"a program that is no browser":       {nil, 101},
		"another site":                       {[]string{"Origin: https://evil.test"}, 403},
		"a site whose name begins like ours": {[]string{"Origin: http://" + host + ".evil.test"}, 403},
		"another port":                       {[]string{"Origin: http://sentinel.test:1"}, 403},
		"another scheme":                     {[]string{"Origin: https://" + host}, 403},
		"a sandboxed frame":                  {[]string{"Origin: null"}, 403},
		"two origins":                        {[]string{"Origin: http://" + host, "Origin: https://evil.test"}, 403},
		"a browser that says no origin":      {[]string{"Sec-Fetch-Site: cross-site"}, 403},
		"the same without a site":            {[]string{"Sec-Fetch-Site: same-origin"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			if _, code := h.dial(modern, c.headers...); code != c.code {
				t.Errorf("answers %d, want %d", code, c.code)
			}
		})
	}
}

func TestOtherProtocolsAreRefusedBeforeTheUpgrade(t *testing.T) {
	h := open(t)
	for _, protocol := range []string{"", "graphql-ws", "chat"} {
		if _, code := h.dial(protocol); code != 400 {
			t.Errorf("%q is answered %d", protocol, code)
		}
	}
	if p, code := h.dial("graphql-ws, " + modern); code != 101 || p.conn.Subprotocol() != modern {
		t.Errorf("among others it is answered %d", code)
	}
}

func TestWhoBreaksTheProtocolIsToldHow(t *testing.T) {
	h := open(t)
	const begin, quiet = `{"type":"connection_init"}`, `{"id":"1","type":"subscribe","payload":{"query":"subscription{alertRaised{id}}"}}`
	for name, c := range map[string]struct {
		says []string
		code int
	}{
		"two inits":                  {[]string{begin, begin}, 4429},
		"an operation before it":     {[]string{quiet}, 4401},
		"one id twice":               {[]string{begin, quiet, quiet}, 4409},
		"no JSON":                    {[]string{`{not json`}, 4400},
		"no JSON later":              {[]string{begin, `[`}, 4400},
		"an unknown type":            {[]string{begin, `{"type":"stop","id":"1"}`}, 4400},
		"an init that is no object":  {[]string{`{"type":"connection_init","payload":"token"}`}, 4400},
		"an operation without an id": {[]string{begin, `{"type":"subscribe","payload":{"query":"{me{name}}"}}`}, 4400},
		"an operation of nothing":    {[]string{begin, `{"type":"subscribe","id":"1"}`}, 4400},
		"an id without end":          {[]string{begin, `{"type":"subscribe","payload":{},"id":"` + strings.Repeat("a", 200) + `"}`}, 4400},
		"more than a message":        {[]string{begin, `{"type":"ping","payload":{"a":"` + strings.Repeat("a", 65<<10) + `"}}`}, websocket.CloseMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := h.dial(modern)
			for i, m := range c.says {
				_ = p.conn.WriteMessage(websocket.TextMessage, []byte(m)) // it may be closed already
				if i == 0 && m == begin {
					p.next()
				}
			}
			if code := p.closed(); code != c.code {
				t.Errorf("closed with %d, want %d", code, c.code)
			}
		})
	}
	t.Run("bytes", func(t *testing.T) {
		p := h.join()
		_ = p.conn.WriteMessage(websocket.BinaryMessage, []byte(begin))
		if code := p.closed(); code != 4400 {
			t.Errorf("closed with %d", code)
		}
	})
}

func TestAFragmentedMessageIsNotGatheredWithoutEnd(t *testing.T) {
	h := open(t)
	p := h.join()
	w, err := p.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	piece := []byte(strings.Repeat("a", 8<<10)) // longer than the write buffer: a frame each
	for range 20 {
		if _, err := w.Write(piece); err != nil {
			break
		}
	}
	if code := p.closed(); code != websocket.CloseMessageTooBig && code != 0 {
		t.Errorf("closed with %d", code)
	}
}

func TestQuestionsAndChangesAreAnsweredOverASocketToo(t *testing.T) {
	h := open(t)
	p := h.join()
	var me struct{ Me struct{ Name string } }
	p.ask("1", "{me{name}}")
	p.data("1", &me)
	if me.Me.Name != "demo admin" {
		t.Errorf("I am %q", me.Me.Name)
	}
	if f := p.next(); f.Type != "complete" || f.ID != "1" {
		t.Errorf("then %+v", f)
	}
	p.ask("1", `mutation{block(input:{target:"198.51.100.9"}){target{label}}}`) // the id is free again
	var made struct {
		Block struct{ Target struct{ Label string } }
	}
	p.data("1", &made)
	if made.Block.Target.Label != "198.51.100.9" {
		t.Errorf("blocked %q", made.Block.Target.Label)
	}
}

func TestLimitsHoldOverASocketToo(t *testing.T) {
	h := open(t)
	p := h.join()
	p.ask("1", `{alerts(first:500){edges{node{exchanges(first:500){id path}}}}}`)
	if f := p.next(); f.ID != "1" || !strings.Contains(string(f.Payload), "TOO_COMPLEX") {
		t.Errorf("got %+v %s", f, f.Payload)
	}
	if f := p.next(); f.Type != "complete" || f.ID != "1" {
		t.Errorf("then %+v", f)
	}
}

func TestAnErrorEndsItsOperationAlone(t *testing.T) {
	h := open(t)
	p := h.join()
	p.ask("bad", `subscription{nothing}`)
	if f := p.next(); f.Type != "error" || f.ID != "bad" || !strings.Contains(string(f.Payload), `"INVALID"`) {
		t.Fatalf("got %+v %s", f, f.Payload)
	}
	p.ask("good", `{me{name}}`)
	if f := p.next(); f.Type != "next" || f.ID != "good" { // no complete follows an error
		t.Errorf("then %+v", f)
	}
}

func TestTwentyOperationsRunOnASocket(t *testing.T) {
	h := open(t)
	p := h.join()
	for i := range 20 {
		p.ask(strconv.Itoa(i), "subscription{alertRaised{id}}")
	}
	p.ask("one more", "subscription{alertRaised{id}}")
	f := p.next()
	if f.Type != "error" || f.ID != "one more" || !strings.Contains(string(f.Payload), "TOO_COMPLEX") {
		t.Fatalf("got %+v %s", f, f.Payload)
	}
	p.say(frame{ID: "7", Type: "complete"})
	eventually(t, "an operation that ended makes room", func() bool {
		p.ask("again", "{me{name}}")
		return p.next().Type == "next"
	})
}

func TestAnIDIsFreeAgainOnceItsOperationWasEnded(t *testing.T) {
	h := open(t)
	p := h.join()
	for range 15 {
		p.ask("1", "subscription{alertRaised{id}}")
		p.say(frame{ID: "1", Type: "complete"})
	}
	p.ask("1", "subscription{alertRaised{title}}")
	p.ask("2", "{me{name}}")
	p.data("2", &struct{}{}) // what was asked before has been taken in
	p.next()
	eventually(t, "the last one listens", func() bool { return h.guard.News().AlertRaised.Watched() })
	h.trip("198.51.100.7")
	var got struct{ AlertRaised struct{ Title string } }
	p.data("1", &got)
	if got.AlertRaised.Title == "" {
		t.Error("the alert has no title")
	}
	p.say(frame{ID: "1", Type: "complete"})
	eventually(t, "nobody listens any more", func() bool { return !h.guard.News().AlertRaised.Watched() })
}

func TestAFloodOfMessagesEndsTheSocket(t *testing.T) {
	h := open(t)
	p := h.join()
	for i := range 10_000 {
		payload := json.RawMessage(`{"query":"subscription{alertRaised{id}}"}`)
		if p.conn.WriteJSON(frame{ID: strconv.Itoa(i), Type: "subscribe", Payload: payload}) != nil {
			break
		}
	}
	if code := p.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d", code)
	}
	eventually(t, "nothing listens any more", func() bool { return !h.guard.News().AlertRaised.Watched() })
}

func TestOperationsPerSecondAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		p := h.join()
		run := func(n int) (refused int) {
			for range n {
				p.ask("1", "{me{name}}")
				for f := p.next(); f.Type != "complete"; f = p.next() {
					if f.Type == "error" {
						refused++
						break
					}
				}
			}
			return refused
		}
		if refused := run(100); refused != 40 {
			t.Errorf("of 100 at once %d are refused, want 40", refused)
		}
		time.Sleep(time.Second) // of the bubble: no time passes
		if refused := run(20); refused != 0 {
			t.Errorf("a second later %d of 20 are refused", refused)
		}
	})
}
