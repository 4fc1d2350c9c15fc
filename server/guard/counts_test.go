package guard

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
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
		"two days later": {func(t *testing.T, file string, s *scene) {
			if err := os.Chtimes(file, time.Time{}, s.clock.now().Add(-48*time.Hour)); err != nil {
				t.Error(err)
			}
		}, false, "48h0m0s old"},
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
