package engine

import (
	"fmt"
	"time"
)

// Who tries a stolen list from a thousand addresses shows nowhere but in the whole: more sign-ins
// fail than ever do. No client is to be blamed for it by that alone, so it is told of the route.
var stuffingCampaign = Rule{
	ID: "stuffing-campaign", Title: "Campaign against sign-ins", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, SignIns: true,
	Terms: Terms{More: 29, Within: time.Minute, Severity: Critical},
	Watch: func(Policy, Terms, keyed) watch { return known(surging) },
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("More than %s beyond what is expected at one sign-in endpoint in a minute, %d minutes in a row, or a third of that in %d, "+
			"by %d clients at least; as many accounts as chance brings together less than once in a thousand million times. "+
			"What is expected is learned, and grows with those who get in. Nothing is told while the API is broken: "+
			"when it answers 5xx to known clients, or nobody gets in and those fail who used to.",
			plural(t.More, "failure"), hotMinutes, warmMinutes, manyClients)
	},
}

func surging(v *view) (t tally) {
	s := v.surge
	if s == nil {
		return t
	}
	t = tally{over: true, tell: true, count: s.count, telling: &telling{about: Target{Route: v.Method + " " + Clipped(v.template(), 128)}}}
	t.reason = fmt.Sprintf("%s: %s in the last minute, %d expected, of %s from %s, %d expected (p < 1e-9), for %s.",
		quoted(t.about.Route), plural(s.failed, "failed sign-in"), s.expected, plural(s.accounts, "account"), plural(s.clients, "client"), s.usually,
		words(time.Duration(s.minutes)*time.Minute))
	if s.share > 0 {
		t.reason += fmt.Sprintf(" At least %d %% of them with %s.", s.share, s.program)
	}
	t.unless = "With fewer failures, with more people who get in, or had the API been broken, it would not have fired."
	return t
}
