package ingest

import (
	"hash/maphash"
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// combined reads what nginx and Apache write by default, with or without the last two fields:
//
//	203.0.113.9 - alice [22/Oct/2021:02:28:56 -0700] "GET /a?b=c HTTP/1.1" 200 1486 "referer" "user agent"
//
// A virtual host may stand in front, where it can't be an address. What comes after the user
// agent is not read.
//
// The user is text of strangers and may hold spaces and brackets, but no bare quote: so the
// time is what stands right before the first one.
type combined struct {
	clock  clock
	agents [256][2]agent // seen last, the newer one of two in one place first
}

// agentSeed decides only where a user agent is looked for first.
var agentSeed = maphash.MakeSeed()

// An agent is how a user agent is written, and kept.
type agent struct {
	written, kept string
	signs         engine.Signs
}

func (*combined) format() string { return "combined" }

func (c *combined) parse(line string, x *engine.Exchange) (ok bool, problem string) {
	quote := quoteIn(line, 0)
	const before = clockLength + len("[] ") // the quote
	if quote < before+len("::1 - - ") {
		return false, noRequest
	}
	if open := quote - before; line[open] != '[' || line[quote-2] != ']' || line[quote-1] != ' ' {
		return false, noTime
	}
	if x.At, ok = c.clock.read(line[quote-before+1 : quote-2]); !ok {
		return false, noTime
	}
	who := line[:quote-before]
	first, rest, _ := cut(who, ' ')
	if x.Client, ok = address(first); !ok { // a virtual host, perhaps
		first, rest, _ = cut(rest, ' ')
		if x.Client, ok = address(first); !ok {
			return false, noClient
		}
	}
	if len(rest) > len("- - ") { // identity, user and a space
		if _, user, ok := cut(rest, ' '); ok && user != "- " {
			setAccount(x, unescaped(user))
		}
	}

	end := endOfRequest(line, quote+1)
	if end < 0 {
		return false, noStatus
	}
	request, tail := line[quote+1:end], line[end+2:]
	code, tail, _ := cut(tail, ' ')
	if x.Status, ok = status(code); !ok {
		return false, noStatus
	}
	if request == "-" || request == "" {
		return false, "" // a connection on which nobody asked for anything
	}
	setRequest(x, unescaped(request))

	sent, tail, _ := cut(tail, ' ')
	x.Bytes = size(sent)
	if len(tail) > 0 && tail[0] == '"' { // the referer, then the user agent
		if end := quoteIn(tail, 1); end > 0 && strings.HasPrefix(tail[end:], `" "`) {
			setReferer(x, unescaped(tail[1:end]))
			agent := tail[end+3:]
			if end := quoteIn(agent, 0); end >= 0 {
				c.setUserAgent(x, agent[:end])
			}
		}
	}
	return true, ""
}

// setUserAgent looks it up first: logs have many lines, and few user agents.
func (c *combined) setUserAgent(x *engine.Exchange, written string) {
	if len(written) > 2*maxUserAgent {
		setUserAgent(x, unescaped(written))
		return
	}
	lately := &c.agents[maphash.String(agentSeed, written)%uint64(len(c.agents))]
	known := &lately[0]
	if known.written != written {
		if known = &lately[1]; known.written != written {
			known = &lately[0]
			lately[1] = *known
			var of engine.Exchange
			setUserAgent(&of, unescaped(written))
			*known = agent{strings.Clone(written), strings.Clone(of.UserAgent), of.Signs}
		}
	}
	x.UserAgent = known.kept
	x.Signs |= known.signs
}

// quoteIn finds the first quote from there on that is not escaped.
func quoteIn(s string, from int) int {
	for from <= len(s) {
		i := strings.IndexByte(s[from:], '"')
		if i < 0 {
			return -1
		}
		i += from
		slashes := 0
		for i-slashes > 0 && s[i-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
		from = i + 1
	}
	return -1
}

// endOfRequest finds the quote that a status follows: old servers left quotes as they were.
func endOfRequest(s string, from int) int {
	for {
		i := quoteIn(s, from)
		if i < 0 || i+2 >= len(s) {
			return -1
		}
		if s[i+1] == ' ' && (digit(s[i+2]) || s[i+2] == '-') {
			return i
		}
		from = i + 1
	}
}

// unescaped undoes \xHH, \", \\ and the letters of C.
func unescaped(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	s = s[:min(len(s), 4*longestURL)]
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			switch next := s[i+1]; {
			case next == 'x' && i+3 < len(s) && nibble(s[i+2]) >= 0 && nibble(s[i+3]) >= 0:
				c = byte(nibble(s[i+2])<<4 | nibble(s[i+3]))
				i += 3
			case next == '"' || next == '\\':
				c = next
				i++
			default:
				if at := strings.IndexByte("abfnrtv", next); at >= 0 {
					c = "\a\b\f\n\r\t\v"[at]
					i++
				}
			}
		}
		b = append(b, c)
	}
	return string(b)
}

func nibble(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
