package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestTheFirstAdminIsMadeByTheLinkOfTheLastStart(t *testing.T) {
	o := open(t, quick)
	first, needed, err := o.Setup(t.Context())
	if err != nil || !needed {
		t.Fatal(needed, err)
	}
	second, _, err := o.again(quick).Setup(t.Context())
	o.must(err)
	_, _, err = o.Claim(t.Context(), first, "mara", good, home)
	o.want(err, access.ErrLink)
	for name, password := range map[string]string{"m": good, "a b": good, "mara": "short", "Mara": "mara likes otters"} {
		if _, _, err := o.Claim(t.Context(), second, name, password, home); !errors.As(err, &engine.Invalid{}) {
			t.Errorf("%s with %s: %v", name, password, err)
		}
	}
	secret, pass, err := o.Claim(t.Context(), second, "Mara", good, home)
	if err != nil || pass.Role != access.Admin || pass.Name != "Mara" {
		t.Fatal(pass, err)
	}
	if got, err := o.Session(t.Context(), secret); err != nil || got.ID != pass.ID {
		t.Errorf("not signed in: %v %v", got, err)
	}
	_, _, err = o.Claim(t.Context(), second, "eve", good, home)
	o.want(err, access.ErrLink)
	if _, needed, err := o.again(quick).Setup(t.Context()); err != nil || needed {
		t.Errorf("a link is made although there is an admin: %v", err)
	}
}

func TestALinkIsGoodForADay(t *testing.T) {
	o := open(t, quick)
	link, _, err := o.Setup(t.Context())
	o.must(err)
	o.at = o.at.Add(24 * time.Hour)
	_, _, err = o.Claim(t.Context(), link, "mara", good, home)
	o.want(err, access.ErrLink)
}

func TestAnOperatorWhoNeverChoseAPasswordKeepsNobodyFromSettingUp(t *testing.T) {
	o := open(t, quick)
	_, _, err := o.AddOperator(t.Context(), cli, "mara", access.Admin)
	o.must(err)
	if _, pass := o.admin(); pass.Role != access.Admin {
		t.Error("the first admin is none")
	}
	if all, err := o.Operators(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("there are %v %v", all, err)
	}
}

func TestSessionsEndWithTheRoleThePasswordAndTheOperator(t *testing.T) {
	for name, end := range map[string]func(*office, access.Pass) error{
		"role": func(o *office, p access.Pass) error {
			_, err := o.SetRole(t.Context(), cli, p.ID, access.Viewer)
			return err
		},
		"password": func(o *office, p access.Pass) error {
			return o.ChangePassword(t.Context(), p, home, good, other)
		},
		"password on the machine": func(o *office, p access.Pass) error {
			return o.SetPassword(t.Context(), cli, p.Name, other)
		},
		"operator": func(o *office, p access.Pass) error { return o.RemoveOperator(t.Context(), cli, p.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, quick)
			stays, others := o.admin()
			secret, pass := o.hire("joe", access.Analyst)
			if !o.Holds(t.Context(), pass) || !o.Holds(t.Context(), others) {
				t.Fatal("they are not signed in")
			}
			for len(o.Ended()) > 0 {
				<-o.Ended()
			}
			o.must(end(o, pass))
			_, err := o.Session(t.Context(), secret)
			o.want(err, access.ErrEnded)
			if o.Holds(t.Context(), pass) {
				t.Error("a socket would stay open")
			}
			if len(o.Ended()) == 0 {
				t.Error("nobody is told")
			}
			_, err = o.Session(t.Context(), stays)
			o.must(err)
		})
	}
}

func TestTheLastAdminStays(t *testing.T) {
	o := open(t, quick)
	_, mara := o.admin()
	_, _, err := o.AddOperator(t.Context(), cli, "joe", access.Admin) // who can't sign in yet
	o.must(err)
	o.want(o.RemoveOperator(t.Context(), cli, mara.ID), access.ErrLastAdmin)
	_, err = o.SetRole(t.Context(), cli, mara.ID, access.Viewer)
	o.want(err, access.ErrLastAdmin)
	all, err := o.Operators(t.Context())
	if err != nil || len(all) != 2 || all[1].Role != access.Admin {
		t.Fatalf("something has changed: %+v %v", all, err)
	}
	o.hire("eve", access.Admin)
	o.must(o.RemoveOperator(t.Context(), cli, mara.ID))
	o.want(o.RemoveOperator(t.Context(), cli, mara.ID), access.ErrUnknown)
}

