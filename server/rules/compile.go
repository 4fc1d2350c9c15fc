package rules

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Compile makes of a definition what the engine runs. Every mistake in it is told, each an
// engine.Invalid with the field and the remedy, joined.
func Compile(d Definition) (engine.Rule, engine.Terms, error) {
	r, wrong := build(d)
	var all []error
	for _, w := range wrong {
		all = append(all, w)
	}
	if len(all) > 0 {
		return engine.Rule{}, engine.Terms{}, errors.Join(all...)
	}
	return r.rule, r.rule.Terms, nil
}

// build a rule, or say what is wrong with its definition.
func build(d Definition) (*Rule, []engine.Invalid) {
	d = d.filled()
	var k check
	k.definition(&d)
	k.scenarios(&d)
	r := &Rule{Definition: d}
	if d.When.Where != "" {
		var err error
		if r.where, err = compile(d.When.Where, d.On); err != nil {
			k.that(false, "when.where", "%v", err)
		}
	}
	if len(k.wrong) == 0 {
		r.arm()
	}
	return r, k.wrong
}

// arm fills in what the engine runs. The definition is right.
func (r *Rule) arm() {
	d := &r.Definition
	severity, _ := engine.ParseSeverity(d.Severity)
	do, _ := engine.ParseAction(strings.ToUpper(d.Do))
	codes, _ := statuses(d.When.Status)
	stage, _ := engine.ParseStage(d.Stage)
	r.rule = engine.Rule{
		ID: d.ID, Title: d.Title, Version: d.Version, Pack: d.Pack, Explains: d.Explains,
		Meaning: engine.Meaning{Stage: stage}, CoveredBy: d.Covered, On: engine.Answers, Statuses: codes, Methods: d.When.Method, Routes: d.When.Route,
		Terms: engine.Terms{
			Off: d.Mode == modeOff, Shadow: d.Mode == modeShadow,
			More: d.Count, Within: time.Duration(d.Within), Severity: severity, Do: do, For: time.Duration(d.For), Ladder: d.Ladder.ladder(),
		},
	}
	for _, word := range d.By {
		by, _ := engine.ParseDimension(word)
		r.rule.By = append(r.rule.By, by)
	}
	r.rule.Distinct, _ = engine.ParseDimension(d.Distinct)
	if d.On == onRequest {
		r.rule.On, r.rule.Refuse = engine.Requests, http.StatusForbidden
		if do == engine.Throttle {
			r.rule.Refuse = http.StatusTooManyRequests
		}
	}
	if r.where != nil {
		r.rule.When, r.rule.Where, r.rule.Unknown = r.where.holds, d.When.Where, r.where.failed.Load
	}
}

func (s Spans) ladder() (l engine.Ladder) {
	for i := range min(len(s), len(l)) {
		l[i] = time.Duration(s[i])
	}
	return l
}
