package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// times are how long requests took, from when each was due.
type times []time.Duration

// at is a quantile.
func (t times) at(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[min(int(q*float64(len(t))), len(t)-1)].Round(time.Microsecond)
}

func proxyRequest(n int) string {
	return fmt.Sprintf("GET /api/balance HTTP/1.1\r\nHost: api.test\r\nX-Forwarded-For: 10.77.%d.%d\r\nX-API-Key: user_key_%d\r\nAccept: application/json\r\n\r\n", n>>8&255, n&255, n%60000)
}

func authzRequest(n int) string {
	return fmt.Sprintf("GET /authz HTTP/1.1\r\nHost: api.test\r\nX-Original-URI: /api/balance\r\nX-Original-Method: GET\r\nX-Forwarded-For: 10.78.%d.%d\r\n\r\n", n>>8&255, n&255)
}

const workers = 32 // connections; a request waits for a free one, and that counts

// open sends rate requests a second whether or not the answers keep up, and times each from the
// moment it was due.
func open(ctx context.Context, at string, request func(int) string, rate int, d time.Duration) (times, error) {
	total := int(float64(rate) * d.Seconds())
	took := make([]time.Duration, total)
	due := make(chan int, total)
	errs := make(chan error, workers)
	var began time.Time
	every := time.Second / time.Duration(rate)
	var wg sync.WaitGroup
	for range workers {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
		if err != nil {
			close(due)
			return nil, fmt.Errorf("connect: %w", err)
		}
		wg.Go(func() {
			defer c.Close()
			in := bufio.NewReader(c)
			for n := range due {
				if _, err := io.WriteString(c, request(n)); err != nil {
					errs <- err
					return
				}
				a, err := http.ReadResponse(in, nil)
				if err == nil {
					_, err = io.Copy(io.Discard, a.Body)
					_ = a.Body.Close()
					if err == nil && a.StatusCode >= 300 {
						err = fmt.Errorf("request %d was answered with %d", n, a.StatusCode)
					}
				}
				if err != nil {
					errs <- err
					return
				}
				took[n] = time.Since(began.Add(time.Duration(n) * every))
			}
		})
	}
	runtime.LockOSThread() // so that sleeping is the kernel's and exact
	began = time.Now()
	for n := range total {
		if wait := time.Until(began.Add(time.Duration(n) * every)); wait > 0 {
			sleep := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&sleep, nil)
		}
		due <- n
	}
	runtime.UnlockOSThread()
	close(due)
	wg.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	slices.Sort(took)
	return took, nil
}

// latency prints what each adds to a request that comes through it.
func latency(ctx context.Context, f *processes, o options) error {
	order := []string{direct, sentinel, tuned, limitReq}
	middle, tail := map[string][]float64{}, map[string][]float64{}
	err := f.rounds("latency", o, func() error {
		for _, name := range order {
			t, err := open(ctx, f.at[name], proxyRequest, o.rate, o.duration)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			middle[name] = append(middle[name], t.at(0.50).Seconds()*1e3)
			tail[name] = append(tail[name], t.at(0.99).Seconds()*1e3)
		}
		return nil
	}, func() { shorten(middle, order); shorten(tail, order) })
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "added to a request at %d/s, open loop, ms (median of rounds)\n", o.rate)
	fmt.Fprintf(os.Stdout, "  %-20s p50 %.3f  p99 %.3f in all\n", direct, median(middle[direct]), median(tail[direct]))
	for _, name := range order[1:] {
		fmt.Fprintf(os.Stdout, "  %-20s p50 %+.3f  p99 %+.3f\n", name, median(middle[name])-median(middle[direct]), median(tail[name])-median(tail[direct]))
	}
	return nil
}
