// Package bouncertest lets CrowdSec's own bouncer library enforce what Sentinel decides.
package bouncertest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crowdsecurity/crowdsec/pkg/models"
	csbouncer "github.com/crowdsecurity/go-cs-bouncer"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
	"github.com/sentinel-protocol/sentinel/server/service"
	"github.com/sentinel-protocol/sentinel/server/store"
)

const key = "a-key-for-bouncers"

var ada = guard.By{Name: "ada", Origin: "cli"}

// sentinel is a real guard and store behind a real listener.
func sentinel(t *testing.T) (*guard.Guard, string) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	g, err := guard.New(t.Context(), guard.Config{Store: db, Policy: engine.Defaults(), Seed: 1, Node: "test", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	who := func(_ context.Context, k string) (string, error) {
		if k != key {
			return "", access.ErrEnded
		}
		return "bouncer", nil
	}
	s := service.New(service.Config{Guard: g, Store: db, Authorize: who, Log: log})
	t.Cleanup(s.Close)
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	return g, listener.URL + "/"
}

func place(t *testing.T, g *guard.Guard, a engine.Action, network string) engine.Decision {
	t.Helper()
	d, err := g.Place(t.Context(), ada, guard.Wanted{Action: a, Network: netip.MustParsePrefix(network), Reason: "a test", For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func lift(t *testing.T, g *guard.Guard, d engine.Decision) {
	t.Helper()
	if _, err := g.Lift(t.Context(), ada, []string{d.ID}); err != nil {
		t.Fatal(err)
	}
}

func names(ds []*models.Decision) string {
	var out []string
	for _, d := range ds {
		out = append(out, *d.Type+" "+*d.Scope+" "+*d.Value)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestALiveBouncerAsksAboutEachAddress(t *testing.T) {
	g, url := sentinel(t)
	b := csbouncer.LiveBouncer{APIKey: key, APIUrl: url, UserAgent: "sentinel-test/1.0"}
	if err := b.Init(); err != nil {
		t.Fatal(err)
	}
	ask := func(address, want string) {
		t.Helper()
		got, err := b.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		if names(*got) != want {
			t.Errorf("%s gave %s, want %s", address, names(*got), want)
		}
		for _, d := range *got {
			if err := d.Validate(nil); err != nil {
				t.Errorf("%+v is not valid: %v", d, err)
			}
			if left, err := time.ParseDuration(*d.Duration); err != nil || left < 59*time.Minute || left > time.Hour {
				t.Errorf("it lasts %s: %v", *d.Duration, err)
			}
		}
	}
	ask("203.0.113.7", "")
	d := place(t, g, engine.Block, "203.0.113.0/24")
	ask("203.0.113.7", "ban Range 203.0.113.0/24")
	place(t, g, engine.Block, "2001:db8::1/128")
	ask("2001:db8::1", "ban Ip 2001:db8::1")
	place(t, g, engine.Allow, "203.0.113.7/32")
	ask("203.0.113.7", "")
	lift(t, g, d)
	ask("203.0.113.8", "")
}

func TestABouncerWithAWrongKeyIsToldSo(t *testing.T) {
	_, url := sentinel(t)
	b := csbouncer.LiveBouncer{APIKey: "wrong", APIUrl: url}
	if err := b.Init(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get("203.0.113.7"); err == nil || !strings.Contains(err.Error(), "access forbidden") {
		t.Errorf("got %v", err)
	}
}

// A wall is what a stream bouncer knows, kept as bouncers do: by scope and value.
type wall map[string]bool

func (w wall) take(r *models.DecisionsStreamResponse) {
	for _, d := range r.Deleted {
		delete(w, *d.Scope+" "+*d.Value)
	}
	for _, d := range r.New {
		w[*d.Scope+" "+*d.Value] = true
	}
}

func (w wall) String() string {
	var out []string
	for name := range w {
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestAStreamBouncerFollowsEveryChange(t *testing.T) {
	g, url := sentinel(t)
	block := place(t, g, engine.Block, "203.0.113.0/30")
	b := csbouncer.StreamBouncer{APIKey: key, APIUrl: url, UserAgent: "sentinel-test/1.0", TickerInterval: "20ms"}
	if err := b.Init(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(ctx)
	}()
	known := wall{}
	until := func(want string) {
		t.Helper()
		deadline := time.After(10 * time.Second)
		for fmt.Sprint(known) != want {
			select {
			case r := <-b.Stream:
				known.take(r)
			case <-deadline:
				t.Fatalf("the bouncer knows %s, want %s", known, want)
			}
		}
	}
	until("Range 203.0.113.0/30")
	single := place(t, g, engine.Block, "198.51.100.66/32")
	until("Ip 198.51.100.66, Range 203.0.113.0/30")
	allow := place(t, g, engine.Allow, "203.0.113.1/32")
	until("Ip 198.51.100.66, Ip 203.0.113.0, Range 203.0.113.2/31")
	lift(t, g, single)
	until("Ip 203.0.113.0, Range 203.0.113.2/31")
	lift(t, g, allow)
	until("Range 203.0.113.0/30")
	lift(t, g, block)
	until("")
	for i := range 7 { // as a rule does: on the next wrong password
		at := time.Now()
		r := engine.Request{
			ID: uint64(at.UnixMilli())<<20 | uint64(i), At: at, Client: netip.MustParseAddr("192.0.2.7"), Method: "POST",
			Path: "/api/login", Folded: "/api/login", Route: "/api/login",
		}
		if v := g.Decide(r); !v.Refused() {
			g.Observe(engine.Exchange{Request: r, Status: 401})
		}
	}
	until("Ip 192.0.2.7")
	stop()
	for {
		select {
		case <-b.Stream:
			continue
		case <-ended:
		}
		break
	}
}
