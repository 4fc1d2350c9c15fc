package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestALimitIsExceededByMoreWithinAStretchThatIsShorter(t *testing.T) {
	for _, c := range []struct {
		about string
		times []int
		want  bool
	}{
		{"five", []int{0, 1, 2, 3, 4}, false},
		{"six in a moment", []int{0, 0, 0, 0, 0, 0}, true},
		{"six within a second less than ten minutes", []int{0, 1, 2, 3, 4, 599}, true},
		{"six, the first ten minutes before the last", []int{0, 1, 2, 3, 4, 600}, false},
		{"six in the middle", []int{0, 1000, 1100, 1200, 1300, 1400, 1500, 9000}, true},
		{"six out of order", []int{500, 0, 400, 100, 300, 200}, true},
	} {
		if got := failedLogins.over(at(c.times...)); got != c.want {
			t.Errorf("%s: %v", c.about, got)
		}
	}
}

func TestFailedSignInsAreReadFromWhatSshdWrites(t *testing.T) {
	const log = `Dec 31 23:59:58 h sshd[1]: Failed password for root from 203.0.113.9 port 1 ssh2
Dec 31 23:59:59 h sshd[1]: message repeated 4 times: [ Failed password for root from 203.0.113.9 port 1 ssh2]
Jan  1 00:00:01 h sshd[1]: Invalid user admin from 203.0.113.9
Jan  1 00:00:01 h sshd[1]: Failed password for invalid user a from 192.0.2.1 port 2 ssh2 from 203.0.113.9 port 3 ssh2
Jan  1 00:00:02 h sshd[1]: Invalid user  from 2001:db8::5 port 9
Jan  1 00:00:02 h sshd[1]: Invalid user x from 2001:db8::6 port 9
Jan  1 00:00:02 h sshd[1]: Accepted password for root from 203.0.113.9 port 1 ssh2
Jan  1 00:00:02 h sshd[1]: input_userauth_request: invalid user admin [preauth]
Jan  1 00:00:02 h sudo[1]: Failed password for root from 203.0.113.9 port 1 ssh2
nonsense
`
	got, err := failures(strings.NewReader(log + "<86>" + "2024-01-01T00:00:00Z h sshd-session[2]: Failed password for x from 192.0.2.7 port 1 ssh2"))
	if err != nil {
		t.Fatal(err)
	}
	a := got[netip.MustParseAddr("203.0.113.9")]
	if len(got) != 3 || len(a) != 4 || len(got[netip.MustParseAddr("2001:db8::")]) != 2 || len(got[netip.MustParseAddr("192.0.2.7")]) != 1 {
		t.Fatalf("%v", got)
	}
	if span := a[3].Sub(a[0]).Seconds(); span != 3 {
		t.Errorf("%v seconds over the turn of the year", span)
	}
}

func TestALineThatIsTooLongHidesNone(t *testing.T) {
	const line = "Dec 31 23:59:58 h sshd[1]: Failed password for root from 203.0.113.9 port 1 ssh2\n"
	got, err := failures(strings.NewReader(line + strings.Repeat("x", 3*longestLine) + "\n" + line))
	if err != nil || len(got[netip.MustParseAddr("203.0.113.9")]) != 2 {
		t.Errorf("%v %v", got, err)
	}
}

func TestSignInsAreComparedWithAnExactCount(t *testing.T) {
	r, err := parse(strings.NewReader(`
{"type":"client","client":"10.0.0.1","network":"10.0.0.1/32","requests":9,"verdict":"block","rules":["failed-authentication"],"first":"2024-01-01T00:00:05Z","reason":"r"}
{"type":"client","client":"10.0.0.2","network":"10.0.0.2/32","requests":9,"verdict":"alert","rules":["stuffing"],"first":"2024-01-01T00:00:05Z","reason":"r"}
{"type":"client","client":"10.0.0.3","network":"10.0.0.3/32","requests":9,"verdict":"alert","rules":["failed-authentication","stuffing"],"first":"2024-01-01T00:00:05Z","reason":"r"}
{"type":"summary"}`))
	if err != nil {
		t.Fatal(err)
	}
	many, few := at(1, 2, 3, 4, 5, 6), at(1, 2)
	a := addresses("10.0.0.1", "10.0.0.2", "10.0.0.4")
	got := exact(map[netip.Addr][]time.Time{a[0]: many, a[1]: few, a[2]: many}, r)
	if want := (logins{failing: 3, truth: 2, tally: tally{hits: 1, wrong: 1, missed: 1, quiet: 1}, others: 1}); *got != want {
		t.Errorf("%+v, want %+v", *got, want)
	}
}
