package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gorilla/websocket"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/access"
)

// What one socket may do.
const (
	writeTimeout        = 5 * time.Second // a peer that stops reading is dropped after this
	farewell            = time.Second     // for the peer to answer a close
	mostOperations      = 20              // at once
	operationsBurst     = 60
	operationsPerSecond = 20
	messagesBurst       = 300
	messagesPerSecond   = 100
	longestID           = 128
)

// Close codes of graphql-transport-ws.
const (
	closeBadRequest   = 4400
	closeUnauthorized = 4401
	closeInitTimeout  = 4408
	closeDuplicate    = 4409
	closeTooManyInits = 4429
	closeTryAgain     = 1013
)

// A socket keeps a client to the protocol before gqlgen hears of what it says: one
// connection_init, no operation before it, each id once at a time, and not too many of them.
// gqlgen knows operations by numbers of ours, so that an id that is used again can't reach the
// operation that had it before.
type socket struct {
	conn *websocket.Conn
	from string      // address of the client
	site string      // as its page calls the console
	pass access.Pass // what let it in; zero before, and in the demo. Under sockets.mu

	writing sync.Mutex // gorilla allows one writer

	mu         sync.Mutex
	closing    bool // a close frame was sent, or will be: nothing follows it
	greeted    bool // connection_init came
	welcomed   bool // connection_ack went
	last       int
	operations map[string]*operationOf // by our number, until gqlgen is through with it
	byClient   map[string]*operationOf // by the client's id, until it is free again

	started, messages bucket // of the reader alone
}

type operationOf struct{ id, number string }

var (
	_ transport.WebsocketConn          = (*socket)(nil)
	_ transport.WebsocketReadLimiter   = (*socket)(nil)
	_ transport.WebsocketReadDeadliner = (*socket)(nil)
)

type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

func (k *socket) Subprotocol() string                { return k.conn.Subprotocol() }
func (k *socket) SetReadLimit(n int64)               { k.conn.SetReadLimit(n) }
func (k *socket) SetReadDeadline(at time.Time) error { return k.readUntil(at) }
func (k *socket) Close() error                       { return k.conn.Close() }

// readUntil does not prolong a farewell.
func (k *socket) readUntil(at time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closing {
		return nil
	}
	return k.conn.SetReadDeadline(at)
}

// NextReader gives gqlgen the next message that the protocol allows.
func (k *socket) NextReader() (int, io.Reader, error) {
	for {
		kind, b, err := k.conn.ReadMessage()
		if err != nil {
			if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
				err = transport.ErrWebsocketClosed
			}
			return 0, nil, err
		}
		now := time.Now()
		var f frame
		switch {
		case !k.messages.take(now):
			return k.violation(websocket.ClosePolicyViolation, "too many messages")
		case kind != websocket.TextMessage || json.Unmarshal(b, &f) != nil || len(f.ID) > longestID:
			return k.violation(closeBadRequest, "invalid message")
		}
		switch does := k.hear(&f, now); {
		case does.code != 0:
			return k.violation(does.code, does.why)
		case does.reply != nil:
			_ = k.write(*does.reply) // a peer that is gone is noticed by the next read
		case does.pass:
			b, err := json.Marshal(f)
			return kind, bytes.NewReader(b), err
		}
	}
}

// What becomes of a message: it is passed on, answered here, or the end; or nothing.
type fate struct {
	pass  bool
	reply *frame
	code  int
	why   string
}

func (k *socket) hear(f *frame, now time.Time) fate {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch f.Type {
	case "ping":
		return fate{reply: &frame{Type: "pong", Payload: f.Payload}}
	case "pong":
		return fate{pass: k.welcomed}
	case "connection_init":
		var payload map[string]any
		switch {
		case k.greeted:
			return fate{code: closeTooManyInits, why: "Too many initialisation requests"}
		case len(f.Payload) > 0 && json.Unmarshal(f.Payload, &payload) != nil:
			return fate{code: closeBadRequest, why: "invalid message"}
		}
		k.greeted = true
		return fate{pass: true}
	case "subscribe":
		return k.subscribe(f, now)
	case "complete":
		op := k.byClient[f.ID]
		if op == nil {
			return fate{} // it ended on its own meanwhile
		}
		delete(k.byClient, f.ID)
		f.ID, f.Payload = op.number, nil
		return fate{pass: true}
	}
	return fate{code: closeBadRequest, why: "invalid message"}
}

