package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// newest of the exchanges that were logged.
func (o *outcome) newest() (*logged, verdict) {
	if o.logged == nil {
		return nil, blind("the log")
	}
	if len(*o.logged) == 0 {
		return nil, no("nothing was logged%s", o.told())
	}
	return &(*o.logged)[len(*o.logged)-1], yes
}

// logs compares one field of the newest exchange.
func (o *outcome) logs(name string, want any) verdict {
	l, v := o.newest()
	if v.state != held {
		return v
	}
	got, known := l.field(name)
	if !known {
		return blind("the field " + name + " of the log")
	}
	for _, w := range texts(want) {
		if got == w || name == "client_ip" && got == canonical(w) {
			return yes
		}
	}
	return no("logged with %s %q%s", name, clip(got), o.told())
}

func (o *outcome) flagged(want any) verdict {
	l, v := o.newest()
	if v.state != held {
		return v
	}
	if want == nil {
		return when(len(l.Flags) == 0, "flagged %v", l.Flags)
	}
	for _, w := range texts(want) {
		if !slices.Contains(l.Flags, w) {
			return no("flagged %v, not %s", l.Flags, w)
		}
	}
	return yes
}

// logWord is about what was written down: exchanges, and the lines of the program's own log.
func (o *outcome) logWord(word string, want any) (verdict, bool) {
	if word == "counted_user" {
		return o.logs("username", want), true
	}
	if !strings.HasPrefix(word, "log") {
		return verdict{}, false
	}
	switch word {
	case "log", "log_field_equals", "log_any", "log_field_len_max":
		for name, w := range object(want) {
			if v := o.logField(word, name, w); v.state != held {
				return v, true
			}
		}
		return yes, true
	case "log_lines_added":
		if o.logged == nil {
			return blind("the log"), true
		}
		n, _ := want.(float64)
		return when(float64(len(*o.logged)) == n, "%d exchanges were logged", len(*o.logged)), true
	case "log_json_valid":
		got, known := o.facts[word]
		if !known {
			return blind("the log"), true
		}
		return when(got == want, "a line of the log is no JSON"), true
	case "log_codepoints_absent", "log_bytes_absent", "log_line_not", "log_not_contains":
		return o.absent(word, texts(want)), true
	}
	return verdict{}, false
}

func (o *outcome) logField(word, name string, want any) verdict {
	l, v := o.newest()
	if v.state != held {
		return v
	}
	got, known := l.field(name)
	if !known {
		return blind("the field " + name + " of the log")
	}
	switch word {
	case "log_field_len_max":
		n, _ := want.(float64)
		return when(float64(utf8.RuneCountInString(got)) <= n, "%s was logged with %d characters", name, utf8.RuneCountInString(got))
	case "log_any":
		return when(slices.ContainsFunc(texts(want), func(w string) bool { return strings.Contains(got, w) }), "%s was logged as %q", name, clip(got))
	}
	return when(got == fmt.Sprint(want), "%s was logged as %q", name, clip(got))
}

// absent looks for texts in every line of the log and every field of an exchange.
func (o *outcome) absent(word string, unwanted []string) verdict {
	lines, read := o.places["log file"]
	if o.logged == nil || !read {
		return blind("the log")
	}
	for _, u := range unwanted {
		for line := range strings.SplitSeq(lines, "\n") {
			// A text that stands escaped inside of a JSON string forges no line of its own.
			if strings.Contains(line, u) && (word != "log_line_not" || !strings.HasPrefix(line, "{")) {
				return no("a line of the log holds %q", u)
			}
		}
		for _, l := range *o.logged {
			for _, field := range []string{l.Path, l.UserAgent, l.Account, l.Method} {
				forged := word != "log_line_not" || strings.ContainsAny(field, "\r\n")
				if strings.Contains(field, u) && forged {
					return no("an exchange was logged with %q", u)
				}
			}
		}
	}
	return yes
}
