package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A verdict on a word, or on a whole expectation.
type verdict struct {
	state state
	why   string   // what came instead, or what can't be seen
	words []string // that made it so
}

type state int

// In this order a verdict over several words is the worst of them.
const (
	held state = iota
	unseen
	failed
)

var yes = verdict{}

func no(format string, args ...any) verdict {
	return verdict{state: failed, why: fmt.Sprintf(format, args...)}
}

func blind(what string) verdict { return verdict{state: unseen, why: what + " can't be observed"} }

// when is yes or what came instead.
func when(ok bool, format string, args ...any) verdict {
	if ok {
		return yes
	}
	return no(format, args...)
}

// parameters say how another word is meant.
var parameters = []string{"places", "step", "after_s"}

// ofTime are bounds on time and work, which a neighbour on the same machine can spoil.
var ofTime = []string{"max_ms", "legit_p99_ms_max", "cpu_cores_max", "cpu_ratio_vs_random_max", "recovers_s", "starts_s_max"}

// spoilt reports whether nothing but such a bound was missed.
func (v verdict) spoilt() bool {
	return v.state == failed && len(v.words) > 0 && !slices.ContainsFunc(v.words, func(w string) bool { return !slices.Contains(ofTime, w) })
}

// judge holds an outcome against an expectation: every word must hold, and of any_of one
// alternative. A word that can't be observed never holds.
func (o *outcome) judge(expect tree) verdict {
	if i, ok := expect["step"].(float64); ok {
		if int(i) >= len(o.steps) || o.steps[int(i)] == nil {
			return blind(fmt.Sprintf("step %d", int(i)))
		}
		s := *o.steps[int(i)]
		s.before, s.after = o.before, o.after
		o = &s
	}
	all := yes
	for _, word := range slices.Sorted(maps.Keys(expect)) {
		if slices.Contains(parameters, word) {
			continue
		}
		v := o.word(word, expect[word], expect)
		switch {
		case v.state > all.state:
			all = verdict{v.state, v.why, []string{word}}
		case v.state == all.state && v.state != held:
			all.why += "; " + v.why
			all.words = append(all.words, word)
		}
	}
	return all
}

func (o *outcome) anyOf(want any) verdict {
	var missed, dark []string
	for _, alternative := range list(want) {
		switch v := o.judge(object(alternative)); v.state {
		case held:
			return yes
		case unseen:
			dark = append(dark, v.why)
		case failed:
			missed = append(missed, v.why)
		}
	}
	if len(dark) > 0 {
		return verdict{state: unseen, why: strings.Join(dark, "; ")}
	}
	return no("%s", strings.Join(missed, " | "))
}

// word holds one word against the outcome.
func (o *outcome) word(word string, want any, all tree) verdict {
	switch word {
	case "any_of":
		return o.anyOf(want)
	case "steps":
		return o.eachStep(want)
	case "decision":
		return o.last().decides(want)
	case "decision_last":
		return o.decides(want)
	case "decision_for":
		return o.decidesFor(object(want))
	case "upstream":
		return o.reached(object(want))
	case "client_ip":
		return o.logs("client_ip", want)
	case "flag", "flags":
		return o.flagged(want)
	case "blocks":
		return o.blocks(object(want))
	case "alerts":
		return o.within(word, object(want), func(l *lists) int { return l.alerts })
	case "audit":
		return o.within(word, object(want), func(l *lists) int { return l.audit })
	case "nowhere":
		return o.nowhere(texts(want), texts(all["places"]))
	case "health_field":
		return o.unwell(want)
	}
	for _, family := range []func(string, any) (verdict, bool){o.answerWord, o.logWord, o.figureWord} {
		if v, known := family(word, want); known {
			return v
		}
	}
	return blind(fmt.Sprintf("%q", word))
}

func (o *outcome) decides(want any) verdict {
	got := o.decision()
	for _, w := range texts(want) {
		if got == w || w == "block_or_reject" && (got == blocked || got == rejected) || w == "block_or_allow" && (got == blocked || got == allowed) {
			return yes
		}
	}
	return no("%s%s instead of %v", got, o.told(), want)
}

// told is what was answered, for a failed case.
func (o *outcome) told() string {
	if s := o.statuses(true); len(s) > 0 {
		return fmt.Sprintf(" (%v)", short(s))
	}
	return ""
}

func short(s []int) []int { return s[max(0, len(s)-5):] }

