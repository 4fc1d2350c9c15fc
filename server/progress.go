package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A progress bar tells on a terminal how far reading has come. It writes nothing elsewhere.
type progress struct {
	screen io.Writer // nil for none
	total  int64     // bytes; 0 when nobody knows
	read   int64
	began  time.Time
	next   time.Time
	now    func() time.Time
}

func newProgress(screen io.Writer, total int64, now func() time.Time) *progress {
	at := now()
	return &progress{screen: screen, total: total, began: at, next: at.Add(progressEvery), now: now}
}

const progressEvery = 200 * time.Millisecond

// reader counts what is read.
func (p *progress) reader(in io.Reader) io.Reader {
	if p.screen == nil {
		return in
	}
	return progressReader{in, p}
}

type progressReader struct {
	io.Reader
	*progress
}

func (r progressReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.read += int64(n)
	if at := r.now(); !at.Before(r.next) {
		r.next = at.Add(progressEvery)
		fmt.Fprint(r.screen, "\r\x1b[K"+r.line(at))
	}
	return n, err
}

// line says how far, how fast, and how long it still takes.
func (p *progress) line(at time.Time) string {
	took := at.Sub(p.began).Seconds()
	rate := float64(p.read) / max(took, 1e-3)
	speed := fmt.Sprintf("%s, %s/s", bytesOf(float64(p.read)), bytesOf(rate))
	if p.total <= 0 {
		return speed
	}
	part := min(float64(p.read)/float64(p.total), 1)
	const width = 30
	filled := int(part * width)
	left := time.Duration(max(float64(p.total-p.read), 0) / max(rate, 1) * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("[%s%s] %3.0f %% of %s, %s/s, %s left",
		strings.Repeat("=", filled), strings.Repeat(" ", width-filled), 100*part, bytesOf(float64(p.total)), bytesOf(rate), left)
}

// clear takes the bar off the screen.
func (p *progress) clear() {
	if p.screen != nil {
		fmt.Fprint(p.screen, "\r\x1b[K")
	}
}

func bytesOf(n float64) string {
	for _, unit := range []string{"B", "kB", "MB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g GB", n)
}
