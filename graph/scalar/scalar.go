// Package scalar reads and writes the scalars of the GraphQL schema: addresses, networks,
// instants and spans of time. What it refuses it names as Invalid, without the place, which
// only the document knows.
package scalar

import (
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// Invalid is a value that its sender can correct.
type Invalid struct{ Problem string }

func (e Invalid) Error() string { return e.Problem }

// Millis is RFC 3339 with milliseconds.
const Millis = "2006-01-02T15:04:05.000Z07:00"

// MarshalTime writes an instant in UTC, and the zero time as null.
func MarshalTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return quoted(t.UTC().Format(Millis))
}

// UnmarshalTime reads RFC 3339, with or without fractions of a second, in any zone.
func UnmarshalTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok || len(s) > 64 {
		return time.Time{}, Invalid{"must be an instant, as 2026-02-03T04:05:06.789Z"}
	}
	return ParseTime(s)
}

// ParseTime reads what MarshalTime writes.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, Invalid{"must be an instant from 1970 on, as 2026-02-03T04:05:06.789Z"}
	}
	return t.UTC(), nil
}

// MarshalIP writes an address as it is written by everybody: without zone, IPv4 unmapped.
func MarshalIP(a netip.Addr) graphql.Marshaler {
	if !a.IsValid() {
		return graphql.Null
	}
	return quoted(a.Unmap().WithZone("").String())
}

// UnmarshalIP reads one address, without zone; ::ffff:1.2.3.4 is 1.2.3.4.
func UnmarshalIP(v any) (netip.Addr, error) {
	s, ok := v.(string)
	if !ok {
		return netip.Addr{}, Invalid{"must be an address, as 198.51.100.7 or 2001:db8::1"}
	}
	return ParseIP(s)
}

// ParseIP reads one address.
func ParseIP(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil || len(s) > 64 || a.Zone() != "" {
		return netip.Addr{}, Invalid{"must be an address, as 198.51.100.7 or 2001:db8::1"}
	}
	return a.Unmap(), nil
}

// MarshalNetwork writes a single address without its length.
func MarshalNetwork(p netip.Prefix) graphql.Marshaler {
	if !p.IsValid() {
		return graphql.Null
	}
	return quoted(NetworkText(p))
}

// NetworkText is how a network is written for people: a single address without its length.
func NetworkText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// UnmarshalNetwork reads an address, or a network in CIDR form.
func UnmarshalNetwork(v any) (netip.Prefix, error) {
	s, ok := v.(string)
	if !ok {
		return netip.Prefix{}, Invalid{badNetwork}
	}
	return ParseNetwork(s)
}

const badNetwork = "must be an address or a network, as 198.51.100.7 or 2001:db8::/64"

// ParseNetwork reads an address, or a network in CIDR form. Bits beyond the length are not
// accepted: whoever writes 198.51.100.7/24 may mean the address or the network.
func ParseNetwork(s string) (netip.Prefix, error) {
	s = strings.TrimSpace(s)
	if len(s) > 64 {
		return netip.Prefix{}, Invalid{badNetwork}
	}
	if !strings.Contains(s, "/") {
		a, err := ParseIP(s)
		if err != nil {
			return netip.Prefix{}, Invalid{badNetwork}
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, Invalid{badNetwork}
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, Invalid{badNetwork}
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return netip.Prefix{}, Invalid{"must be " + p.Masked().String() + " for the network, or " + p.Addr().String() + " for the address"}
	}
	return p, nil
}

// MarshalDuration writes whole days, hours, minutes or seconds, as 30d, 24h, 15m or 90s.
func MarshalDuration(d time.Duration) graphql.Marshaler {
	for _, u := range units {
		if d != 0 && d%u.span == 0 {
			return quoted(strconv.FormatInt(int64(d/u.span), 10) + u.name)
		}
	}
	return quoted(strconv.FormatInt(int64(d/time.Second), 10) + "s")
}

var units = []struct {
	name string
	span time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// UnmarshalDuration reads a span of time.
func UnmarshalDuration(v any) (time.Duration, error) {
	s, ok := v.(string)
	if !ok {
		return 0, Invalid{badDuration}
	}
	return ParseDuration(s)
}

const (
	badDuration = "must be a span of time, as 90s, 15m, 24h or 30d"
	longest     = 100 * 365 * 24 * time.Hour
)

// ParseDuration reads one whole number and its unit, from 0 to a hundred years.
func ParseDuration(s string) (time.Duration, error) {
	for _, u := range units {
		number, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || time.Duration(n) > longest/u.span {
			break
		}
		return time.Duration(n) * u.span, nil
	}
	return 0, Invalid{badDuration}
}

func quoted(s string) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(s)) })
}
