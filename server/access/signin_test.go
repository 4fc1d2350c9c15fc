package access_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/sentinel-protocol/sentinel/server/access"
)

func TestTheAnswerToAWrongNameIsThatToAWrongPassword(t *testing.T) {
	o := open(t, quick)
	o.admin()
	_, _, err := o.AddOperator(t.Context(), cli, "new", access.Viewer)
	o.must(err)
	for _, c := range [][2]string{
		{"mara", "seven otters knot"},
		{"nobody", good},
		{"new", ""},
		{"new", good},
		{"", ""},
		{"mara' OR 1=1--", good},
		{"mara", strings.Repeat("a", 60_000)},
		{"mara\x00", good},
		{"mara", good + "\x00"},
	} {
		_, _, err := o.SignIn(t.Context(), c[0], c[1], home, "")
		o.want(err, access.ErrWrong)
	}
	_, _, err = o.SignIn(t.Context(), "MARA", good, home, "")
	o.must(err)
}

func TestPasswordsAreComparedToTheirLastLetter(t *testing.T) {
	o := open(t, quick)
	o.admin()
	long := strings.Repeat("otters knit ", 6)
	o.must(o.SetPassword(t.Context(), cli, "mara", long+"REAL"))
	_, _, err := o.SignIn(t.Context(), "mara", long+"FAKE", home, "")
	o.want(err, access.ErrWrong)
	_, _, err = o.SignIn(t.Context(), "mara", long+"REAL", home, "")
	o.must(err)
}

func TestGuessingStopsAndLocksNobodyOut(t *testing.T) {
	o := open(t, quick)
	o.admin()
	tried := 0
	for range 1000 {
		_, _, err := o.SignIn(t.Context(), "mara", "seven otters knot", abroad, "")
		if wait := (access.Throttled{}); !errors.As(err, &wait) {
			tried++
		} else if wait.Wait <= 0 || wait.Wait > time.Minute {
			t.Fatalf("has to wait %s", wait.Wait)
		}
	}
	if tried > 20 {
		t.Errorf("%d guesses were looked at", tried)
	}
	_, _, err := o.SignIn(t.Context(), "mara", good, home, "")
	o.must(err)
	if n := strings.Count(o.audit(), "sign-in throttled"); n != 1 {
		t.Errorf("it is written down %d times", n)
	}
	o.at = o.at.Add(time.Minute)
	_, _, err = o.SignIn(t.Context(), "mara", good, abroad, "")
	o.must(err)
}

func TestManyAddressesGuessingOneNameDoNotKeepItsOwnerOut(t *testing.T) {
	o := open(t, quick)
	o.admin()
	tried := 0
	for i := range 200 {
		from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		for range 3 {
			_, _, err := o.SignIn(t.Context(), "mara", "seven otters knot", from, "")
			if !errors.As(err, &access.Throttled{}) {
				tried++
			}
		}
	}
	if tried > 100 {
		t.Errorf("%d guesses were looked at", tried)
	}
	_, _, err := o.SignIn(t.Context(), "mara", good, home, "") // from where she has signed in before
	o.must(err)
}

func TestAnAddressThatTriesManyNamesHasToWait(t *testing.T) {
	o := open(t, quick)
	tried := map[string]int{}
	for i := range 100 {
		for _, from := range []string{"198.51.100.7", fmt.Sprintf("2001:db8::%x", i)} {
			_, _, err := o.SignIn(t.Context(), fmt.Sprintf("name%d", i), good, netip.MustParseAddr(from), "")
			if !errors.As(err, &access.Throttled{}) {
				tried[from[:4]]++
			}
		}
	}
	if tried["198."] != 20 || tried["2001"] != 20 {
		t.Errorf("looked at %v", tried)
	}
}