func TestNamesCannotBeTakenForOneAnother(t *testing.T) {
	o := open(t, quick)
	o.admin()
	for _, name := range []string{"MARA", "m\u0430ra", "x", "two words", "-dash", strings.Repeat("a", 65), "new\nline", "mara\u200b", ""} {
		if _, _, err := o.AddOperator(t.Context(), cli, name, access.Viewer); !errors.As(err, &engine.Invalid{}) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := o.AddOperator(t.Context(), cli, "joe", 9); !errors.As(err, &engine.Invalid{}) {
		t.Errorf("a role that there is not: %v", err)
	}
}

func TestALinkIsForTheOperatorItWasMadeFor(t *testing.T) {
	o := open(t, quick)
	o.admin()
	_, link, err := o.AddOperator(t.Context(), cli, "joe", access.Viewer)
	o.must(err)
	if _, _, err := o.Claim(t.Context(), link, "mara", good, home); !errors.As(err, &engine.Invalid{}) {
		t.Errorf("another name: %v", err)
	}
	_, pass, err := o.Claim(t.Context(), link, "Joe", good, home)
	if err != nil || pass.Role != access.Viewer || pass.Name != "joe" {
		t.Errorf("got %+v %v", pass, err)
	}
	_, _, err = o.Claim(t.Context(), link, "joe", good, home)
	o.want(err, access.ErrLink)
}

func TestAPasswordIsChangedByWhoKnowsIt(t *testing.T) {
	o := open(t, quick)
	_, mara := o.admin()
	for _, c := range []struct{ old, changed, field string }{
		{"wrong wrong wrong", other, "old"}, {good, "short", "new"}, {good, "mara mara mara mara", "new"},
	} {
		err := o.ChangePassword(t.Context(), mara, home, c.old, c.changed)
		if invalid := (engine.Invalid{}); !errors.As(err, &invalid) || invalid.Field != c.field {
			t.Errorf("%s to %s: %v", c.old, c.changed, err)
		}
	}
	_, secret, err := o.CreateToken(t.Context(), cli, "robot", access.Admin, 0)
	o.must(err)
	robot, err := o.Token(t.Context(), secret)
	o.must(err)
	if err := o.ChangePassword(t.Context(), robot, home, good, other); !errors.As(err, &engine.Invalid{}) {
		t.Errorf("of a token: %v", err)
	}
	var err2 error
	for range 30 {
		err2 = o.ChangePassword(t.Context(), mara, home, "wrong wrong wrong", other)
	}
	if !errors.As(err2, &access.Throttled{}) {
		t.Errorf("guessing the old one goes on: %v", err2)
	}
}

func TestWhatWasDoneIsWrittenDownWithoutSecrets(t *testing.T) {
	o := open(t, quick)
	secret, mara := o.admin()
	_, joe := o.hire("joe", access.Viewer)
	token, key, err := o.CreateToken(t.Context(), access.By{Name: "mara", Origin: "192.0.2.1"}, "bouncer", access.Viewer, 0)
	o.must(err)
	_, _, _ = o.SignIn(t.Context(), "mara", "hunter2hunter2", abroad, "")
	_, _, _ = o.SignIn(t.Context(), "a-password-typed-as-name", good, abroad, "")
	_ = o.ChangePassword(t.Context(), mara, home, "wrong wrong wrong", good)
	_, _ = o.SetRole(t.Context(), cli, joe.ID, access.Analyst)
	_ = o.RemoveOperator(t.Context(), cli, joe.ID)
	_ = o.RevokeToken(t.Context(), cli, token.ID)
	for range 100 {
		o.Denied(t.Context(), access.By{Name: "joe", Origin: "192.0.2.9"}, "Mutation.block")
	}
	_ = o.SignOut(t.Context(), secret, home)
	log := o.audit()
	for _, line := range []string{
		"mara|192.0.2.1|set password|operator mara|by link", "root|cli|add operator|operator joe|VIEWER",
		"mara|192.0.2.1|create token|token bouncer|", "unknown|198.51.100.66|failed sign-in|operator mara|",
		"unknown|198.51.100.66|failed sign-in|an unknown name|", "mara|192.0.2.1|failed password change|operator mara|",
		"root|cli|set role|operator joe|VIEWER to ANALYST", "root|cli|remove operator|operator joe|ANALYST",
		"root|cli|revoke token|token bouncer|", "joe|192.0.2.9|denied|Mutation.block|", "mara|192.0.2.1|sign-out|operator mara|",
	} {
		if !strings.Contains(log, line) {
			t.Errorf("nothing says %s in\n%s", line, log)
		}
	}
	for _, leak := range []string{good, "hunter2", "typed-as-name", "wrong wrong", secret, key, "argon2"} {
		if strings.Contains(log, leak) {
			t.Errorf("%q is in the log", leak)
		}
	}
	if n := strings.Count(log, "|denied|"); n > 10 {
		t.Errorf("%d denials of one operator fill the log", n)
	}
}

func TestPasswordsThatAreTriedFirstAreRefused(t *testing.T) {
	for _, p := range []string{
		"short", "elevenchars", "passwordpassword", "Password123456", "password1234!", "123456789012", "qwertyuiopas",
		"qwertyuiop123", "aaaaaaaaaaaaaa", "abababababab", "abcabcabcabc", "Summer2026!!", "changeme1234", "correcthorsebatterystaple",
		"letmeinletmein", "sentinel12345", "20260101202601", "joe knits otters", "JOE KNITS OTTERS", "\xff\xfe123456789012",
		strings.Repeat("xyzzy plugh ", 11),
	} {
		if err := access.CheckPassword("joe", p); !errors.As(err, &engine.Invalid{}) {
			t.Errorf("%q is taken: %v", p, err)
		}
	}
	for _, p := range []string{good, "otter-knit-7!", "пароль из семи", "日本語のパスワード十二文字", "fE9#kq2Lz0pW", strings.Repeat("otters knit ", 9) + "in the rain", "password for the otters"} {
		if err := access.CheckPassword("joe", p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
}
