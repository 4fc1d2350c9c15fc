package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gorilla/websocket"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/access"
)

// The only protocol that is spoken. gqlgen would take a client that names none for one of the
// protocol before it.
const subprotocol = "graphql-transport-ws"

// sockets makes gorilla's connections gqlgen's, and knows all that are open: a server that shuts
// down neither waits for them nor closes them.
type sockets struct {
	most    int
	asking  int // of one address that have not said who they are, at most; 0 where nobody has to
	up      websocket.Upgrader
	running sync.WaitGroup

	mu      sync.Mutex
	closing bool
	open    map[*socket]bool // reserved before the upgrade
}

func newSockets(most int) *sockets {
	return &sockets{
		most: most,
		open: map[*socket]bool{},
		up: websocket.Upgrader{
			HandshakeTimeout: writeTimeout,
			ReadBufferSize:   4 << 10,
			WriteBufferSize:  4 << 10,
			WriteBufferPool:  &sync.Pool{},
			Subprotocols:     []string{subprotocol},
			// The door has looked at the origin already. An error is answered by gqlgen; a
			// second answer would be superfluous. Compression stays off: the read limit counts
			// compressed bytes.
			CheckOrigin: func(*http.Request) bool { return true },
			Error:       func(http.ResponseWriter, *http.Request, int, error) {},
		},
	}
}

// serve turns a request into a socket and returns when it is closed.
func (s *sockets) serve(w http.ResponseWriter, r *http.Request, from, site string, graphql http.Handler) {
	if !websocket.IsWebSocketUpgrade(r) || !slices.Contains(websocket.Subprotocols(r), subprotocol) {
		refuse(w, http.StatusBadRequest, "a socket speaks "+subprotocol)
		return
	}
	k := &socket{from: from, site: site, operations: map[string]*operationOf{}, byClient: map[string]*operationOf{}}
	k.started, k.messages = newBucket(operationsBurst, operationsPerSecond), newBucket(messagesBurst, messagesPerSecond)
	if !s.reserve(k) {
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, "too many sockets are open")
		return
	}
	defer s.release(k)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	ctx = context.WithValue(graph.WithHangUp(ctx, k.hangUp), socketKey{}, k)
	graphql.ServeHTTP(w, r.WithContext(ctx))
}

type socketKey struct{}

// Accept upgrades a request that serve has let in.
func (s *sockets) Accept(w http.ResponseWriter, r *http.Request, _ transport.WebsocketAcceptOptions) (transport.WebsocketConn, error) {
	k, ok := r.Context().Value(socketKey{}).(*socket)
	if !ok {
		return nil, errors.New("a socket is opened by sockets.serve")
	}
	conn, err := s.up.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	k.conn = conn
	late := s.closing
	s.mu.Unlock()
	if late {
		k.hangUp(websocket.CloseGoingAway, "going away")
	}
	return k, nil
}

func (s *sockets) reserve(k *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.open) >= s.most || s.asking > 0 && s.unknown(k.from) >= s.asking {
		return false
	}
	s.open[k] = true
	s.running.Add(1)
	return true
}

// unknown counts those from an address that have not said who they are. Runs under mu.
func (s *sockets) unknown(from string) int {
	n := 0
	for k := range s.open {
		if k.from == from && k.pass == (access.Pass{}) {
			n++
		}
	}
	return n
}

// admit notes whose a socket is, unless he has too many.
func (s *sockets) admit(k *socket, p access.Pass) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for other := range s.open {
		if other.pass.ID == p.ID {
			n++
		}
	}
	if n >= socketsEach {
		return false
	}
	k.pass = p
	return true
}

// passes are those by which the open sockets were let in.
func (s *sockets) passes() map[access.Pass][]*socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[access.Pass][]*socket{}
	for k := range s.open {
		if k.conn != nil && k.pass != (access.Pass{}) {
			out[k.pass] = append(out[k.pass], k)
		}
	}
	return out
}

func (s *sockets) release(k *socket) {
	if k.conn != nil {
		_ = k.conn.Close() // gqlgen leaves it open when a client's first message is malformed
	}
	s.mu.Lock()
	delete(s.open, k)
	s.mu.Unlock()
	s.running.Done()
}

// hangUp closes all with 1001 and lets nobody in from then on.
func (s *sockets) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for k := range s.open {
		if k.conn != nil {
			k.hangUp(websocket.CloseGoingAway, "going away")
		}
	}
}

func (s *sockets) wait() { s.running.Wait() }

// A bucket lets through so many at once, and so many a second after that.
type bucket struct {
	burst, perSecond, level float64
	at                      time.Time
}

func newBucket(burst, perSecond float64) bucket {
	return bucket{burst: burst, perSecond: perSecond, level: burst}
}

func (b *bucket) take(now time.Time) bool {
	if !b.at.IsZero() {
		b.level = min(b.burst, b.level+max(0, now.Sub(b.at).Seconds())*b.perSecond)
	}
	b.at = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}
