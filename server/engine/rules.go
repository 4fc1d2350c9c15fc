package engine

import (
	"fmt"
	"time"
)

// A Rule is what is looked for and what is done about it. Its Terms are what holds unless
// the policy says otherwise.
type Rule struct {
	ID, Title string
	Version   int
	Terms

	Explain func(Policy, Terms) string // the condition in plain words, with figures
}

// rules in the order of judgement. A new one is a file and a line here.
var rules = []Rule{honeypot, rateAbuse, failedAuthentication, paymentWithoutBalance}

// Rules lists what the engine looks for.
func Rules() []Rule { return append([]Rule(nil), rules...) }

func ruleIDs() []string {
	var ids []string
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	return ids
}

func (t Terms) consequence() string {
	switch t.Do {
	case Block:
		return fmt.Sprintf(" The client is blocked for %s; severity %s.", words(t.For), t.Severity)
	case Throttle:
		return fmt.Sprintf(" The client is held to a tenth of the limit for %s; severity %s.", words(t.For), t.Severity)
	case Monitor:
		return fmt.Sprintf(" The client is watched for %s; severity %s.", words(t.For), t.Severity)
	}
	return fmt.Sprintf(" Nobody is blocked; severity %s.", t.Severity)
}

// words writes a duration as people say it: "5 minutes", "1 hour 30 minutes".
func words(d time.Duration) string {
	s := ""
	for _, u := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}, {time.Millisecond, "millisecond"}} {
		n := d / u.d
		d -= n * u.d
		if n == 0 {
			continue
		}
		if s != "" {
			s += " "
		}
		s += fmt.Sprintf("%d %s", n, u.name)
		if n > 1 {
			s += "s"
		}
	}
	if s == "" {
		return "0 seconds"
	}
	return s
}
