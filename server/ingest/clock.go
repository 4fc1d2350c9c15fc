package ingest

import (
	"strconv"
	"strings"
	"time"
)

// A clock reads times as nginx and Apache write them, 22/Oct/2021:02:28:56 -0700. Most lines
// share their minute with the line before.
type clock struct {
	minute string // the first 17 bytes of the last one
	zone   string // its last 6
	unix   int64  // of that minute
}

const (
	clockLength  = len("22/Oct/2021:02:28:56 -0700")
	minuteLength = len("22/Oct/2021:02:28")
)

func (c *clock) read(s string) (time.Time, bool) {
	if len(s) != clockLength || s[17] != ':' {
		return time.Time{}, false
	}
	if s[:minuteLength] != c.minute || s[20:] != c.zone {
		unix, ok := minute(s)
		if !ok {
			return time.Time{}, false
		}
		c.minute, c.zone, c.unix = strings.Clone(s[:minuteLength]), strings.Clone(s[20:]), unix
	}
	second, ok := number(s[18:20], 0, 60) // with a leap second
	return time.Unix(c.unix+int64(second), 0).UTC(), ok
}

// minute in which a time lies, in seconds since 1970.
func minute(s string) (unix int64, ok bool) {
	if s[2] != '/' || s[6] != '/' || s[11] != ':' || s[14] != ':' || s[20] != ' ' {
		return 0, false
	}
	month, ok := monthNamed(s[3:6])
	if !ok {
		return 0, false
	}
	day, ok1 := number(s[0:2], 1, 31)
	year, ok2 := number(s[7:11], 1, 9999)
	hour, ok3 := number(s[12:14], 0, 23)
	minute, ok4 := number(s[15:17], 0, 59)
	east, ok5 := number(s[22:24], 0, 14)
	half, ok6 := number(s[24:26], 0, 59)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || s[21] != '+' && s[21] != '-' {
		return 0, false
	}
	at := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	if at.Day() != day {
		return 0, false // the 31st of a short month
	}
	off := int64(east*3600 + half*60)
	if s[21] == '-' {
		off = -off
	}
	return at.Unix() - off, true
}

var months = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

func monthNamed(s string) (time.Month, bool) {
	for i, name := range months {
		if s == name {
			return time.Month(i + 1), true
		}
	}
	return 0, false
}

// number of nothing but digits, in bounds.
func number(s string, least, most int) (n int, ok bool) {
	for i := range len(s) {
		if !digit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != "" && len(s) < 10 && n >= least && n <= most
}

// stamp reads a time as programs write it: RFC 3339 and what is close to it, or seconds since
// 1970, with a fraction or as whole milli-, micro- or nanoseconds.
func stamp(s string, zone *time.Location) (time.Time, bool) {
	if len(s) < 9 || len(s) > 40 {
		return time.Time{}, false
	}
	if len(s) == clockLength && s[2] == '/' {
		var c clock
		return c.read(s)
	}
	if strings.IndexByte(s, ':') < 0 {
		return epoch(s)
	}
	for _, layout := range [...]string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006/01/02 15:04:05",
	} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t.UTC(), inBounds(t)
		}
	}
	return time.Time{}, false
}

// epoch reads a count since 1970, whose unit its size tells.
func epoch(s string) (time.Time, bool) {
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f > 0 && f < 1e11) {
			return time.Time{}, false
		}
		t := time.Unix(0, int64(f*1e6)*1e3).UTC()
		return t, inBounds(t)
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	unit := int64(1)
	switch {
	case n < 0:
		return time.Time{}, false
	case n >= 1e17:
		unit = 1e9
	case n >= 1e14:
		unit = 1e6
	case n >= 1e11:
		unit = 1e3
	}
	rest := n % unit * (1e9 / unit)
	for i, c := range []byte(fraction) {
		if !digit(c) {
			return time.Time{}, false
		}
		if i < 9 {
			scale := int64(1e9) / unit
			for range i + 1 {
				scale /= 10
			}
			rest += int64(c-'0') * scale
		}
	}
	t := time.Unix(n/unit, rest).UTC()
	return t, inBounds(t)
}

// inBounds reports whether windows can be counted around a time.
func inBounds(t time.Time) bool { return t.Year() >= 1971 && t.Year() <= 2200 }
