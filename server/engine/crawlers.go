package engine

import (
	_ "embed" // data of the program itself, read by nobody but the compiler
	"fmt"
	"net/netip"
	"strings"
)

//go:embed crawlers.txt
var publishedCrawlers string

// A Crawler is a bot that says who it is and whose operator publishes where it comes from.
type Crawler struct {
	Name     string
	Claims   []string // in lower case; what its user agent holds, any of them
	Networks []netip.Prefix
}

// PublishedCrawlers are those that come with the program.
func PublishedCrawlers() []Crawler {
	all, err := ParseCrawlers(publishedCrawlers)
	if err != nil {
		panic(err) // a test reads it
	}
	return all
}

// ParseCrawlers reads a list of crawlers, as crawlers.txt is written: a line each, with its name,
// what its user agent holds and its networks.
func ParseCrawlers(list string) ([]Crawler, error) {
	var all []Crawler
	n := 0
	for line := range strings.Lines(list) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("line %d names no network: write name, user agent and networks", n)
		}
		c := Crawler{Name: fields[0], Claims: strings.Split(strings.ToLower(fields[1]), "|")}
		for _, f := range fields[2:] {
			p, err := netip.ParsePrefix(f)
			if err != nil {
				return nil, fmt.Errorf("line %d: %q is no network: write it as 192.0.2.0/24", n, f)
			}
			c.Networks = append(c.Networks, p.Masked())
		}
		all = append(all, c)
	}
	return all, nil
}

// Bounds of what Validate takes for a crawler. Who is one is never blocked by a rule, so that what
// many are, and where many come from, is no sign of one.
const (
	shortestClaim    = 4 // letters
	widestOfCrawler4 = 8
	widestOfCrawler6 = 16
	mostCrawlers     = 1000
	allBrowsers      = "mozilla/5.0" // say it
	mostOfCrawler    = 10_000        // networks
)

// validCrawlers checks a list, each crawler by its number in it.
func validCrawlers(all []Crawler, check func(ok bool, field, problem string)) {
	check(len(all) <= mostCrawlers, "crawlers", fmt.Sprintf("must be %d at most", mostCrawlers))
	names := map[string]bool{}
	for i, c := range all {
		field := fmt.Sprintf("crawlers[%d]", i)
		check(c.Name != "", field+".name", "is missing: any name that tells it from others")
		check(c.Name == "" || !names[c.Name], field+".name", fmt.Sprintf("%q is there twice: put their agents and networks together", c.Name))
		names[c.Name] = true
		check(len(c.Claims) > 0, field+".agents", "is missing: write what its user agent holds, as in examplebot")
		for _, claim := range c.Claims {
			check(len(claim) >= shortestClaim && !strings.Contains(allBrowsers, claim), field+".agents",
				fmt.Sprintf("holds %q, which others say too: write what only it says, %d letters or more, as in examplebot", claim, shortestClaim))
			check(strings.ToLower(claim) == claim, field+".agents", fmt.Sprintf("must be written in small letters, unlike %q", claim))
		}
		check(len(c.Networks) > 0, field+".networks", "is missing: write where it comes from, as in 192.0.2.0/24")
		check(len(c.Networks) <= mostOfCrawler, field+".networks", fmt.Sprintf("must be %d at most", mostOfCrawler))
		for _, n := range c.Networks {
			widest := widestOfCrawler4
			if n.Addr().Is6() {
				widest = widestOfCrawler6
			}
			check(n.IsValid() && n.Bits() >= widest && !n.Addr().Is4In6(), field+".networks",
				fmt.Sprintf("holds %s, which is nearly everybody: write what its operator publishes, /%d or narrower", n, widest))
		}
	}
}

// claimed is the crawler that a user agent claims to be.
func claimed(all []Crawler, agent string) *Crawler {
	if agent == "" {
		return nil
	}
	var room [256]byte
	lower := room[:0]
	for i := range min(len(agent), len(room)) {
		lower = append(lower, lowered(agent[i]))
	}
	for i := range all {
		for _, claim := range all[i].Claims {
			if strings.Contains(string(lower), claim) {
				return &all[i]
			}
		}
	}
	return nil
}

// verified reports whether a request is of a crawler that is what it claims to be: its user agent
// says so, and its address lies where the operator of that crawler says.
func verified(all []Crawler, r *Request) bool {
	c := claimed(all, r.UserAgent)
	if c == nil {
		return false
	}
	for _, p := range c.Networks {
		if p.Contains(r.Client) {
			return true
		}
	}
	return false
}

// CrawlerIn names a crawler that has addresses in a network, whoever asked from there.
func (e *Engine) CrawlerIn(n netip.Prefix) (name string, is bool) {
	for _, c := range e.regime.Load().sources.crawlers {
		for _, p := range c.Networks {
			if p.Overlaps(n) {
				return c.Name, true
			}
		}
	}
	return "", false
}
