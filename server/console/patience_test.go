package console_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// line opens a connection that speaks HTTP by hand.
func (h *house) line() net.Conn {
	h.t.Helper()
	c, err := h.pipes.dial(h.t.Context(), "", "")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestABodyThatTakesForEverIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		c := h.line()
		start := time.Now()
		fmt.Fprintf(c, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", host)
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); a.StatusCode != 408 || took != 10*time.Second {
			t.Errorf("answers %d after %s", a.StatusCode, took)
		}
	})
}

func TestAnAnswerThatNobodyTakesIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		c := h.line()
		fmt.Fprintf(c, "GET /api/monitoring/timeline HTTP/1.1\r\nHost: %s\r\n\r\n", host)
		time.Sleep(2 * time.Minute) // of the bubble
		synctest.Wait()
		if b, err := io.ReadAll(c); err == nil && strings.Contains(string(b), "timestamp") {
			t.Errorf("after two minutes there is still an answer of %d bytes", len(b))
		}
	})
}

func TestAConnectionIsLeftWithoutADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		c := h.line()
		in := bufio.NewReader(c)
		for range 3 {
			fmt.Fprintf(c, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n%s", host, `{"query":"{me{name}}"}`)
			a, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, a.Body); err != nil || a.StatusCode != 200 {
				t.Fatalf("%d %v", a.StatusCode, err)
			}
			time.Sleep(5 * time.Minute) // of the bubble: longer than any deadline
		}
	})
}

func TestAnOperatorKeepsAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		ask := func(n int) (refused int) {
			for range n {
				a := h.send("POST", "/graphql", `{"query":"{me{name}}"}`, isJSON)
				if a.code == 429 {
					refused++
					if !strings.Contains(a.body, "TOO_COMPLEX") || a.header.Get("Retry-After") == "" {
						t.Fatalf("refused with %s", a.body)
					}
				}
			}
			return refused
		}
		if n := ask(700); n != 100 {
			t.Errorf("%d of 700 at once are refused", n)
		}
		time.Sleep(time.Second) // of the bubble
		if n := ask(300); n != 0 {
			t.Errorf("a second later %d of 300 are refused", n)
		}
	})
}

func TestTheRestOfABodyThatIsTooLongIsNoRequest(t *testing.T) {
	h := open(t)
	for range 3 {
		if a := h.send("POST", "/graphql", strings.Repeat("a", 1<<20), isJSON); a.code != 413 {
			t.Errorf("a megabyte is answered %d", a.code)
		}
		if a := h.send("POST", "/graphql", `{"query":"{me{name}}"}`, isJSON); a.code != 200 {
			t.Errorf("what comes after it is answered %d %s", a.code, a.body)
		}
	}
}
