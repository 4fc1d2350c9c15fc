package ingest

import (
	"net/netip"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// sshd reads sign-ins from what OpenSSH tells syslog or journald, in the clock of RFC 3164,
// RFC 3339 or RFC 5424:
//
//	Mar 27 13:06:56 host sshd[1291]: Failed password for invalid user admin from 203.0.113.9 port 4431 ssh2
//
// "Failed password" (keyboard-interactive too) and "Invalid user" are answers of 401,
// "Accepted" is one of 200. A line is one attempt, also where syslog folded several into
// "message repeated 5 times". Offered keys that were not taken are not counted: agents offer
// all they have. Other lines are about no request.
//
// The user's name is text of strangers, and may itself read like the end of such a line. So
// lines are read from their end, where sshd writes the address.
type sshd struct {
	zone   *time.Location
	before time.Time
	last   time.Time // of a line without a year
}

func (*sshd) format() string { return "sshd" }

func (p *sshd) parse(line string, x *engine.Exchange) (ok bool, problem string) {
	at, rest, ok := p.time(line)
	if !ok {
		return false, noTime
	}
	x.At = at
	_, rest, ok = strings.Cut(rest, " ") // the machine
	if !ok {
		return false, "has no program's name"
	}
	program, message, ok := strings.Cut(rest, " ")
	if !ok {
		return false, "" // a program that said nothing
	}
	name, _, _ := strings.Cut(strings.TrimSuffix(program, ":"), "[")
	if name != "sshd" && name != "sshd-session" && name != "sshd-auth" {
		return false, ""
	}
	if !strings.HasSuffix(program, ":") { // RFC 5424: process, message ID, data
		if message, ok = withoutData(message); !ok {
			return false, "has no message"
		}
	}
	if folded, isFolded := strings.CutPrefix(message, "message repeated "); isFolded {
		if _, folded, isFolded = strings.Cut(folded, " times: [ "); isFolded {
			message = strings.TrimSuffix(folded, "]")
		}
	}
	var user string
	switch {
	case strings.HasPrefix(message, "Failed password for "):
		x.Status = 401
		user, x.Client, ok = origin(message[len("Failed password for "):], true)
		user = strings.TrimPrefix(user, "invalid user ")
	case strings.HasPrefix(message, "Failed keyboard-interactive/pam for "):
		x.Status = 401
		user, x.Client, ok = origin(message[len("Failed keyboard-interactive/pam for "):], true)
		user = strings.TrimPrefix(user, "invalid user ")
	case strings.HasPrefix(message, "Invalid user "):
		x.Status = 401
		user, x.Client, ok = origin(message[len("Invalid user "):], false)
	case strings.HasPrefix(message, "Accepted "):
		x.Status = 200
		_, rest, _ := strings.Cut(message[len("Accepted "):], " for ")
		rest, _, _ = strings.Cut(rest, " ssh2") // then follows the key, which its owner may have named
		user, x.Client, ok = origin(rest, false)
	default:
		return false, ""
	}
	if !ok {
		return false, noClient
	}
	setAccount(x, user)
	x.Method, x.Path, x.Folded, x.Route = "SSH", "ssh", "/ssh", "/ssh"
	return true, ""
}

// origin takes "USER from ADDRESS port N ssh2" apart, from its end.
func origin(s string, protocol bool) (user string, client netip.Addr, ok bool) {
	s = strings.TrimRight(s, " ")
	if protocol {
		if s, ok = strings.CutSuffix(s, " ssh2"); !ok {
			return "", netip.Addr{}, false
		}
	}
	i := strings.LastIndex(s, " from ")
	if i < 0 && strings.HasPrefix(s, "from ") {
		i = -1 // a user without a name
	} else if i < 0 {
		return "", netip.Addr{}, false
	}
	where := s[i+len(" from "):]
	if addr, port, hasPort := strings.Cut(where, " port "); hasPort {
		if _, ok := number(port, 0, 65535); !ok {
			return "", netip.Addr{}, false
		}
		where = addr
	}
	client, ok = address(where)
	return s[:max(i, 0)], client, ok
}

// withoutData drops what RFC 5424 has before the message: process, message ID, structured data.
func withoutData(s string) (string, bool) {
	_, s, ok := strings.Cut(s, " ")
	if ok {
		_, s, ok = strings.Cut(s, " ")
	}
	if !ok {
		return "", false
	}
	if s, ok := strings.CutPrefix(s, "- "); ok {
		return s, true
	}
	for strings.HasPrefix(s, "[") {
		end := 1
		for quoted := false; end < len(s) && (quoted || s[end] != ']'); end++ {
			switch s[end] {
			case '\\':
				end++
			case '"':
				quoted = !quoted
			}
		}
		if end >= len(s) {
			return "", false
		}
		s = s[end+1:]
	}
	return strings.TrimPrefix(strings.TrimPrefix(s, " "), "\ufeff"), true
}

// time reads the clock in front of a line.
func (p *sshd) time(line string) (at time.Time, rest string, ok bool) {
	if strings.HasPrefix(line, "<") { // priority, and in RFC 5424 its version
		_, after, found := strings.Cut(line, ">")
		if !found || len(line)-len(after) > 5 {
			return at, "", false
		}
		line = strings.TrimPrefix(after, "1 ")
	}
	if line == "" {
		return at, "", false
	}
	if digit(line[0]) {
		word, rest, _ := strings.Cut(line, " ")
		at, ok = stamp(word, p.zone)
		return at, rest, ok && strings.IndexByte(word, 'T') > 0
	}
	const length = len("Mar 27 13:06:56")
	if len(line) > 5 && line[5] == ' ' && line[4] != ' ' { // a day of one digit that is not padded
		line = line[:4] + " " + line[4:]
	}
	if len(line) <= length || line[3] != ' ' || line[6] != ' ' || line[9] != ':' || line[12] != ':' || line[length] != ' ' {
		return at, "", false
	}
	month, ok := monthNamed(line[:3])
	day, ok1 := number(strings.TrimLeft(line[4:6], " "), 1, 31)
	hour, ok2 := number(line[7:9], 0, 23)
	minute, ok3 := number(line[10:12], 0, 59)
	second, ok4 := number(line[13:15], 0, 60)
	if !ok || !ok1 || !ok2 || !ok3 || !ok4 {
		return at, "", false
	}
	return p.yearly(month, day, hour, minute, second), line[length+1:], true
}

// yearly gives a time without a year the one in which it can have been: the first line the last
// year in which it was over, the next ones that of the line before, until the months begin anew.
func (p *sshd) yearly(month time.Month, day, hour, minute, second int) time.Time {
	in := func(year int) time.Time { return time.Date(year, month, day, hour, minute, second, 0, p.zone) }
	var at time.Time
	const halfAYear = 183 * 24 * time.Hour
	if p.last.IsZero() {
		year := p.before.In(p.zone).Year()
		if at = in(year); at.After(p.before.Add(24 * time.Hour)) {
			at = in(year - 1)
		}
	} else {
		year := p.last.Year()
		switch at = in(year); {
		case p.last.Sub(at) > halfAYear:
			at = in(year + 1)
		case at.Sub(p.last) > halfAYear: // late, from before the turn of the year
			at = in(year - 1)
		}
	}
	if p.last.IsZero() || at.After(p.last) {
		p.last = at
	}
	return at.UTC()
}
