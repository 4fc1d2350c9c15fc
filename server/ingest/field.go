package ingest

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Most bytes that are kept of what a stranger wrote, as in the gateway.
const (
	maxPath      = 2048
	maxUserAgent = 256
	maxMethod    = 32
	longestURL   = 16 << 10
)

// Why a line can't be read.
const (
	noClient  = "names no address where the client stands"
	noTime    = "has no time that can be read"
	noRequest = "has no request"
	noStatus  = "has no status of three digits"
)

// setRequest takes a request line apart: method, target, protocol. What is none, such as the
// first bytes of another protocol, is kept as a path without a method.
func setRequest(x *engine.Exchange, line string) {
	method, rest, ok := cut(line, ' ')
	usual := method == "GET" || method == "POST" || method == "HEAD"
	if !ok || !usual && !token(method) {
		setPath(x, line)
		return
	}
	if i := strings.LastIndexByte(rest, ' '); i >= 0 && strings.HasPrefix(rest[i+1:], "HTTP/") {
		rest = rest[:i]
	}
	if x.Method = method; !usual {
		setMethod(x, method)
	}
	setPath(x, rest)
}

// token reports whether it can be a method.
func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxMethod
}

func setMethod(x *engine.Exchange, method string) {
	x.Method = engine.Storable(method, maxMethod, engine.Percent)
}

// setPath keeps the target of a request as the gateway does: without its query, folded beside. Its
// route is for whoever knows the routes.
func setPath(x *engine.Exchange, target string) {
	target, query, _ := cut(target[:min(len(target), longestURL)], '?')
	if tame(target) {
		x.Path, x.Folded = target, target
		if query != "" {
			x.Signs = engine.ReadSigns("", query, "")
		}
		return
	}
	x.Signs = engine.ReadSigns(target, query, "")
	if target != "" && target[0] != '/' {
		target = absolute(target)
	}
	folded, _ := engine.Fold(target)
	x.Path = engine.Storable(target, maxPath, engine.Percent)
	if len(folded) == len(target) && folded == target { // as nearly always
		x.Folded = x.Path
	} else {
		x.Folded = engine.Storable(folded, maxPath, engine.Percent)
	}
}

// tame reports a path that shows nothing and is kept as it is, as nearly all are: lower-case letters,
// few digits, and what usually stands between them. One look at it spares those for one thing each.
func tame(path string) bool {
	if path == "" || path[0] != '/' || len(path) > maxPath {
		return false
	}
	digits, last := 0, tameSlash
	for i := 1; i < len(path); i++ {
		kind := tameBytes[path[i]]
		if kind == 0 || kind >= tameDot && last >= tameDot {
			return false
		}
		digits += int(kind & tameDigit)
		last = kind
	}
	return digits < fewDigits && last != tameDot
}

// fewDigits are no card number.
const fewDigits = 12

const (
	tameDigit = uint8(1) << iota
	tameLetter
	tameDot
	tameSlash
)

var tameBytes = func() (kinds [256]uint8) {
	for c := range kinds {
		switch c := byte(c); {
		case digit(c):
			kinds[c] = tameDigit
		case c >= 'a' && c <= 'z', c == '-', c == '_':
			kinds[c] = tameLetter
		case c == '.':
			kinds[c] = tameDot
		case c == '/':
			kinds[c] = tameSlash
		}
	}
	return kinds
}()

// cut is strings.Cut at a byte.
func cut(s string, at byte) (before, after string, found bool) {
	if i := strings.IndexByte(s, at); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// absolute takes scheme and host off a target that has them, as requests to a proxy do.
func absolute(target string) string {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return target
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return "/"
}

// setReferer notes what the page that a client says it comes from shows. It comes after the path.
func setReferer(x *engine.Exchange, s string) {
	x.Signs |= engine.ReadReferer(x.Path, s[:min(len(s), longestURL)])
}

func setUserAgent(x *engine.Exchange, s string) {
	if s != "-" {
		x.Signs |= engine.ReadAgent(s[:min(len(s), longestURL)])
		x.UserAgent = engine.Storable(s, maxUserAgent, engine.Backslash)
	}
}

// setPlace notes where a log says that the client is.
func setPlace(x *engine.Exchange, country, asn string) {
	if len(country) == 2 && country[0]|0x20 >= 'a' && country[0]|0x20 <= 'z' && country[1]|0x20 >= 'a' && country[1]|0x20 <= 'z' {
		x.Place.Country = engine.Country{country[0] &^ 0x20, country[1] &^ 0x20}
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(asn, "AS"), 10, 32); err == nil {
		x.Place.ASN = uint32(n)
	}
}

// setAccount names whom a request claims to act for, as the gateway does.
func setAccount(x *engine.Exchange, name string) {
	x.Account = engine.Storable(engine.FoldAccount(engine.Clipped(name, 4*engine.MaxAccount)), engine.MaxAccount, engine.Percent)
}

// address reads one, canonical. What is not an address costs no memory where it has no colon.
func address(s string) (netip.Addr, bool) {
	if a, ok := dotted(s); ok {
		return a, true
	}
	if len(s) > 64 || strings.IndexByte(s, ':') < 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.WithZone("").Unmap(), err == nil
}

// dotted reads four numbers of up to 255, without zeros in front.
func dotted(s string) (netip.Addr, bool) {
	var b [4]byte
	at := 0
	for n := range b {
		if n > 0 {
			if at == len(s) || s[at] != '.' {
				return netip.Addr{}, false
			}
			at++
		}
		value, from := 0, at
		for at < len(s) && at < from+3 && digit(s[at]) {
			value = value*10 + int(s[at]-'0')
			at++
		}
		if at == from || value > 255 || s[from] == '0' && at > from+1 {
			return netip.Addr{}, false
		}
		b[n] = byte(value)
	}
	return netip.AddrFrom4(b), at == len(s)
}

// host reads an address that may have a port behind it.
func host(s string) (netip.Addr, bool) {
	if a, ok := address(s); ok {
		return a, true
	}
	if len(s) > 64 {
		return netip.Addr{}, false
	}
	ap, err := netip.ParseAddrPort(s)
	return ap.Addr().WithZone("").Unmap(), err == nil
}

// setForwarded notes the last address of a forwarding header when it is not the client's. It
// judges nobody.
func setForwarded(x *engine.Exchange, list string) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		list = list[i+1:]
	}
	if a, ok := host(strings.TrimSpace(list)); ok && a != x.Client {
		x.Forwarded = a
	}
}

// status of three digits; "-" and nothing are 0.
func status(s string) (int, bool) {
	if s == "-" || s == "" {
		return 0, true
	}
	if len(s) != 3 || !digit(s[0]) || !digit(s[1]) || !digit(s[2]) {
		return 0, false
	}
	return int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0'), true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// size reads a count of bytes; what is none is 0.
func size(s string) int64 {
	if len(s) > 18 {
		return 0
	}
	var n int64
	for i := range len(s) {
		if !digit(s[i]) {
			return 0
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n
}

// span reads a number of units; what is none, or takes more than a day, is 0.
func span(s string, unit time.Duration) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f <= float64(24*time.Hour/unit)) {
		return 0
	}
	return time.Duration(f * float64(unit))
}
