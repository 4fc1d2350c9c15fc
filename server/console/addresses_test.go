package console_test

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestABlockGoesThereAndBackByWhateverNameTheListsGiveIt(t *testing.T) {
	for name, c := range map[string]struct{ block, lift string }{
		"an address":                       {"198.51.100.7", "198.51.100.7"},
		"a network":                        {"198.51.100.0/24", "198.51.100.0/24"},
		"an address with its key":          {"198.51.100.7", "198.51.100.7:user_key_1"},
		"an address with a key of colons":  {"198.51.100.7", "198.51.100.7:a:b:c"},
		"an address blocked by hand":       {"198.51.100.7", "198.51.100.7:manual"},
		"an IPv6 address":                  {"2001:db8::7", "2001:DB8:0::7"},
		"an IPv6 address blocked by hand":  {"2001:db8::7", "2001:db8::7:manual"},
		"an IPv6 address with a hex key":   {"2001:db8::7", "2001:db8::7:beef"},
		"an IPv6 network with its key":     {"2001:db8::/64", "2001:db8::/64:user_key"},
		"an IPv4 address written as IPv6":  {"198.51.100.7", "::ffff:198.51.100.7"},
		"an address with blanks around it": {" 198.51.100.7 ", "198.51.100.7"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			a := h.send("POST", "/api/monitoring/block-ip", `{"ip":"`+c.block+`","reason":"testing"}`, isJSON)
			var done map[string]any
			must(t, []byte(a.body), &done)
			if a.code != 200 || done["status"] != "success" || done["message"] == "" || done["expires_in"] != 3600.0 {
				t.Fatalf("blocking answers %d %s", a.code, a.body)
			}
			var blocked []struct {
				Identifier, Reason string
				BlockedAt          string `json:"blocked_at"`
				ExpiresAt          string `json:"expires_at"`
			}
			h.get("/api/monitoring/blocked", &blocked)
			at := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)
			if len(blocked) != 1 || blocked[0].Reason != "testing" || !at.MatchString(blocked[0].BlockedAt) || !at.MatchString(blocked[0].ExpiresAt) {
				t.Fatalf("blocked is %+v", blocked)
			}
			unblock := func(identifier string) answer {
				return h.send("POST", "/api/monitoring/unblock", `{"identifier":"`+identifier+`"}`, isJSON)
			}
			if a := unblock(c.lift); a.code != 200 || !strings.Contains(a.body, `"status":"success"`) {
				t.Errorf("unblocking answers %d %s", a.code, a.body)
			}
			if a := unblock(c.lift); a.code != 404 || !strings.Contains(a.body, `"error"`) {
				t.Errorf("unblocking again answers %d %s", a.code, a.body)
			}
			h.send("POST", "/api/monitoring/block-ip", `{"ip":"`+c.block+`"}`, isJSON)
			if a := unblock(blocked[0].Identifier); a.code != 200 {
				t.Errorf("unblocking %q answers %d", blocked[0].Identifier, a.code)
			}
		})
	}
}

func TestARulesBlockIsLiftedByTheAddressItWasAbout(t *testing.T) {
	h := open(t)
	h.trip("2001:db8:1:2::7")
	if a := h.send("POST", "/api/monitoring/unblock", `{"identifier":"2001:db8:1:2::7"}`, isJSON); a.code != 200 {
		t.Errorf("answers %d %s", a.code, a.body)
	}
	if in := h.guard.Covering(netip.MustParseAddr("2001:db8:1:2::7"), engine.Key{}); len(in) != 0 {
		t.Errorf("in force: %+v", in)
	}
}

