package listen

import (
	"net"
	"sync"
)

// bounded holds so many connections at once; further ones wait in the system's queue. What it
// gives out still is TCP to net/http, which half-closes after an answer to a request that it
// did not read to its end: the client would lose that answer otherwise.
type bounded struct {
	net.Listener
	room   chan struct{}
	closed chan struct{}
	once   sync.Once
}

func bound(l net.Listener, most int) net.Listener {
	return &bounded{Listener: l, room: make(chan struct{}, most), closed: make(chan struct{})}
}

func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.room <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.room
		return nil, err
	}
	leave := sync.OnceFunc(func() { <-b.room })
	if tcp, ok := c.(*net.TCPConn); ok {
		return &heldTCP{tcp, leave}, nil
	}
	return &held{c, leave}, nil
}

func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// heldTCP and held are connections that leave their room when they are closed.
type heldTCP struct {
	*net.TCPConn
	leave func()
}

func (h *heldTCP) Close() error {
	defer h.leave()
	return h.TCPConn.Close()
}

type held struct {
	net.Conn
	leave func()
}

func (h *held) Close() error {
	defer h.leave()
	return h.Conn.Close()
}