func (k *socket) subscribe(f *frame, now time.Time) fate {
	var payload map[string]json.RawMessage
	switch {
	case !k.welcomed:
		return fate{code: closeUnauthorized, why: "Unauthorized"}
	case f.ID == "" || json.Unmarshal(f.Payload, &payload) != nil || payload == nil:
		return fate{code: closeBadRequest, why: "invalid message"}
	case k.byClient[f.ID] != nil:
		return fate{code: closeDuplicate, why: "Subscriber for this id already exists"}
	case len(k.operations) >= mostOperations:
		return decline(f.ID, fmt.Sprintf("At most %d operations may run on one socket.", mostOperations))
	case !k.started.take(now):
		return decline(f.ID, fmt.Sprintf("At most %d operations a second may be started on one socket.", operationsPerSecond))
	}
	k.last++
	op := &operationOf{f.ID, strconv.Itoa(k.last)}
	k.operations[op.number], k.byClient[op.id] = op, op
	f.ID = op.number
	return fate{pass: true}
}

// decline answers an operation that is not run.
func decline(id, why string) fate {
	payload, err := json.Marshal([]any{map[string]any{
		"message": why, "extensions": map[string]any{"code": graph.TooComplex},
	}})
	if err != nil {
		panic(err) // of plain values
	}
	return fate{reply: &frame{ID: id, Type: "error", Payload: payload}}
}

// WriteJSON sends a message of gqlgen under the client's own id. What belongs to an operation
// that the client has ended is dropped. A peer that does not take it in time is dropped too.
func (k *socket) WriteJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var f frame
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if !k.tell(&f) {
		return nil
	}
	return k.write(f)
}

// tell prepares a message for the client and reports whether it is to be sent.
func (k *socket) tell(f *frame) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f.Type == "connection_ack" {
		k.welcomed = true
	}
	if f.ID == "" {
		return true
	}
	op := k.operations[f.ID]
	if op == nil {
		return false // its error was sent, and was its end
	}
	wanted := k.byClient[op.id] == op
	if f.Type == "complete" || f.Type == "error" {
		delete(k.operations, op.number)
		if wanted {
			delete(k.byClient, op.id)
		}
	}
	f.ID = op.id
	return wanted
}

func (k *socket) write(f frame) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if k.leaving() {
		return websocket.ErrCloseSent
	}
	_ = k.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	err := k.conn.WriteJSON(f)
	if err != nil {
		_ = k.conn.Close() // wakes the reader, which ends the operations
	}
	return err
}

func (k *socket) leaving() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closing
}

// hangUp says why and stops talking; it does not wait. The peer has a moment to answer, then the
// reader gives up and everything ends in order.
func (k *socket) hangUp(code int, reason string) {
	if k.leave() {
		go k.sayGoodbye(code, reason)
	}
}

// leave reports whether nobody has closed the socket before.
func (k *socket) leave() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closing {
		return false
	}
	k.closing = true
	return true
}

func (k *socket) sayGoodbye(code int, reason string) {
	// A message that is on its way is let through first, if the peer takes it in time.
	_ = k.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(writeTimeout))
	_ = k.conn.SetReadDeadline(time.Now().Add(farewell))
}

// WriteClose is gqlgen's way to close. It calls Close next.
func (k *socket) WriteClose(code int, reason string) error {
	k.mu.Lock()
	waiting := !k.greeted
	k.mu.Unlock()
	if !k.leave() {
		return nil
	}
	if waiting { // gqlgen's code for it would keep clients from trying again
		code, reason = closeInitTimeout, "Connection initialisation timeout"
	}
	return k.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(farewell))
}

var errViolation = errors.New("the client broke the protocol")

// violation closes from within the reader. What the peer had sent before it could know is read
// and dropped: closing over it would reset the connection, and the reason would be lost.
func (k *socket) violation(code int, reason string) (int, io.Reader, error) {
	if k.leave() {
		k.sayGoodbye(code, reason)
		for dropped := 0; dropped < mostBody*messagesBurst; {
			_, b, err := k.conn.ReadMessage()
			if err != nil {
				break
			}
			dropped += len(b)
		}
	}
	return 0, nil, errViolation
}