func TestTheListTakesAndGivesBackEveryAction(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		body, action string
		span         time.Duration
	}{
		{`{"ip":"198.51.100.1"}`, "blacklist", 0},
		{`{"ip":"198.51.100.2","action":"whitelist","duration":"1h","reason":"ours"}`, "whitelist", time.Hour},
		{`{"ip":"198.51.100.3","action":"monitor","duration":"24h"}`, "monitor", 24 * time.Hour},
		{`{"ip":"198.51.100.4","action":"blacklist","duration":"7d","id":5,"added_by":"root"}`, "blacklist", 7 * 24 * time.Hour},
		{`{"ip":"198.51.100.0/25","duration":"30d"}`, "blacklist", 30 * 24 * time.Hour},
		{`{"ip":"198.51.100.6","duration":"permanent"}`, "blacklist", 0},
	} {
		a := h.send("POST", "/api/ip-management/add", c.body, isJSON)
		var done map[string]any
		must(t, []byte(a.body), &done)
		if a.code != 200 || done["status"] != "success" || done["action"] != c.action {
			t.Errorf("%s answers %d %s", c.body, a.code, a.body)
		}
		var list []struct {
			Identifier, IP, Action, Reason string
			AddedAt                        int64
			ExpiresAt                      *int64
			Active                         bool
		}
		h.get("/api/ip-management/list", &list)
		e := list[0]
		span := time.Duration(0)
		if e.ExpiresAt != nil {
			span = time.Duration(*e.ExpiresAt-e.AddedAt) * time.Second
		}
		if e.Action != c.action || !e.Active || span != c.span || e.IP != e.Identifier {
			t.Errorf("%s stands in the list as %+v for %s", c.body, e, span)
		}
		a = h.send("POST", "/api/ip-management/remove", `{"identifier":"`+e.Identifier+`"}`, isJSON)
		if a.code != 200 || !strings.Contains(a.body, `"action":"`+c.action+`"`) {
			t.Errorf("removing %s answers %d %s", e.Identifier, a.code, a.body)
		}
	}
	if in := h.guard.Decisions(); len(in) != 0 {
		t.Errorf("in force: %+v", in)
	}
}

func TestUnblockingLeavesWhatIsAllowed(t *testing.T) {
	h := open(t)
	h.send("POST", "/api/ip-management/add", `{"ip":"198.51.100.2","action":"whitelist"}`, isJSON)
	if a := h.send("POST", "/api/monitoring/unblock", `{"identifier":"198.51.100.2"}`, isJSON); a.code != 404 {
		t.Errorf("answers %d", a.code)
	}
	if len(h.guard.Decisions()) != 1 {
		t.Error("the allow entry is gone")
	}
}

func TestWhatHasEndedStaysInTheListForADay(t *testing.T) {
	h := open(t)
	h.must(h.store.Record(t.Context(), batchOf(
		engine.Decision{ID: "D-0000000000001", From: time.Now().Add(-2 * time.Hour), Until: time.Now().Add(-time.Hour)},
		engine.Decision{ID: "D-0000000000002", From: time.Now().Add(-48 * time.Hour), Until: time.Now().Add(-47 * time.Hour)},
		engine.Decision{ID: "D-0000000000003", From: time.Now().Add(-2 * time.Hour), Until: time.Now().Add(time.Hour), Lifted: time.Now()},
	)))
	var list []struct {
		ID, Action string
		Active     bool
	}
	h.get("/api/ip-management/list", &list)
	if len(list) != 1 || list[0].ID != "D-0000000000001" || list[0].Action != "expired" || list[0].Active {
		t.Errorf("the list is %+v", list)
	}
}

func TestFiftyEqualRequestsMakeOneEntry(t *testing.T) {
	h := open(t)
	codes := make(chan int)
	for range 50 {
		go func() { codes <- h.send("POST", "/api/monitoring/block-ip", `{"ip":"198.51.100.126"}`, isJSON).code }()
	}
	for range 50 {
		if code := <-codes; code != 200 {
			t.Errorf("answers %d", code)
		}
	}
	var list []json.RawMessage
	h.get("/api/ip-management/list", &list)
	if len(list) != 1 {
		t.Errorf("%d entries", len(list))
	}
}
