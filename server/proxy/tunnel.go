package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

func isWebsocket(protocol string) bool { return strings.EqualFold(protocol, "websocket") }

// tunnel passes bytes both ways after a target has switched protocols (RFC 9110, 7.8), until
// both sides have said their last.
func (x *exchange) tunnel(c *conn) error {
	x.header(&c.answer)
	h := x.w.Header()
	head := []byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
	for name, values := range h {
		for _, value := range values {
			if name != "Content-Length" && printable(value) {
				head = append(head, name+": "+value+"\r\n"...)
			}
		}
	}
	head = append(head, "\r\n"...)
	client, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return fmt.Errorf("take the client's connection over: %w", err)
	}
	defer client.Close()
	x.began = true
	x.p.tunnels.Add(1)
	defer x.p.tunnels.Done()

	c.mu.Lock()
	c.ctx, c.client, c.other = nil, nil, client // net/http ends the context when it lets go
	c.due, c.stage = x.p.in(tunnelIdle), tunnel
	given := c.cause != nil
	c.mu.Unlock()
	if given {
		return nil
	}
	if _, err := client.Write(append(head, c.buf[c.from:c.to]...)); err != nil {
		return nil //nolint:nilerr // a client that leaves is no failure
	}
	early, err := buffered.Reader.Peek(buffered.Reader.Buffered())
	if err == nil && len(early) > 0 {
		_, err = c.net.Write(early)
	}
	if err != nil {
		return nil //nolint:nilerr // the client sees the connection end
	}

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		x.pipe(c, c.net, client)
	}()
	x.pipe(c, client, c.net)
	<-ended
	return nil
}

// pipe copies until one side ends. An orderly end is passed on, so that the other direction may
// still finish; anything else ends both.
func (x *exchange) pipe(c *conn, to, from net.Conn) {
	buf := make([]byte, firstBuffer) // small, for there may be many and most say little
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
			c.progress(x.p.in(tunnelIdle), tunnel)
		}
		if err == nil {
			continue
		}
		half, able := to.(interface{ CloseWrite() error })
		if errors.Is(err, io.EOF) && able && half.CloseWrite() == nil {
			c.progress(x.p.in(time.Minute), tunnel) // for what the other side still has to say
			return
		}
		break
	}
	_ = to.Close()
	_ = from.Close()
}
