package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// String names a target as people write it: 198.18.0.7, 2001:db8::/64, `key ab12…`,
// `account "alice"`, `"POST /api/login"`.
func (t Target) String() string {
	switch {
	case t.Network.IsSingleIP():
		return t.Network.Addr().String()
	case t.Network.IsValid():
		return t.Network.String()
	case t.Account != "":
		return "account " + quoted(t.Account)
	case t.Route != "":
		return quoted(t.Route)
	}
	return "key " + t.Key.Prefix + "…"
}

// Spoken is a duration as reasons write it: "5 minutes", "1 hour 30 minutes".
func Spoken(d time.Duration) string { return words(d) }

// words writes a duration as people say it: "5 minutes", "1 hour 30 minutes".
func words(d time.Duration) string {
	if d < time.Second {
		return plural(int(d.Milliseconds()), "millisecond")
	}
	var said []string
	for _, u := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := d / u.d; n > 0 && len(said) < 2 {
			said = append(said, plural(int(n), u.name))
		}
		d %= u.d
	}
	return strings.Join(said, " ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok && stem != "" && !strings.ContainsRune("aeiou", rune(stem[len(stem)-1])) {
		return fmt.Sprintf("%d %sies", n, stem) // countries, but keys
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// quoted writes a stranger's text so that it can't pass for ours, cut to 80 bytes or so.
func quoted(s string) string {
	if len(s) > 80 {
		cut := 80
		for cut > 76 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strconv.Quote(s)
}

// lasted is how long it took from the first of these times to the last, in words. There may be
// none: who was counted may have been forgotten a moment ago, by a lift or for another.
func lasted(times []int64) string {
	if len(times) == 0 {
		return words(0)
	}
	return words(time.Duration(times[len(times)-1]-times[0]) * time.Millisecond)
}

// took is how long the counted exchanges took, from the first to the last.
func (f Finding) took() time.Duration {
	if len(f.Times) == 0 {
		return 0
	}
	return f.Times[len(f.Times)-1].Sub(f.Times[0])
}

// few of a list, for a sentence.
func few(list []string) string {
	const most = 3
	if len(list) > most {
		return strings.Join(list[:most], ", ") + ", …"
	}
	return strings.Join(list, ", ")
}

func quotedAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = quoted(s)
	}
	return out
}
