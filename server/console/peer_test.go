package console_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A frame of graphql-transport-ws.
type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// A peer speaks graphql-transport-ws to a house.
type peer struct {
	t      testing.TB
	conn   *websocket.Conn
	frames chan frame
	code   chan int // why it was closed; 0 without a reason
}

// dial opens a socket and listens to it, unless it is refused.
func (h *house) dial(protocol string, headers ...string) (*peer, int) {
	h.t.Helper()
	p, code := h.dialDeaf(protocol, headers...)
	if p != nil {
		go p.listen()
	}
	return p, code
}

// dialDeaf opens a socket that nobody reads from yet.
func (h *house) dialDeaf(protocol string, headers ...string) (*peer, int) {
	h.t.Helper()
	header := http.Header{}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		header.Add(name, value)
	}
	d := websocket.Dialer{NetDialContext: h.pipes.dial, EnableCompression: true}
	if protocol != "" {
		d.Subprotocols = strings.Split(protocol, ", ")
	}
	c, a, err := d.DialContext(h.t.Context(), "ws://"+host+"/graphql", header)
	if err != nil {
		if a == nil {
			h.t.Fatal(err)
		}
		return nil, a.StatusCode
	}
	if x := a.Header.Get("Sec-WebSocket-Extensions"); x != "" {
		h.t.Errorf("the socket agreed to %s", x)
	}
	p := &peer{t: h.t, conn: c, frames: make(chan frame, 10_000), code: make(chan int, 1)}
	h.t.Cleanup(func() { _ = c.Close() })
	return p, a.StatusCode
}

func (p *peer) listen() {
	defer close(p.frames)
	for {
		_, b, err := p.conn.ReadMessage()
		if err != nil {
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				p.code <- closed.Code
			} else {
				p.code <- 0
			}
			return
		}
		var f frame
		if err := json.Unmarshal(b, &f); err != nil {
			p.t.Errorf("%s: %v", b, err)
		}
		p.frames <- f
	}
}

// join opens a socket and is welcomed.
func (h *house) join(headers ...string) *peer {
	h.t.Helper()
	p, code := h.dial("graphql-transport-ws", headers...)
	if p == nil {
		h.t.Fatalf("the socket is refused with %d", code)
	}
	p.say(frame{Type: "connection_init"})
	if f := p.next(); f.Type != "connection_ack" {
		h.t.Fatalf("the answer to the init is %+v", f)
	}
	return p
}

func (p *peer) say(f frame) {
	p.t.Helper()
	if err := p.conn.WriteJSON(f); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) ask(id, query string) {
	p.t.Helper()
	payload, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		p.t.Fatal(err)
	}
	p.say(frame{ID: id, Type: "subscribe", Payload: payload})
}

// next is the next frame but pings, which are answered.
func (p *peer) next() frame {
	p.t.Helper()
	for {
		select {
		case f, open := <-p.frames:
			if !open {
				p.t.Fatalf("the socket was closed with %d", <-p.code)
			}
			if f.Type == "ping" {
				p.say(frame{Type: "pong"})
				continue
			}
			return f
		case <-time.After(10 * time.Second):
			p.t.Fatal("nothing came")
		}
	}
}

// data decodes the data of the next frame, which belongs to an operation.
func (p *peer) data(id string, into any) {
	p.t.Helper()
	f := p.next()
	var payload struct {
		Data   json.RawMessage
		Errors []problem
	}
	if f.Type != "next" || f.ID != id || json.Unmarshal(f.Payload, &payload) != nil || len(payload.Errors) > 0 {
		p.t.Fatalf("got %+v, want the next of %s: %s", f, id, f.Payload)
	}
	if err := json.Unmarshal(payload.Data, into); err != nil {
		p.t.Fatal(err)
	}
}

// closed waits for the end and says with which code it came.
func (p *peer) closed() int {
	p.t.Helper()
	select {
	case code := <-p.code:
		return code
	case <-time.After(2 * time.Minute):
		p.t.Fatal("the socket stays open")
		return 0
	}
}
