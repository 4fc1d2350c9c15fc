package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SENTINEL_TEST_WRITER"); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

// noon is when most of these tests take place.
var noon = time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(*testing.T, *Store)) {
	t.Run("SQLite", func(t *testing.T) { test(t, opened(t, Config{Dir: t.TempDir()})) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, opened(t, Config{URL: schema(t)})) })
}

func opened(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// schema makes an empty schema of the test's own and gives the URL of it.
func schema(t testing.TB) string {
	t.Helper()
	base := os.Getenv("SENTINEL_TEST_POSTGRES")
	if base == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("SENTINEL_TEST_POSTGRES is not set, and CI must test on PostgreSQL too")
		}
		t.Skip("SENTINEL_TEST_POSTGRES is not set")
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), time.Now().UnixNano())
	db, err := pool(base, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.Background(), "DROP SCHEMA "+name+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

func record(t testing.TB, s *Store, b Batch) {
	t.Helper()
	if err := s.Record(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, s *Store, batch ...Seen) {
	t.Helper()
	if err := s.WriteExchanges(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

// must takes what a question gave; an error ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// exchange happened so long after noon; n tells it from others of that millisecond.
func exchange(after time.Duration, n int, client string) Seen {
	at := noon.Add(after)
	return Seen{Exchange: engine.Exchange{
		Request: engine.Request{
			ID: uint64(at.UnixMilli())<<idBits | uint64(n), At: at, Client: netip.MustParseAddr(client),
			Key:    engine.Key{Hash: [16]byte{1, 2, 3}, Prefix: "user_key"},
			Method: "GET", Path: "/api/balance", Folded: "/api/balance", Route: "/api/balance", UserAgent: "LegitimateApp/1.0",
		},
		Status: 200, Took: 1500 * time.Microsecond, Bytes: 87,
	}}
}

func networkTarget(s string) engine.Target {
	return engine.Target{Network: netip.MustParsePrefix(s)}
}

func alert(id int64, after time.Duration) incident.Alert {
	at := noon.Add(after)
	return incident.Alert{
		ID: id, Rule: "rate-abuse", Version: 1, Title: "Too many requests", Severity: engine.High, Status: incident.Open,
		Actor: networkTarget("198.18.0.7/32"), Client: netip.MustParseAddr("198.18.0.7"),
		Key: engine.Key{Hash: [16]byte{9}, Prefix: "user_key"}, Reason: "101 requests in 60 s, 100 are allowed",
		Method: "GET", Path: "/api/balance", First: at, Last: at, Findings: 1, Finding: fmt.Sprintf("F-%d", id),
		Count: 101, Limit: 100, Window: time.Minute, Times: []time.Time{at.Add(-time.Second), at},
	}
}

func decision(id string, after time.Duration) engine.Decision {
	return engine.Decision{
		ID: id, Action: engine.Block, Target: networkTarget("198.18.0.7/32"), Reason: "101 requests in 60 s, 100 are allowed",
		Origin: engine.ByRule, Rule: "rate-abuse", Finding: "F-1", By: "node-1", From: noon.Add(after), Until: noon.Add(after + time.Hour),
	}
}

// ids of what a page holds.
func ids[T any](of func(T) any, items []T) string {
	var out []string
	for _, i := range items {
		out = append(out, fmt.Sprint(of(i)))
	}
	return strings.Join(out, " ")
}

func alertID(a incident.Alert) any     { return a.ID }
func decisionID(d engine.Decision) any { return d.ID }

// plan says how SQLite means to answer.
func plan(t *testing.T, db *sql.DB, query string, args ...any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var a, b, c int
		var detail string
		if err := rows.Scan(&a, &b, &c, &detail); err != nil {
			t.Fatal(err)
		}
		out = append(out, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}
