package rules

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Bounds of what a pack may hold.
const (
	MostRules    = 500       // in a directory
	MostFile     = 256 << 10 // bytes
	MostCount    = 1_000_000 // beyond 128 a rule counts in sub-windows, by the lower bound
	mostRoutes   = 1000      // of a rule
	longestRoute = 256       // bytes
	longestID    = 64        // likewise
	longestTitle = 120       // likewise
	longestText  = 1000      // likewise, of what explains
	mostSteps    = 50        // of a scenario
	mostRequests = 100_000   // likewise
	longestPlay  = 366 * 24 * time.Hour
)

var names = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// a check gathers what is wrong with a definition.
type check struct{ wrong []engine.Invalid }

func (k *check) that(ok bool, field, problem string, args ...any) {
	if !ok {
		k.wrong = append(k.wrong, engine.Invalid{Field: field, Problem: fmt.Sprintf(problem, args...)})
	}
}

// one of these words, told with the nearest when it is none.
func (k *check) one(field, word string, of ...string) {
	k.that(slices.Contains(of, word), field, "must be %s, not %q; the nearest is %s", either(of), word, config.Nearest(word, of))
}

func either(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// definition checks all but the expression, which compile does, and the scenarios.
func (k *check) definition(d *Definition) {
	k.that(names.MatchString(d.ID) && len(d.ID) <= longestID, "id", "must be words joined by -, as in many-secrets-asked-for, and not %q", d.ID)
	k.that(d.ID == "" || !builtIn(d.ID), "id", "is that of a built-in rule, %s: choose another", d.ID)
	k.that(d.Title != "" && len(d.Title) <= longestTitle, "title", "must have 1 to %d bytes: what the alert is called", longestTitle)
	k.that(d.Explains != "" && len(d.Explains) <= longestText, "explains", "must have 1 to %d bytes: the condition in plain words", longestText)
	k.that(d.Version >= 1 && d.Version <= 1_000_000, "version", "must be 1 or more")
	k.that(names.MatchString(d.Pack) && len(d.Pack) <= longestID, "pack", "must be words joined by -, not %q", d.Pack)
	k.that(d.Pack != "core", "pack", "is that of the built-in rules, core: choose another")
	k.one("on", d.On, onRequest, onAnswer)
	k.one("mode", d.Mode, modeEnforce, modeShadow, modeOff)
	for _, id := range d.Covered {
		k.that(builtIn(id) && d.On == onAnswer, "covered_by", "must name built-in rules, of a rule that is asked about answers, and %q is none; the nearest is %s", id, config.Nearest(id, builtIns()))
	}
	k.when(d)
	k.counting(d)
	k.consequence(d)
}

func builtIn(id string) bool {
	return slices.ContainsFunc(engine.Rules(), func(r engine.Rule) bool { return r.ID == id })
}

func builtIns() (ids []string) {
	for _, r := range engine.Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}

func (k *check) when(d *Definition) {
	w := &d.When
	_, err := statuses(w.Status)
	k.that(err == nil, "when.status", "%v", err)
	k.that(len(w.Status) == 0 || d.On == onAnswer, "when.status", "is not known before the answer: write on: answer")
	for i, m := range w.Method {
		field := at("when.method", i)
		k.that(m != "" && len(m) <= 16 && m == strings.ToUpper(m) && !strings.ContainsAny(m, " \t\r\n"), field, "must be a method in capitals, as in %s, not %q", http.MethodPost, m)
	}
	k.that(len(w.Route) <= mostRoutes, "when.route", "must be %d at most", mostRoutes)
	for i, route := range w.Route[:min(len(w.Route), mostRoutes)] {
		problem := pattern(route)
		k.that(problem == "", at("when.route", i), "is %q, which %s", route, problem)
	}
}

func at(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// pattern says what is wrong with a route, nothing when it can be matched.
func pattern(route string) string {
	if len(route) > longestRoute {
		return fmt.Sprintf("is longer than %d bytes", longestRoute)
	}
	if !strings.HasPrefix(route, "/") {
		return "must begin with a slash"
	}
	segments := strings.Split(route[1:], "/")
	plain := make([]string, len(segments))
	for i, s := range segments {
		switch {
		case s == "**":
			if i < len(segments)-1 {
				return "has ** before its end: it stands for all the rest"
			}
			plain[i] = "x"
		case strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") && len(s) > 2 && !strings.ContainsAny(s[1:len(s)-1], "{}*"):
			plain[i] = "x"
		case strings.ContainsAny(s, "{}") || strings.Count(s, "*") > 1:
			return "must have {name} for a segment, * once for anything within one, or ** for the rest"
		case s == "*":
			plain[i] = "x"
		default:
			plain[i] = strings.Replace(s, "*", "x", 1)
		}
	}
	text := "/" + strings.Join(plain, "/")
	if folded, bad := engine.Fold(text); bad != "" || folded != text || len(route) > 1 && strings.HasSuffix(route, "/") {
		return "must be written as rules match on it: lower case, decoded, without a query and without a slash at the end"
	}
	return ""
}

// statuses that are meant, in order; 4xx stands for a hundred.
func statuses(words Words) ([]int, error) {
	var out []int
	for _, w := range words {
		var first, last int
		if class, ok := strings.CutSuffix(w, "xx"); ok && len(class) == 1 {
			n, _ := strconv.Atoi(class)
			first, last = n*100, n*100+99
		} else {
			n, _ := strconv.Atoi(w)
			first, last = n, n
		}
		if first < 100 || last > 599 {
			return nil, fmt.Errorf("must be statuses, as in 401 or 4xx, not %q", w)
		}
		for s := first; s <= last; s++ {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (k *check) counting(d *Definition) {
	k.that(len(d.By) <= 2, "by", "must be one or a pair")
	for i, by := range d.By {
		k.one(at("by", i), by, counted...)
	}
	k.that(len(d.By) != 2 || d.By[0] != d.By[1], "by", "names %s twice", d.By[0])
	k.that(d.Count >= 0 && d.Count <= MostCount, "count", "must be 0 to %d: more than this many trip the rule", MostCount)
	if d.Distinct != "" {
		k.one("distinct", d.Distinct, counted...)
		k.that(!slices.Contains(d.By, d.Distinct), "distinct", "is %s, and by too: count different values of something else", d.Distinct)
		k.that(d.Count > 0, "count", "must be 1 or more where different values are counted")
	}
	within := time.Duration(d.Within)
	if d.Count > 0 {
		k.that(within >= time.Second && within <= engine.LongestWindow, "within", "must be 1s to %s", config.Span(engine.LongestWindow))
	} else {
		k.that(within == 0, "within", "must be left out where one is enough (count: 0)")
	}
}

func (k *check) consequence(d *Definition) {
	_, ok := engine.ParseSeverity(d.Severity)
	k.that(ok, "severity", "must be INFO, LOW, MEDIUM, HIGH or CRITICAL, not %q", d.Severity)
	if d.Stage != "" {
		k.one("stage", d.Stage, stages...)
	}
	k.one("do", d.Do, "block", "throttle", "monitor", doNothing)
	k.that(d.On == onAnswer || d.Do == "block" || d.Do == "throttle", "do", "must be block or throttle where requests are judged, as the one that trips the rule is refused: or write on: answer")
	if d.Do == doNothing {
		k.that(d.For == 0, "for", "must be left out where nothing is done")
		k.that(len(d.Ladder) == 0, "ladder", "must be left out where nothing is done")
		return
	}
	k.that(len(d.Ladder) <= engine.MostRungs, "ladder", "must have %d steps at most", engine.MostRungs)
	k.that(len(d.Ladder) == 0 || d.For == d.Ladder[0], "for", "must be left out where there is a ladder, which says how long it is done")
	for i, s := range d.Ladder {
		k.that(time.Duration(s) >= time.Second && time.Duration(s) <= engine.LongestAction && (i == 0 || s >= d.Ladder[i-1]), at("ladder", i),
			"must be 1s to %s, and no shorter than the one before", config.Span(engine.LongestAction))
	}
	k.that(time.Duration(d.For) >= time.Second && time.Duration(d.For) <= engine.LongestAction, "for", "must be 1s to %s: how long it is done", config.Span(engine.LongestAction))
	k.that(len(d.By) != 1 || !slices.Contains(nobody, d.By[0]), "do", "is %s, and there is nobody to do it to: count by client, network, key or account, or leave do out", d.Do)
}

// nobody in particular is meant by these alone.
var nobody = []string{"route", "path", "asn", "country", "everybody"}

// stages of an attack that a rule may say it speaks of.
var stages = func() (words []string) {
	for s := engine.Reconnaissance; s <= engine.Impact; s++ {
		words = append(words, strings.ToLower(s.String()))
	}
	return words
}()

// counted are the dimensions that rules count by, and different values of.
var counted = func() (words []string) {
	for d := engine.OfClient; d <= engine.OfEverybody; d++ {
		words = append(words, d.String())
	}
	return words
}()
