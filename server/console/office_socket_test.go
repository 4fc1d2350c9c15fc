package console_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/access"
)

// enter opens a socket and says who it is.
func (o *office) enter(token string, headers ...string) *peer {
	o.t.Helper()
	p, code := o.dial("graphql-transport-ws", headers...)
	if p == nil {
		o.t.Fatalf("the socket is refused with %d", code)
	}
	payload, err := json.Marshal(map[string]string{"token": token})
	o.must(err)
	p.say(frame{Type: "connection_init", Payload: payload})
	return p
}

func (o *office) ticket(cookie string) string {
	o.t.Helper()
	a := o.post("/session/ticket", nil, cookie)
	var got struct {
		Ticket    string
		ExpiresIn int `json:"expires_in"`
	}
	must(o.t.(*testing.T), []byte(a.body), &got)
	if got.Ticket == "" || got.ExpiresIn != 30 {
		o.t.Fatalf("the ticket is %d %s", a.code, a.body)
	}
	return got.Ticket
}

func TestASocketIsOpenedByATicketOrATokenNeverByTheCookie(t *testing.T) {
	o := openOffice(t)
	cookie := o.signIn("mara", good)
	ticket := o.ticket(cookie)
	for name, p := range map[string]*peer{"a ticket": o.enter(ticket), "a token": o.enter(o.token(access.Viewer))} {
		if f := p.next(); f.Type != "connection_ack" {
			t.Errorf("%s gives %+v", name, f)
		}
	}
	for name, p := range map[string]*peer{
		"the cookie":           o.enter("", cookie),
		"a bearer header":      o.enter("", "Authorization: Bearer "+o.token(access.Admin)),
		"a ticket once more":   o.enter(ticket),
		"the cookie's content": o.enter(strings.TrimPrefix(cookie, "Cookie: sentinel=")),
		"nothing":              o.enter(""),
	} {
		if code := p.closed(); code != 4401 {
			t.Errorf("%s closes with %d", name, code)
		}
	}
	for _, origin := range []string{"https://evil.test", "http://" + host + ".evil.test", "http://" + host + "1", "null"} {
		if _, code := o.dial("graphql-transport-ws", cookie, "Origin: "+origin); code != 403 {
			t.Errorf("a page of %s is answered %d", origin, code)
		}
	}
}

func TestAnInitThatIsNoTokenIsRefused(t *testing.T) {
	o := openOffice(t)
	for _, payload := range []string{`{"token":5}`, `{"token":{"$ne":""}}`, `{"token":null}`, `{"Token":"x"}`, `{}`} {
		p, _ := o.dial("graphql-transport-ws")
		p.say(frame{Type: "connection_init", Payload: json.RawMessage(payload)})
		if code := p.closed(); code != 4401 {
			t.Errorf("%s closes with %d", payload, code)
		}
	}
}

func TestASocketEndsWithTheSessionOrTheToken(t *testing.T) {
	o := openOffice(t)
	by := access.By{Name: "test"}
	joe, link, err := o.access.AddOperator(t.Context(), by, "joe", access.Viewer)
	o.must(err)
	if _, _, err := o.access.Claim(t.Context(), link, "", good, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	bot, secret, err := o.access.CreateToken(t.Context(), by, "bot", access.Viewer, 0)
	o.must(err)
	stays := o.enter(o.ticket(o.signIn("mara", good)))
	if f := stays.next(); f.Type != "connection_ack" {
		t.Fatalf("got %+v", f)
	}
	for name, c := range map[string]struct {
		token string
		end   func(cookie string)
	}{
		"signed out": {"", func(cookie string) { o.send("DELETE", "/session", "", cookie) }},
		"revoked":    {secret, func(string) { o.must(o.access.RevokeToken(t.Context(), by, bot.ID)) }},
		"another role": {"", func(string) {
			_, err := o.access.SetRole(t.Context(), by, joe.ID, access.Analyst)
			o.must(err)
		}},
	} {
		cookie := o.signIn("joe", good)
		token := c.token
		if token == "" {
			token = o.ticket(cookie)
		}
		p := o.enter(token)
		if f := p.next(); f.Type != "connection_ack" {
			t.Fatalf("%s: %+v", name, f)
		}
		p.ask("1", "subscription{alertRaised{id}}")
		c.end(cookie)
		if code := p.closed(); code != 4401 {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	stays.ask("1", "{me{name}}")
	var got struct{ Me struct{ Name string } }
	if stays.data("1", &got); got.Me.Name != "mara" {
		t.Errorf("somebody else's socket: %+v", got)
	}
}

func TestRolesHoldOverTheSocketToo(t *testing.T) {
	o := openOffice(t)
	p := o.enter(o.token(access.Viewer))
	if f := p.next(); f.Type != "connection_ack" {
		t.Fatalf("got %+v", f)
	}
	for _, document := range []string{`mutation{block(input:{target:"198.51.100.7"}){id}}`, `{tokens{id}}`} {
		p.ask("1", document)
		if f := p.next(); f.Type != "error" && !strings.Contains(string(f.Payload), `"code":"DENIED"`) {
			t.Errorf("%s gives %s %s", document, f.Type, f.Payload)
		} else if f.Type == "next" {
			p.next() // complete
		}
	}
	if len(o.guard.Decisions()) != 0 {
		t.Error("a viewer has blocked somebody")
	}
}

func TestStrangersDoNotFillTheSockets(t *testing.T) {
	o := openOffice(t)
	refused := 0
	for range 30 {
		if p, code := o.dial("graphql-transport-ws"); p == nil {
			if refused++; code != 503 {
				t.Errorf("refused with %d", code)
			}
		}
	}
	if refused != 10 {
		t.Errorf("%d of 30 that say nothing are refused", refused)
	}
}

func TestOneOperatorOpensSoManySockets(t *testing.T) {
	o := openOffice(t)
	token := o.token(access.Viewer)
	refused := 0
	for range 105 {
		p := o.enter(token)
		select {
		case f := <-p.frames:
			if f.Type != "connection_ack" && f.Type != "connection_error" {
				t.Fatalf("got %+v", f)
			} else if f.Type == "connection_error" {
				refused++
			}
		case <-p.code:
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d of 105 are refused", refused)
	}
}
