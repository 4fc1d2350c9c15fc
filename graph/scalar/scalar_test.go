package scalar_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/sentinel-protocol/sentinel/graph/scalar"
)

func text(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return b.String()
}

func TestWhatIsReadIsWrittenInOneForm(t *testing.T) {
	for _, c := range []struct{ kind, read, written string }{
		{"ip", "198.51.100.7", `"198.51.100.7"`},
		{"ip", "::ffff:198.51.100.7", `"198.51.100.7"`},
		{"ip", "2001:DB8:0::1", `"2001:db8::1"`},
		{"network", "198.51.100.7", `"198.51.100.7"`},
		{"network", "198.51.100.7/32", `"198.51.100.7"`},
		{"network", "198.51.100.0/24", `"198.51.100.0/24"`},
		{"network", "::ffff:198.51.100.0/120", `"198.51.100.0/24"`},
		{"network", "2001:db8::/64", `"2001:db8::/64"`},
		{"duration", "90s", `"90s"`},
		{"duration", "60s", `"1m"`},
		{"duration", "24h", `"1d"`},
		{"duration", "0s", `"0s"`},
		{"time", "2026-02-03T05:05:06.7894+01:00", `"2026-02-03T04:05:06.789Z"`},
		{"time", "2026-02-03T04:05:06Z", `"2026-02-03T04:05:06.000Z"`},
	} {
		if got, err := through(c.kind, c.read); err != nil || got != c.written {
			t.Errorf("%s %s is written %s (%v), want %s", c.kind, c.read, got, err, c.written)
		}
	}
}

func TestWhatIsNotMeantIsRefused(t *testing.T) {
	for _, c := range []struct {
		kind string
		read any
	}{
		{"ip", "198.51.100.07"},
		{"ip", "198.51.100.7/32"},
		{"ip", "fe80::1%eth0"},
		{"ip", 3325256711},
		{"ip", ""},
		{"ip", "' OR 1=1--"},
		{"network", "198.51.100.7/24"},
		{"network", "198.51.100.0/33"},
		{"network", "::ffff:0:0/80"},
		{"network", strings.Repeat("1", 1000)},
		{"network", nil},
		{"duration", "1"},
		{"duration", "-1h"},
		{"duration", "1.5h"},
		{"duration", "1h30m"},
		{"duration", "99999999999999999999h"},
		{"duration", "4294967295d"},
		{"duration", 60},
		{"time", "yesterday"},
		{"time", "2026-02-30T00:00:00Z"},
		{"time", "0001-01-01T00:00:00Z"},
		{"time", 1},
		{"time", "2026-02-03 04:05:06"},
	} {
		_, err := through(c.kind, c.read)
		if _, ok := errors.AsType[scalar.Invalid](err); !ok {
			t.Errorf("%s %v gives %v, want Invalid", c.kind, c.read, err)
		}
	}
}

func TestWhatIsAbsentIsNull(t *testing.T) {
	if got := text(scalar.MarshalTime(time.Time{})); got != "null" {
		t.Errorf("no time is written %s", got)
	}
}

func through(kind string, v any) (string, error) {
	switch kind {
	case "ip":
		a, err := scalar.UnmarshalIP(v)
		return text(scalar.MarshalIP(a)), err
	case "network":
		p, err := scalar.UnmarshalNetwork(v)
		return text(scalar.MarshalNetwork(p)), err
	case "duration":
		d, err := scalar.UnmarshalDuration(v)
		return text(scalar.MarshalDuration(d)), err
	default:
		at, err := scalar.UnmarshalTime(v)
		return text(scalar.MarshalTime(at)), err
	}
}
