package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/console"
	"github.com/sentinel-protocol/sentinel/server/store"
)

const good = "seven otters knit"

// An office is a house that operators sign in to.
type office struct {
	*house
	access *access.Access
	from   []netip.Addr // where operators were seen to act from
}

// openOffice opens one with an admin, mara.
func openOffice(t testing.TB, change ...func(*console.Config)) *office {
	t.Helper()
	o := &office{}
	o.house = open(t, append([]func(*console.Config){func(c *console.Config) {
		var err error
		o.access, err = access.New(access.Config{
			Ledger: c.Store, Log: c.Log,
			Cost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Demo, c.Access = false, o.access
		c.Operating = func(a netip.Addr) { o.from = append(o.from, a) }
	}}, change...)...)
	link, _, err := o.access.Setup(t.Context())
	o.must(err)
	if _, _, err := o.access.Claim(t.Context(), link, "mara", good, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	return o
}

// cookie of who signs in.
func (o *office) signIn(name, password string) string {
	o.t.Helper()
	a := o.post("/session", map[string]string{"name": name, "password": password})
	if a.code != 200 {
		o.t.Fatalf("%s can't sign in: %d %s", name, a.code, a.body)
	}
	return "Cookie: " + strings.Split(a.header.Get("Set-Cookie"), ";")[0]
}

func (o *office) post(path string, body any, headers ...string) answer {
	o.t.Helper()
	b, err := json.Marshal(body)
	o.must(err)
	return o.send("POST", path, string(b), append(headers, isJSON)...)
}

// token of a role.
func (o *office) token(role access.Role) string {
	o.t.Helper()
	_, secret, err := o.access.CreateToken(o.t.Context(), access.By{Name: "test"}, "a "+role.String()+fmt.Sprint(o.seq), role, 0)
	o.must(err)
	o.seq++
	return secret
}

func TestTheSchemaIsNotToldToOperators(t *testing.T) {
	o := openOffice(t)
	for _, document := range []string{`{__schema {types {name}}}`, `{__type(name: "Query") {name}}`, `{...f} fragment f on Query {me {name} __schema {types {name}}}`} {
		if _, code := o.graphql(document, "Authorization: Bearer "+o.token(access.Admin)); code != "DENIED" {
			t.Errorf("%s gives %s", document, code)
		}
	}
}

// graphql asks as whoever the headers say, and returns the first error's code.
func (o *office) graphql(document string, headers ...string) (answer, string) {
	o.t.Helper()
	a := o.post("/graphql", map[string]string{"query": document}, headers...)
	var out struct{ Errors []problem }
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || len(out.Errors) == 0 {
		return a, ""
	}
	return a, out.Errors[0].Extensions.Code
}

func TestNobodyAsksAnythingBeforeSigningIn(t *testing.T) {
	o := openOffice(t)
	for _, document := range []string{"{me{name}}", "{__schema{types{name}}}", "{mee{id}}", "{", `mutation{block(input:{target:"198.51.100.7"}){id}}`} {
		a, code := o.graphql(document)
		if a.code != 401 || code != "UNAUTHENTICATED" || strings.Contains(a.body, "mean") || strings.Contains(a.body, `"data":{`) {
			t.Errorf("%s gives %d %s", document, a.code, a.body)
		}
	}
	for _, path := range []string{"/api/monitoring/stats", "/api/ip-management/list", "/api/export/alerts.csv", "/api/nothing", "/api/monitoring/stats?access_token=" + o.token(access.Admin)} {
		if a := o.send("GET", path, ""); a.code != 401 {
			t.Errorf("%s gives %d", path, a.code)
		}
	}
	if a := o.post("/session/ticket", nil); a.code != 401 {
		t.Errorf("a ticket is given away: %d", a.code)
	}
	if a := o.send("GET", "/session", ""); a.code != 401 || !strings.Contains(a.body, `"setup":false`) {
		t.Errorf("who is signed in: %d %s", a.code, a.body)
	}
	for _, bearer := range []string{"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", "Bearer ", "Basic bWFyYTpzZXZlbiBvdHRlcnMga25pdA==", "Bearer sntl_" + strings.Repeat("A", 43)} {
		if a := o.send("GET", "/api/monitoring/stats", "", "Authorization: "+bearer, o.signIn("mara", good)); a.code != 401 {
			t.Errorf("%s gives %d, a cookie beside it or not", bearer, a.code)
		}
	}
}

func TestSigningInSetsACookieThatNoPageCanRead(t *testing.T) {
	for scheme, change := range map[string]func(*console.Config){
		"http": func(*console.Config) {}, "https": func(c *console.Config) { c.TLS = true },
	} {
		o := openOffice(t, change)
		a := o.post("/session", map[string]string{"name": "Mara", "password": good}, "Origin: "+scheme+"://"+host)
		set := a.header.Get("Set-Cookie")
		if a.code != 200 || a.header.Get("Cache-Control") != "no-store" || !strings.Contains(a.body, `"name":"mara","role":"ADMIN","demo":false`) {
			t.Errorf("%s: %d %s", scheme, a.code, a.body)
		}
		attributes := strings.Split(set, "; ")
		for _, want := range []string{"Path=/", "HttpOnly", "SameSite=Strict"} {
			if !slices.Contains(attributes, want) {
				t.Errorf("%s: the cookie is not %s: %s", scheme, want, set)
			}
		}
		secure := strings.HasPrefix(set, "__Host-sentinel=") && slices.Contains(attributes, "Secure")
		if secure != (scheme == "https") || strings.Contains(set, "Domain") {
			t.Errorf("%s: %s", scheme, set)
		}
		if a := o.post("/session", map[string]string{"name": "mara", "password": good}, "Origin: "+map[string]string{"http": "https", "https": "http"}[scheme]+"://"+host); a.code != 403 {
			t.Errorf("%s: a page with another scheme is answered %d", scheme, a.code)
		}
	}
}

func TestSigningInMakesANewSessionAndSigningOutEndsIt(t *testing.T) {
	o := openOffice(t)
	first := o.signIn("mara", good)
	a := o.post("/session", map[string]string{"name": "mara", "password": good}, first)
	second := "Cookie: " + strings.Split(a.header.Get("Set-Cookie"), ";")[0]
	if first == second {
		t.Fatal("the session is the one that was there before")
	}
	if a := o.send("GET", "/api/monitoring/stats", "", first); a.code != 401 {
		t.Errorf("the one before goes on: %d", a.code)
	}
	if a := o.send("GET", "/session", "", second); a.code != 200 || !strings.Contains(a.body, "mara") {
		t.Errorf("who is signed in: %d %s", a.code, a.body)
	}
	if len(o.from) == 0 || o.from[0] != netip.MustParseAddr("192.0.2.200") {
		t.Errorf("operators act from %v", o.from)
	}
	a = o.send("DELETE", "/session", "", second)
	if set := a.header.Get("Set-Cookie"); a.code != 200 || !strings.Contains(set, "Max-Age=0") {
		t.Errorf("signing out: %d %s", a.code, set)
	}
	for _, path := range []string{"/api/monitoring/stats", "/session"} {
		if a := o.send("GET", path, "", second); a.code != 401 {
			t.Errorf("afterwards %s gives %d", path, a.code)
		}
	}
	planted := "Cookie: sentinel=x; " + strings.TrimPrefix(o.signIn("mara", good), "Cookie: ")
	if a := o.send("GET", "/session", "", planted); a.code != 401 {
		t.Errorf("two cookies of one name give %d", a.code)
	}
}

func TestWrongSignInsSayTheSame(t *testing.T) {
	o := openOffice(t)
	var bodies []string
	for _, name := range []string{"mara", "nobody", "admin"} {
		a := o.post("/session", map[string]string{"name": name, "password": "admin"})
		bodies = append(bodies, fmt.Sprint(a.code, a.body, a.header.Get("Set-Cookie")))
	}
	if slices.Sort(bodies); bodies[0] != bodies[2] || !strings.HasPrefix(bodies[0], "401") {
		t.Errorf("they say %v", bodies)
	}
	for name, c := range map[string]struct {
		body, kind string
		code       int
	}{
		"a megabyte":  {`{"name":"mara","password":"` + strings.Repeat("a", 1<<20) + `"}`, isJSON, 413},
		"a form":      {"name=mara&password=x", "Content-Type: application/x-www-form-urlencoded", 415},
		"text":        {`{"name":"mara","password":"` + good + `"}`, "Content-Type: text/plain", 415},
		"no object":   {"[]", isJSON, 400},
		"no strings":  {`{"name":{"$ne":1},"password":{"$ne":1}}`, isJSON, 400},
		"no password": {`{"name":"mara"}`, isJSON, 401},
	} {
		if a := o.send("POST", "/session", c.body, c.kind); a.code != c.code || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s gives %d %s", name, a.code, a.body)
		}
	}
	if a := o.send("POST", "/session", `{"name":"mara","password":"`+good+`"}`, isJSON, "Origin: https://evil.test", "Sec-Fetch-Site: cross-site"); a.code != 403 {
		t.Errorf("another page signs in: %d", a.code)
	}
	throttled := answer{}
	for range 30 {
		throttled = o.post("/session", map[string]string{"name": "mara", "password": "admin"})
	}
	if throttled.code != 429 || throttled.header.Get("Retry-After") == "" {
		t.Errorf("guessing on gives %d %s", throttled.code, throttled.body)
	}
}

func TestALinkSetsUpAndSignsIn(t *testing.T) {
	o := openOffice(t)
	_, link, err := o.access.AddOperator(t.Context(), access.By{Name: "test"}, "joe", access.Viewer)
	o.must(err)
	a := o.post("/setup", map[string]string{"token": link, "name": "joe", "password": "short"})
	if a.code != 400 || !strings.Contains(a.body, `"field":"password"`) {
		t.Errorf("a short password: %d %s", a.code, a.body)
	}
	a = o.post("/setup", map[string]string{"token": link, "name": "joe", "password": good})
	if a.code != 200 || a.header.Get("Set-Cookie") == "" || !strings.Contains(a.body, `"role":"VIEWER"`) {
		t.Errorf("the link: %d %s", a.code, a.body)
	}
	if a := o.post("/setup", map[string]string{"token": link, "name": "joe", "password": good}); a.code != 403 {
		t.Errorf("once more: %d %s", a.code, a.body)
	}
	if a := o.send("GET", "/setup", ""); a.code != 200 || !strings.Contains(a.body, "the app") {
		t.Errorf("its page: %d %s", a.code, a.body)
	}
}

func TestEachRoleDoesWhatItMayEverywhere(t *testing.T) {
	o := openOffice(t)
	roles := []access.Role{access.Viewer, access.Analyst, access.Admin}
	bearer := map[access.Role]string{}
	for _, r := range roles {
		bearer[r] = "Authorization: Bearer " + o.token(r)
	}
	for document, least := range map[string]access.Role{
		`{me{name role}}`: access.Viewer, `{alerts{totalCount}}`: access.Viewer, `{audit{edges{cursor}}}`: access.Viewer,
		`{operators{name}}`: access.Admin, `{tokens{name}}`: access.Admin, `query{...F} fragment F on Query{... on Query{tokens{name}}}`: access.Admin,
		`query($no:Boolean=false){me{name} tokens @include(if:$no){name}}`: access.Admin,
		`{me{name} all:tokens{id}}`:                                        access.Admin,
		`mutation{block(input:{target:"198.51.100.7"}){id}}`:               access.Analyst, `mutation{allow(input:{target:"198.51.100.8"}){id}}`: access.Analyst,
		`mutation{monitor(input:{target:"198.51.100.9"}){id}}`: access.Analyst, `mutation{lift(ids:["D-1"]){lifted{id}}}`: access.Analyst,
		`mutation{resolve(ids:["1"]){id}}`:                                         access.Analyst,
		`mutation{saveRule(input:{definition:""}){id}}`:                            access.Analyst,
		`mutation{setRuleMode(rule:"honeypot",mode:SHADOW){id}}`:                   access.Analyst,
		`mutation{deleteRule(rule:"x",expectedVersion:1)}`:                         access.Analyst,
		`{checkRule(definition:""){rule}}`:                                         access.Analyst,
		`{ruleVersions(rule:"x"){totalCount} deletedRules{rule}}`:                  access.Viewer,
		`mutation{addOperator(input:{name:"x",role:ADMIN}){link}}`:                 access.Admin,
		`mutation{setRole(id:"x",role:ADMIN){id}}`:                                 access.Admin,
		`mutation{removeOperator(id:"x")}`:                                         access.Admin,
		`mutation{createToken(input:{name:"",role:ADMIN}){secret}}`:                access.Admin,
		`mutation{revokeToken(id:"x")}`:                                            access.Admin,
		`mutation{resolve(ids:["1"]){id} b:block(input:{target:"192.0.2.7"}){id}}`: access.Analyst,
	} {
		for _, r := range roles {
			a, code := o.graphql(document, bearer[r])
			if denied := code == "DENIED"; denied != (r < least) || denied && strings.Contains(a.body, `"data":{`) {
				t.Errorf("%s as %s: %s", document, r, a.body)
			}
		}
	}
	for call, least := range map[string]access.Role{
		"GET /api/monitoring/stats": access.Viewer, "HEAD /api/monitoring/stats": access.Viewer, "GET /api/export/exchanges.csv": access.Viewer,
		"POST /api/monitoring/block-ip": access.Analyst, "POST /api/monitoring/unblock": access.Analyst, "POST /api/monitoring/alert/1/resolve": access.Analyst,
		"POST /api/ip-management/add": access.Analyst, "POST /api/ip-management/remove": access.Analyst,
	} {
		for _, r := range roles {
			method, path, _ := strings.Cut(call, " ")
			headers, body := []string{bearer[r]}, ""
			if method == "POST" {
				headers, body = append(headers, isJSON), "{}"
			}
			if a := o.send(method, path, body, headers...); (a.code == 403) != (r < least) || a.code == 401 {
				t.Errorf("%s as %s: %d %s", call, r, a.code, a.body)
			}
		}
	}
	s, err := o.store.Audit(t.Context(), store.Page{First: 500})
	o.must(err)
	if !slices.ContainsFunc(s.Items, func(e store.Entry) bool {
		return e.Verb == "denied" && e.Actor == "token a VIEWER0" && e.Origin == "192.0.2.200"
	}) {
		t.Error("what a viewer was denied is not written down")
	}
}

func TestWhoDidItIsWrittenDown(t *testing.T) {
	o := openOffice(t)
	cookie := o.signIn("mara", good)
	if _, code := o.graphql(`mutation{block(input:{target:"198.51.100.7",reason:"a test"}){id by}}`, cookie); code != "" {
		t.Fatal(code)
	}
	a, _ := o.graphql(`{audit(first:1){edges{node{actor origin verb object}}}}`, cookie)
	if !strings.Contains(a.body, `{"actor":"mara","origin":"192.0.2.200","verb":"block","object":"198.51.100.7"}`) {
		t.Errorf("the log says %s", a.body)
	}
}

func TestAnAdminLooksAfterOperatorsAndTokens(t *testing.T) {
	o := openOffice(t)
	cookie := o.signIn("mara", good)
	var added struct {
		Data struct {
			AddOperator struct {
				Operator struct{ ID, Name, Role string }
				Link     string
			}
		}
	}
	a, _ := o.graphql(`mutation{addOperator(input:{name:"joe",role:ANALYST}){operator{id name role createdAt lastSeenAt you} link}}`, cookie)
	must(t, []byte(a.body), &added)
	joe := added.Data.AddOperator
	prefix := "http://" + host + "/setup#name=joe&token="
	if joe.Operator.Name != "joe" || joe.Operator.Role != "ANALYST" || !strings.HasPrefix(joe.Link, prefix) {
		t.Fatalf("added %s", a.body)
	}
	if a := o.post("/setup", map[string]string{"token": strings.TrimPrefix(joe.Link, prefix), "password": good}); a.code != 200 {
		t.Fatalf("joe: %d %s", a.code, a.body)
	}
	joes := o.signIn("joe", good)
	a, _ = o.graphql(`{operators{name role you lastSeenAt} me{name you}}`, cookie)
	if !strings.Contains(a.body, `"name":"mara","role":"ADMIN","you":true`) || !strings.Contains(a.body, `"name":"joe","role":"ANALYST","you":false`) || strings.Contains(a.body, "null") {
		t.Errorf("operators are %s", a.body)
	}
	if _, code := o.graphql(`mutation{setRole(id:"`+joe.Operator.ID+`",role:VIEWER){role}}`, cookie); code != "" {
		t.Errorf("setting the role: %s", code)
	}
	if a := o.send("GET", "/session", "", joes); a.code != 401 {
		t.Errorf("joe goes on with the old role: %d", a.code)
	}
	if a, code := o.graphql(`mutation{changePassword(old:"wrong",new:"eight otters knit")}`, cookie); code != "INVALID" || !strings.Contains(a.body, `"field":"old"`) {
		t.Errorf("a wrong password: %s", a.body)
	}
	var made struct {
		Data struct {
			CreateToken struct {
				Token  struct{ ID, Prefix string }
				Secret string
			}
		}
	}
	a, _ = o.graphql(`mutation{createToken(input:{name:"bouncer",role:VIEWER,duration:"1h"}){token{id name role prefix createdAt lastUsedAt expiresAt} secret}}`, cookie)
	must(t, []byte(a.body), &made)
	bearer := "Authorization: Bearer " + made.Data.CreateToken.Secret
	if a, code := o.graphql("{me{id name role}}", bearer); code != "" || !strings.Contains(a.body, `"name":"token bouncer","role":"VIEWER"`) {
		t.Errorf("as the token: %s", a.body)
	}
	if a, _ := o.graphql("{tokens{name prefix lastUsedAt}}", cookie); !strings.Contains(a.body, made.Data.CreateToken.Token.Prefix) || strings.Contains(a.body, made.Data.CreateToken.Secret) {
		t.Errorf("tokens are %s", a.body)
	}
	_, _ = o.graphql(`mutation{revokeToken(id:"`+made.Data.CreateToken.Token.ID+`")}`, cookie)
	if a, _ := o.graphql("{me{id}}", bearer); a.code != 401 {
		t.Errorf("revoked it gives %d", a.code)
	}
	_, _ = o.graphql(`mutation{removeOperator(id:"`+joe.Operator.ID+`")}`, cookie)
	if a := o.post("/session", map[string]string{"name": "joe", "password": good}); a.code != 401 {
		t.Errorf("joe still signs in: %d", a.code)
	}
	me, _ := o.graphql(`{me{id}}`, cookie)
	var mara struct {
		Data struct{ Me struct{ ID string } }
	}
	must(t, []byte(me.body), &mara)
	if a, code := o.graphql(`mutation{removeOperator(id:"`+mara.Data.Me.ID+`")}`, cookie); code != "DENIED" || !strings.Contains(a.body, "last admin") {
		t.Errorf("the last admin: %s", a.body)
	}
	if _, code := o.graphql(`mutation{changePassword(old:"`+good+`",new:"eight otters knit")}`, cookie); code != "" {
		t.Errorf("changing it: %s", code)
	}
	if a := o.send("GET", "/session", "", cookie); a.code != 401 {
		t.Errorf("the session outlives the password: %d", a.code)
	}
}

func TestNobodyComesInWhileTheDatabaseIsAway(t *testing.T) {
	o := openOffice(t)
	cookie := o.signIn("mara", good)
	o.must(o.store.Close())
	for name, a := range map[string]answer{
		"a session": o.send("GET", "/api/ip-management/list", "", cookie),
		"a token":   o.send("GET", "/session", "", "Authorization: Bearer sntl_"+strings.Repeat("A", 43)),
		"a sign-in": o.post("/session", map[string]string{"name": "mara", "password": good}),
	} {
		if a.code != 503 || strings.Contains(a.body, "sql") || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s is answered %d %s", name, a.code, a.body)
		}
	}
}

func TestTheDemoHasNoOperators(t *testing.T) {
	h := open(t)
	var who map[string]any
	h.get("/session", &who)
	if who["demo"] != true || who["role"] != "ADMIN" {
		t.Errorf("who is signed in: %v", who)
	}
	for _, call := range []string{"POST /session", "POST /setup", "POST /session/ticket", "DELETE /session"} {
		method, path, _ := strings.Cut(call, " ")
		if a := h.send(method, path, "{}", isJSON); a.code != http.StatusNotFound {
			t.Errorf("%s gives %d", call, a.code)
		}
	}
	var got struct {
		Operators []struct {
			Name      string
			You       bool
			CreatedAt *string
		}
		Tokens []any
	}
	h.mustAsk(&got, `{operators{name you createdAt} tokens{id}}`, nil)
	if len(got.Operators) != 1 || !got.Operators[0].You || got.Operators[0].CreatedAt != nil || len(got.Tokens) != 0 {
		t.Errorf("got %+v", got)
	}
	if errs := h.ask(nil, `mutation{createToken(input:{name:"x",role:VIEWER}){secret}}`, nil); len(errs) != 1 || errs[0].Extensions.Code != "DENIED" {
		t.Errorf("a token of the demo: %+v", errs)
	}
}
