package guard

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// guesses fail to sign in, as often as the rule still passes over, or once more.
func (s *scene) guesses(n int) {
	s.t.Helper()
	for range n {
		s.ask("203.0.113.9", "POST", "/api/x", 401)
	}
}

func TestCountingGoesOnAfterARestart(t *testing.T) {
	for name, c := range map[string]struct {
		between func(t *testing.T, file string, s *scene)
		blocked bool
		logged  string
	}{
		"at once": {func(*testing.T, string, *scene) {}, true, ""},
		"without what it counted": {func(t *testing.T, file string, _ *scene) {
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		}, false, ""},
		"with a damaged file": {func(t *testing.T, file string, _ *scene) {
			if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
				t.Error(err)
			}
		}, false, "counting begins anew"},
		"after it was killed while it wrote": {func(t *testing.T, file string, s *scene) {
			if err := os.WriteFile(file+".1234", []byte("half"), 0o600); err != nil {
				t.Error(err)
			}
			if err := os.Chtimes(file+".1234", time.Time{}, s.clock.now().Add(-time.Hour)); err != nil {
				t.Error(err)
			}
		}, true, ""},
		"two days later": {func(_ *testing.T, _ string, s *scene) { s.clock.pass(48 * time.Hour) }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "counts")
			var logged bytes.Buffer
			keep := func(c *Config) { c.Counts, c.Log = file, slog.New(slog.NewTextHandler(&logged, nil)) }
			s := newScene(t, keep)
			s.guesses(5)
			s.stop()
			c.between(t, file, s)
			s.start(keep)
			s.guesses(1)
			if blocked := s.balance("203.0.113.9") == 403; blocked != c.blocked {
				t.Errorf("blocked after the sixth: %v", blocked)
			}
			if got := logged.String(); c.logged == "" && got != "" || !bytes.Contains(logged.Bytes(), []byte(c.logged)) {
				t.Errorf("logged %q", got)
			}
			if left, _ := filepath.Glob(file + ".*"); left != nil {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}

func TestWhatWasLearnedOutlivesAStandstillOfDays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts")
	keep := func(c *Config) { c.Counts = file }
	s := newScene(t, keep)
	for n := range 20 {
		s.put(engine.Request{
			ID: uint64(n + 1), At: s.clock.now(), Client: netip.MustParseAddr(fmt.Sprintf("203.0.113.%d", n)), UserAgent: "PayApp",
			Method: "GET", Path: "/api/balance", Folded: "/api/balance", Route: "/api/balance",
		}, 200)
	}
	learned, served := s.Usual().Learned, len(s.Inventory())
	if learned == 0 || served == 0 {
		t.Fatalf("learned %d, serves %d", learned, served)
	}
	s.stop()
	s.clock.pass(48 * time.Hour)
	s.start(keep)
	if is := s.Usual().Learned; is != learned {
		t.Errorf("knows %d exchanges, not %d", is, learned)
	}
	if is := len(s.Inventory()); is != served {
		t.Errorf("serves %d, not %d", is, served)
	}
}