func (o *outcome) decidesFor(want tree) verdict {
	for address, w := range want {
		got, tried := o.decisions[address]
		if !tried {
			return blind("the decision for " + address)
		}
		if got != w {
			return no("%s for %s instead of %v", got, address, w)
		}
	}
	return yes
}

func (o *outcome) eachStep(want any) verdict {
	all := yes
	for i, w := range list(want) {
		if w == nil {
			continue
		}
		if i >= len(o.steps) || o.steps[i] == nil {
			return blind(fmt.Sprintf("step %d", i))
		}
		if v := o.steps[i].judge(object(w)); v.state > all.state {
			all = verdict{state: v.state, why: fmt.Sprintf("step %d: %s", i, v.why)}
		}
	}
	return all
}

// within compares how much was added with bounds.
func (o *outcome) within(what string, want tree, of func(*lists) int) verdict {
	if o.before == nil || o.after == nil {
		return blind(what)
	}
	delta := of(o.after) - of(o.before)
	for word, w := range want {
		n, _ := w.(float64)
		switch word {
		case "min", "delta_min":
			if float64(delta) < n {
				return no("%d %s", delta, what)
			}
		case "max", "delta_max":
			if float64(delta) > n {
				return no("%d %s", delta, what)
			}
		default:
			return blind(what + "." + word)
		}
	}
	return yes
}

// nowhere looks for texts that must not have been kept or told.
func (o *outcome) nowhere(secrets, places []string) verdict {
	if len(places) == 0 {
		places = slices.Sorted(maps.Keys(o.places))
	}
	if len(places) == 0 {
		return blind("what was kept")
	}
	for _, place := range places {
		content, looked := o.places[place]
		if !looked {
			return blind("what is in the " + place)
		}
		for _, s := range secrets {
			if strings.Contains(content, s) {
				return no("%q is in the %s", s, place)
			}
		}
	}
	return yes
}

// unwell reports whether health tells of what a case names: a dependency that is not well.
func (o *outcome) unwell(want any) verdict {
	name, _ := want.(string)
	if o.health == nil {
		return blind("health")
	}
	dependency := strings.TrimSuffix(name, "_degraded")
	if dependency == "store" || dependency == "db" {
		dependency = "database"
	}
	got, known := o.health[dependency]
	if !known {
		return no("health says nothing of %s", dependency)
	}
	return when(got != "ok", "health says that %s is %s", dependency, got)
}

// figureWord compares a measured number, or a fact: the word is its name with what is compared.
func (o *outcome) figureWord(word string, want any) (verdict, bool) {
	if b, ok := want.(bool); ok {
		got, known := o.facts[word]
		if !known {
			return verdict{}, false
		}
		return when(got == b, "%s is %v", word, got), true
	}
	if w, ok := want.(string); ok {
		got, known := o.words[word]
		if !known {
			return verdict{}, false
		}
		return when(got == w, "%s is %q", word, got), true
	}
	n, ok := want.(float64)
	if !ok {
		return verdict{}, false
	}
	name, how := figureOf(word)
	got, known := o.figures[name]
	if !known {
		return verdict{}, false
	}
	switch how {
	case atLeast:
		return when(got >= n, "%s is %.4g, not at least %g", name, got, n), true
	case exactly:
		return when(got == n, "%s is %g, not %g", name, got, n), true
	case atMost:
	}
	return when(got <= n, "%s is %.4g, more than %g", name, got, n), true
}

type comparison int

const (
	atMost comparison = iota
	atLeast
	exactly
)

// figureOf a word: `max_ms` and `x_within_s` are bounds on a time, `x_max`, `x_min` and
// `x_exact` on anything else; a bare name is a bound where it is one by nature.
func figureOf(word string) (string, comparison) {
	switch word {
	case "max_ms":
		return "elapsed_ms", atMost
	case "closed_within_s":
		return "closed_s", atMost
	case "closed_within_ms":
		return "closed_ms", atMost
	case "blocked_within_attempts":
		return "blocked_at_attempt", atMost
	case "recovers_s":
		return word, atMost
	}
	if name, ok := strings.CutSuffix(word, "_max"); ok {
		return name, atMost
	}
	if name, ok := strings.CutSuffix(word, "_min"); ok {
		return name, atLeast
	}
	if name, ok := strings.CutSuffix(word, "_exact"); ok {
		return name, exactly
	}
	return word, exactly
}
