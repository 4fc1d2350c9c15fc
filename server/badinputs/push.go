package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A pusher sends many requests over few connections, some on the way at once on each.
type pusher struct {
	product *product
	from    string
	n       int
	conns   int
	depth   int                          // on the way at once on a connection
	rate    float64                      // requests a second at most; 0: as fast as it goes
	of      func(i int, b *bytes.Buffer) // writes request i
	done    atomic.Int64
}

const mostOnTheWay = 32

// push sends all of them and returns their statuses in order; 0 where the connection ended
// before an answer.
func (p *pusher) push(ctx context.Context) ([]int, error) {
	statuses := make([]int, p.n)
	if p.conns == 0 {
		p.conns = 12
	}
	if p.depth == 0 {
		p.depth = mostOnTheWay
		if p.rate > 0 {
			p.depth = 2 // at a pace, and not in bursts
		}
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var failure error
	for w := range p.conns {
		all.Go(func() {
			if err := p.worker(ctx, w, statuses); err != nil {
				mu.Lock()
				failure = errors.Join(failure, err)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return statuses, failure
}

// worker sends every request whose turn it is on one connection, and on another when that ends.
func (p *pusher) worker(ctx context.Context, w int, statuses []int) error {
	var turn []int
	for i := w; i < p.n; i += p.conns {
		turn = append(turn, i)
	}
	began, total, tries := time.Now(), len(turn), 0
	for len(turn) > 0 {
		answered, err := p.connection(ctx, turn, statuses, began, total)
		turn = turn[answered:]
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if tries++; answered == 0 && tries > 3 {
				turn = turn[1:] // this one gets no answer
				p.done.Add(1)
				tries = 0
			}
		}
	}
	return nil
}

func (p *pusher) connection(ctx context.Context, turn, statuses []int, began time.Time, total int) (answered int, err error) {
	c, err := dial(ctx, p.from, p.product.gateway)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	r := bufio.NewReaderSize(c, 16<<10)
	var b bytes.Buffer
	for answered < len(turn) {
		batch := turn[answered:min(answered+p.depth, len(turn))]
		b.Reset()
		for _, i := range batch {
			p.of(i, &b)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // a connection takes deadlines
		if _, err := c.Write(b.Bytes()); err != nil {
			return answered, err
		}
		for _, i := range batch {
			status, last, err := skim(r)
			if err != nil {
				return answered, err
			}
			statuses[i] = status
			answered++
			p.done.Add(1)
			if last {
				return answered, nil
			}
		}
		if p.rate > 0 {
			sent := total - len(turn) + answered
			pause(ctx, time.Until(began.Add(time.Duration(float64(sent)*float64(p.conns)/p.rate*float64(time.Second)))))
		}
	}
	return answered, nil
}

var errAnswer = errors.New("no answer of HTTP/1.1 with a length")

// skim reads one answer quickly: its status, and whether it is the connection's last.
func skim(r *bufio.Reader) (status int, last bool, err error) {
	l, err := r.ReadSlice('\n')
	if err != nil {
		return 0, false, err
	}
	if len(l) < 12 {
		return 0, false, errAnswer
	}
	if status, err = strconv.Atoi(string(l[9:12])); err != nil {
		return 0, false, errAnswer
	}
	length := 0
	for {
		if l, err = r.ReadSlice('\n'); err != nil {
			return 0, false, err
		}
		if len(l) <= 2 {
			break
		}
		switch {
		case len(l) > 16 && (l[0] == 'C' || l[0] == 'c') && bytes.EqualFold(l[:15], []byte("content-length:")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(l[15:]))); err != nil {
				return 0, false, errAnswer
			}
		case len(l) > 12 && (l[0] == 'C' || l[0] == 'c') && bytes.EqualFold(l[:11], []byte("connection:")):
			last = bytes.Contains(l, []byte("close"))
		}
	}
	_, err = r.Discard(length)
	return status, last, err
}

// signIn writes a request to sign in; without an address it comes from the connection's.
func signIn(b *bytes.Buffer, address, user, cookie string) {
	name, _ := json.Marshal(user) // a string always is JSON
	body := `{"username":` + string(name) + `,"password":"x"}`
	b.WriteString("POST /login HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\n")
	if address != "" {
		b.WriteString("X-Forwarded-For: " + address + "\r\n")
	}
	if cookie != "" {
		b.WriteString("Cookie: " + cookie + "\r\n")
	}
	fmt.Fprintf(b, "Content-Length: %d\r\n\r\n%s", len(body), body)
}

// ask writes a request without a body.
func ask(b *bytes.Buffer, method, path string, headers ...string) {
	b.WriteString(method + " " + path + " HTTP/1.1\r\nHost: app.test\r\n")
	for _, h := range headers {
		b.WriteString(h)
		b.WriteString("\r\n")
	}
	b.WriteString("\r\n")
}

// tally counts statuses: those of the API and those of refusals.
func tally(statuses []int) (passed, refused, lost int) {
	for _, s := range statuses {
		switch s {
		case 0:
			lost++
		case 403, 429:
			refused++
		default:
			passed++
		}
	}
	return passed, refused, lost
}

// closeAll hangs up on many at once.
func closeAll(conns []net.Conn) {
	for _, c := range conns {
		if c != nil {
			_ = c.Close() // it may have ended
		}
	}
}

// reads one answer from a connection that stands.
func oneMore(c net.Conn) bool {
	_ = c.SetDeadline(time.Now().Add(3 * time.Second)) // a connection takes deadlines
	if _, err := io.Copy(struct{ io.Writer }{c}, strings.NewReader("GET "+controlPath+" HTTP/1.1\r\nHost: app.test\r\n"+controlHeader+": 1\r\n\r\n")); err != nil {
		return false
	}
	status, _, err := skim(bufio.NewReader(c))
	return err == nil && status == 200
}
