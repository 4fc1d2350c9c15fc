package ingest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// pattern reads lines by an operator's regular expression. Go's take time in proportion to
// the line, whatever stands in it.
type pattern struct {
	Format
	groups map[string]int
	zone   *time.Location
	key    func(string) engine.Key
}

// groups that a pattern may have.
var groups = []string{"client", "time", "method", "path", "request", "status", "bytes", "took", "user_agent", "account", "key"}

// usable says what is wrong with a pattern, nothing when it can be used.
func usable(re *regexp.Regexp) string {
	has := func(name string) bool { return re.SubexpIndex(name) > 0 }
	for _, name := range re.SubexpNames() {
		if name != "" && !slices.Contains(groups, name) {
			return fmt.Sprintf("has a group %q: those that are known are %s", name, strings.Join(groups, ", "))
		}
	}
	switch {
	case !has("client"):
		return "needs a group (?P<client>...) for the client's address"
	case !has("time"):
		return "needs a group (?P<time>...)"
	case !has("path") && !has("request"):
		return "needs a group (?P<path>...), or (?P<request>...) for a whole request line"
	}
	return ""
}

func newPattern(f Format, o Options) *pattern {
	p := &pattern{Format: f, groups: map[string]int{}, zone: o.zone(), key: o.key}
	for _, name := range groups {
		p.groups[name] = f.pattern.SubexpIndex(name)
	}
	return p
}

func (p *pattern) format() string { return p.name }

func (p *pattern) parse(line string, x *engine.Exchange) (ok bool, problem string) {
	at := p.pattern.FindStringSubmatchIndex(line)
	if at == nil {
		return false, "does not match the pattern"
	}
	group := func(name string) text {
		i := p.groups[name]
		if i < 0 || at[2*i] < 0 {
			return ""
		}
		return text(line[at[2*i]:at[2*i+1]])
	}
	e := entry{
		time: group("time"), client: group("client"), account: group("account"),
		method: group("method"), target: group("path"), request: group("request"),
		status: group("status"), bytes: group("bytes"), userAgent: group("user_agent"),
		took: span(string(group("took")), time.Second), zone: p.zone,
	}
	if ok, problem = e.fill(x); ok {
		x.Key = p.key(string(group("key")))
	}
	return ok, problem
}