func TestASessionEndsWhenItIsIdleOldSignedOutOrFromTheFuture(t *testing.T) {
	o := open(t, quick)
	secret, _ := o.admin()
	for range 3 {
		o.at = o.at.Add(11 * time.Hour)
		if _, err := o.Session(t.Context(), secret); err != nil {
			t.Fatalf("11 hours after it was used: %v", err)
		}
	}
	for _, c := range []struct {
		name string
		ends func() string
	}{
		{"idle", func() string { o.at = o.at.Add(12 * time.Hour); return secret }},
		{"old", func() string {
			s := o.signIn()
			for range 7 * 24 / 6 {
				o.at = o.at.Add(6 * time.Hour)
				_, _ = o.Session(t.Context(), s)
			}
			return s
		}},
		{"signed out", func() string { s := o.signIn(); o.must(o.SignOut(t.Context(), s, home)); return s }},
		{"the clock was put back", func() string { s := o.signIn(); o.at = o.at.Add(-time.Hour); return s }},
		{"another took its place", func() string {
			s := o.signIn()
			_, _, err := o.SignIn(t.Context(), "mara", good, home, s)
			o.must(err)
			return s
		}},
		{"empty", func() string { return "" }},
		{"invented", func() string { return strings.Repeat("A", 43) }},
	} {
		if _, err := o.Session(t.Context(), c.ends()); !errors.Is(err, access.ErrEnded) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSessionsOfOneOperatorAreBounded(t *testing.T) {
	o := open(t, quick)
	first, _ := o.admin()
	for range 50 {
		o.at = o.at.Add(time.Second)
		o.signIn()
	}
	_, err := o.Session(t.Context(), first)
	o.want(err, access.ErrEnded)
}

func TestASessionIsKeptAcrossARestart(t *testing.T) {
	o := open(t, quick)
	secret, pass := o.admin()
	if p, err := o.again(quick).Session(t.Context(), secret); err != nil || p.ID != pass.ID {
		t.Error(p, err)
	}
}

func TestPasswordsAreHashedByAFewAtATime(t *testing.T) {
	o := open(t, &argon2id.Params{Memory: 1 << 10, Iterations: 200, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	const all = 60
	errs := make(chan error, all)
	for i := range all {
		from := netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		go func() {
			_, _, err := o.SignIn(t.Context(), "mara", good, from, "")
			errs <- err
		}()
	}
	busy := 0
	for range all {
		if err := <-errs; errors.Is(err, access.ErrBusy) {
			busy++
		} else if !errors.Is(err, access.ErrWrong) {
			t.Error(err)
		}
	}
	if busy == 0 {
		t.Error("nobody was sent away")
	}
}

func TestATokenLetsAProgramInUntilItExpiresOrIsRevoked(t *testing.T) {
	o := open(t, quick)
	kept, secret, err := o.CreateToken(t.Context(), cli, "bouncer", access.Viewer, time.Hour)
	if err != nil || !strings.HasPrefix(secret, "sntl_") || !strings.HasPrefix(secret, kept.Prefix) || len(kept.Prefix) > 12 {
		t.Fatalf("%+v %v", kept, err)
	}
	p, err := o.Token(t.Context(), secret)
	if err != nil || p.Role != access.Viewer || !p.Token || p.Name != "token bouncer" {
		t.Errorf("got %+v %v", p, err)
	}
	for _, junk := range []string{"", "sntl_", secret + "x", secret[:len(secret)-1], "SNTL_" + secret[5:], "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."} {
		_, err := o.Token(t.Context(), junk)
		o.want(err, access.ErrEnded)
	}
	o.at = o.at.Add(time.Hour)
	_, err = o.Token(t.Context(), secret)
	o.want(err, access.ErrEnded)
	if o.Holds(t.Context(), p) {
		t.Error("a socket would stay open")
	}
	lasting, secret, err := o.CreateToken(t.Context(), cli, "backup", access.Admin, 0)
	o.must(err)
	o.must(o.RevokeToken(t.Context(), cli, lasting.ID))
	_, err = o.Token(t.Context(), secret)
	o.want(err, access.ErrEnded)
	o.want(o.RevokeToken(t.Context(), cli, lasting.ID), access.ErrUnknown)
	if _, _, err := o.CreateToken(t.Context(), cli, "Bouncer", access.Viewer, 0); err == nil {
		t.Error("a second one has the same name")
	}
}

func TestLastUsedIsWrittenOnceAMinute(t *testing.T) {
	o := open(t, quick)
	_, secret, err := o.CreateToken(t.Context(), cli, "bouncer", access.Viewer, 0)
	o.must(err)
	used := func() time.Time {
		_, err := o.Token(t.Context(), secret)
		o.must(err)
		all, err := o.Tokens(t.Context())
		o.must(err)
		return all[0].Used
	}
	first := used()
	o.at = o.at.Add(59 * time.Second)
	if again := used(); first.IsZero() || !again.Equal(first) {
		t.Errorf("first %s, after 59 seconds %s", first, again)
	}
	o.at = o.at.Add(2 * time.Second)
	if again := used(); again.Equal(first) {
		t.Error("after a minute it is as before")
	}
}

func TestATicketOpensOneSocketSoon(t *testing.T) {
	o := open(t, quick)
	_, pass := o.admin()
	ticket := o.Ticket(pass)
	if p, err := o.Enter(t.Context(), ticket); err != nil || p.ID != pass.ID {
		t.Fatal(p, err)
	}
	ended := func(why, ticket string) {
		t.Helper()
		if _, err := o.Enter(t.Context(), ticket); !errors.Is(err, access.ErrEnded) {
			t.Errorf("%s: %v", why, err)
		}
	}
	ended("used", ticket)
	ticket = o.Ticket(pass)
	o.at = o.at.Add(30 * time.Second)
	ended("late", ticket)
	oldest := o.Ticket(pass)
	for range 30 {
		o.Ticket(pass)
	}
	ended("one of too many", oldest)
	ticket = o.Ticket(pass)
	o.must(o.SetPassword(t.Context(), cli, "mara", other))
	ended("of a session that has ended", ticket)
}
