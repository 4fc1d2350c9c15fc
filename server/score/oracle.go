package main

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A limit is one that Sentinel publishes: more than so many within so long.
type limit struct {
	more   int
	within time.Duration
}

var (
	failedLogins = limit{5, 10 * time.Minute}
	rate         = limit{100, time.Minute}
)

// over reports whether any stretch shorter than the limit's holds more. It looks at every time
// there is, and owes the engine nothing.
func (l limit) over(times []time.Time) bool {
	if !slices.IsSortedFunc(times, time.Time.Compare) {
		times = slices.SortedFunc(slices.Values(times), time.Time.Compare)
	}
	for i := l.more; i < len(times); i++ {
		if times[i].Sub(times[i-l.more]) < l.within {
			return true
		}
	}
	return false
}

// What OpenSSH writes about a sign-in that failed, read without the reader that replay has.
var (
	syslogLine = regexp.MustCompile(`^(?:<\d+>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ sshd(?:-session|-auth)?(?:\[\d+\])?: (.*)$`)
	repeated   = regexp.MustCompile(`^message repeated \d+ times: \[ (.*)\]$`)
	failure    = regexp.MustCompile(`^(?:Failed (?:password|keyboard-interactive/pam) for|Invalid user) (?:.* )?from (\S+)(?: port \d+)?(?: ssh2)?$`)
)

const longestLine = 64 << 10 // as replay has it

// failures of sign-ins by source. "Failed password" and "Invalid user" are one each, a line that
// syslog folded is one. Lines without a year follow each other: only the spans between them count.
func failures(r io.Reader) (map[netip.Addr][]time.Time, error) {
	out := map[netip.Addr][]time.Time{}
	var last time.Time
	in := bufio.NewReaderSize(r, longestLine)
	for {
		line, err := in.ReadSlice('\n')
		for tooLong := err == bufio.ErrBufferFull; tooLong; tooLong = err == bufio.ErrBufferFull { //nolint:errorlint // bufio returns it bare
			line = nil
			_, err = in.ReadSlice('\n')
		}
		if m := syslogLine.FindStringSubmatch(strings.TrimRight(string(line), "\r\n")); m != nil {
			if at, ok := syslogTime(m[1], last); ok {
				last = at
				if client, failed := failedSignIn(m[2]); failed {
					out[client] = append(out[client], at)
				}
			}
		}
		if err == io.EOF { //nolint:errorlint // bufio returns it bare
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
	}
}

func failedSignIn(message string) (netip.Addr, bool) {
	if m := repeated.FindStringSubmatch(message); m != nil {
		message = m[1]
	}
	m := failure.FindStringSubmatch(strings.TrimRight(message, " "))
	if m == nil {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(m[1])
	return identity(a), err == nil
}

// syslogTime reads a clock. One without a year gets that of the line before, the next one when
// that would lead half a year back.
func syslogTime(s string, last time.Time) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, true
	}
	const leap = 2000 // has every day
	at, err := time.Parse("2006 Jan _2 15:04:05", fmt.Sprint(max(last.Year(), leap))+" "+s)
	if err != nil {
		return at, false
	}
	if last.Sub(at) > 183*24*time.Hour {
		at = at.AddDate(1, 0, 0)
	}
	return at, true
}

// identity is what Sentinel counts as one client: an IPv4 address, the first of an IPv6 /64.
func identity(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
