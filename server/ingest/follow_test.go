package ingest

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A scene is a log in a directory of its own, and who follows it.
type scene struct {
	*testing.T
	path string
	next int // second of the next line
	seen []string
	stop func()
}

func newScene(t *testing.T) *scene {
	return &scene{T: t, path: filepath.Join(t.TempDir(), "access.log"), stop: func() {}}
}

// line is one that was never written before.
func (s *scene) line() string {
	s.next++
	return combinedLine("203.0.113.9", s.next)
}

// write to the end of a file beside the log, or of the log itself.
func (s *scene) write(name, text string) {
	s.Helper()
	f, err := os.OpenFile(s.at(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		s.Fatal(err)
	}
}

// at is the path of the log, or of one beside it: ".1" is access.log.1.
func (s *scene) at(name string) string { return s.path + name }

func (s *scene) move(from, to string) {
	s.Helper()
	if err := os.Rename(s.at(from), s.at(to)); err != nil {
		s.Fatal(err)
	}
}

// zip compresses a file as logrotate does.
func (s *scene) zip(name string) {
	s.Helper()
	b, err := os.ReadFile(s.at(name))
	if err != nil {
		s.Fatal(err)
	}
	f, err := os.Create(s.at(name + ".gz"))
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	w := gzip.NewWriter(f)
	_, _ = w.Write(b)
	_ = w.Close()
	_ = os.Remove(s.at(name))
}

// follow the log as a process that starts would.
func (s *scene) follow(more func(*Source)) *Source {
	s.Helper()
	p, err := OpenPositions(s.at(".positions.json"))
	if err != nil {
		s.Fatal(err)
	}
	from := &Source{File: s.path, Positions: p, FromStart: true}
	if more != nil {
		more(from)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Follow(ctx, from, func(x engine.Exchange) { s.seen = append(s.seen, x.Path) })
	}()
	s.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	}
	s.pass(0)
	return from
}

// inBubble runs a case of a table with time of its own.
func inBubble(t *testing.T, about string, test func(*testing.T)) {
	t.Helper()
	t.Run(about, func(t *testing.T) { synctest.Test(t, test) })
}

// pass some time.
func (s *scene) pass(d time.Duration) {
	if d > 0 {
		time.Sleep(d) // the bubble's
	}
	synctest.Wait()
}

// look once.
func (s *scene) look() { s.pass(every) }

// all lines that were written were seen, each once and in order.
func (s *scene) all(about string) {
	s.Helper()
	want := make([]string, s.next)
	for i := range want {
		want[i] = fmt.Sprintf("/n%d", i+1)
	}
	if got := strings.Join(s.seen, " "); got != strings.Join(want, " ") {
		s.Errorf("%s: saw %s of %d lines", about, got, s.next)
	}
}

func TestLinesAreReadAsTheyAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.write("", s.line())
		s.follow(nil)
		defer func() { s.stop() }()
		s.all("what was there")
		whole := s.line()
		s.write("", whole[:30])
		s.look()
		if len(s.seen) != 1 {
			t.Errorf("half a line counts: %v", s.seen)
		}
		s.write("", whole[30:]+s.line())
		s.look()
		s.all("the other half")
	})
}

func TestOnlyWhatComesIsReadFromTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.write("", strings.Repeat("x", 10)+"\n"+combinedLine("203.0.113.9", 99)+combinedLine("203.0.113.9", 98)[:20])
		s.follow(func(f *Source) { f.FromStart, f.Positions = false, nil })
		defer func() { s.stop() }()
		s.look()
		s.write("", "the other half\n"+s.line())
		s.look()
		s.all("after the end")
	})
}

func TestALogThatIsNotThereYetIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		from := s.follow(func(f *Source) { f.FromStart = false })
		defer func() { s.stop() }()
		s.look()
		if got := from.Stats().Problem; got != "it is not there yet" {
			t.Errorf("problem %q", got)
		}
		s.write("", s.line())
		s.look()
		s.all("what was written before it was found")
		if got := from.Stats().Problem; got != "" {
			t.Errorf("problem %q", got)
		}
	})
}

func TestNoLineIsLostWhenTheLogIsMovedAway(t *testing.T) {
	for about, rotate := range map[string]func(s *scene){
		"renamed": func(s *scene) {
			s.move("", ".1")
			s.write(".1", s.line()) // the server has not been told yet
			s.look()
			s.write(".1", s.line())
			s.look()
			s.write("", s.line())
		},
		"renamed, and the new one much later": func(s *scene) {
			s.move("", ".1")
			s.pass(5 * time.Minute)
			s.write(".1", s.line())
			s.pass(5 * time.Minute)
			s.write("", s.line())
		},
		"renamed twice": func(s *scene) {
			s.move("", ".1")
			s.write("", s.line())
			s.pass(3 * time.Second)
			s.move(".1", ".2")
			s.move("", ".1")
			s.write("", s.line())
		},
		"deleted and made again": func(s *scene) {
			_ = os.Remove(s.path)
			s.write("", s.line())
		},
		"cut off": func(s *scene) {
			_ = os.Truncate(s.path, 0)
			s.look()
			s.write("", s.line())
		},
		"cut off and written on at once": func(s *scene) {
			_ = os.Truncate(s.path, 0)
			s.write("", s.line()+s.line()+s.line()+s.line()+s.line())
		},
		"cut off and written as long as it was": func(s *scene) {
			for range 2 {
				_ = os.Truncate(s.path, 0)
				s.write("", s.line()+s.line())
				s.look()
			}
		},
		"a link to another": func(s *scene) {
			s.write("-b", s.line())
			_ = os.Remove(s.path)
			_ = os.Symlink(s.at("-b"), s.path)
		},
	} {
		inBubble(t, about, func(t *testing.T) {
			s := newScene(t)
			s.write("", s.line()+s.line())
			s.follow(nil)
			defer func() { s.stop() }()
			s.look()
			rotate(s)
			s.pass(10 * time.Second)
			s.write("", s.line())
			s.look()
			s.all(about)
		})
	}
}

func TestWhatTheServerStillWritesToTheOldFileIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.write("", s.line())
		s.follow(nil)
		defer func() { s.stop() }()
		s.move("", ".1")
		s.write("", s.line())
		s.pass(5 * time.Second)
		s.write(".1", s.line())
		s.look()
		s.all("a worker that was slow to reopen its log")
	})
}

func TestARestartNeitherLosesNorRepeatsLines(t *testing.T) {
	for about, meanwhile := range map[string]func(s *scene){
		"nothing":                 func(*scene) {},
		"lines":                   func(s *scene) { s.write("", s.line()+s.line()) },
		"a rotation":              func(s *scene) { s.write("", s.line()); s.move("", ".1"); s.write("", s.line()) },
		"a rotation, no file yet": func(s *scene) { s.write("", s.line()); s.move("", ".1") },
		"a rotation by date":      func(s *scene) { s.write("", s.line()); s.move("", "-20260101"); s.write("", s.line()) },
		"a rotation, compressed":  func(s *scene) { s.write("", s.line()); s.move("", ".1"); s.zip(".1"); s.write("", s.line()) },
		"two rotations": func(s *scene) {
			s.write("", s.line())
			s.move("", ".2")
			s.write(".1", s.line())
			old := time.Now().Add(-time.Hour)
			_ = os.Chtimes(s.at(".2"), old, old)
			s.write("", s.line())
		},
		"a copy, and the log cut off": func(s *scene) {
			s.write("", s.line())
			b, _ := os.ReadFile(s.path)
			s.write(".1", string(b))
			_ = os.Truncate(s.path, 0)
			s.write("", s.line())
		},
		"the log cut off and written further": func(s *scene) {
			_ = os.Truncate(s.path, 0)
			s.write("", s.line()+s.line()+s.line()+s.line())
		},
		"the log cut off":   func(s *scene) { _ = os.Truncate(s.path, 0); s.write("", s.line()) },
		"an old log beside": func(s *scene) { s.write(".7", combinedLine("203.0.113.9", 77)); s.write("", s.line()) },
	} {
		inBubble(t, about, func(t *testing.T) {
			s := newScene(t)
			s.write("", s.line()+s.line())
			s.follow(nil)
			s.look()
			s.stop()
			meanwhile(s)
			for range 3 {
				s.follow(nil)
				s.look()
				s.stop()
			}
			if about != "a rotation, no file yet" {
				s.write("", s.line())
				s.follow(nil)
				s.look()
				s.stop()
			}
			s.all(about)
		})
	}
}

func TestHalfALineIsReadWholeAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		first, second := s.line(), s.line()
		s.write("", first+second[:40])
		s.follow(nil)
		s.look()
		s.stop()
		s.write("", second[40:])
		s.follow(nil)
		s.look()
		s.stop()
		s.all("half a line")
	})
}

func TestSeveralLogsShareTheirPositions(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		for _, name := range []string{"a.log", "b.log"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(combinedLine("203.0.113.9", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for round, want := range []int{2, 0} {
			p, err := OpenPositions(filepath.Join(dir, "positions.json"))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			seen, ended := make(chan string, 10), make(chan error)
			for _, name := range []string{"a.log", "b.log"} {
				go func() {
					ended <- Follow(ctx, &Source{File: filepath.Join(dir, name), Positions: p, FromStart: true}, func(x engine.Exchange) { seen <- x.Path })
				}()
			}
			synctest.Wait()
			cancel()
			for range 2 {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			if len(seen) != want {
				t.Errorf("round %d: %d lines, want %d", round, len(seen), want)
			}
		}
	})
}

func TestHealthTellsBadLinesAndLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.write("", s.line()+"nonsense\n"+combinedLine("203.0.113.9", 2)[:25])
		from := s.follow(nil)
		defer func() { s.stop() }()
		s.look()
		h := from.Stats()
		if h.Lines != 2 || h.Exchanges != 1 || h.Bad != 1 || h.BadLines[0] != (BadLine{2, noRequest}) || h.Lag != 0 || h.Format != "combined" {
			t.Errorf("%+v", h)
		}
	})
}

func TestStandardInputIsReadToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		text := s.line() + s.line() + strings.TrimSuffix(s.line(), "\n")
		from := &Source{File: "-", In: iotest.HalfReader(strings.NewReader(text))}
		if err := Follow(context.Background(), from, func(x engine.Exchange) { s.seen = append(s.seen, x.Path) }); err != nil {
			t.Error(err)
		}
		s.all("standard input")
		if got := from.Stats(); got.Lines != 3 {
			t.Errorf("%+v", got)
		}
	})
}

func TestStandardInputIsLetGoWhenCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- Follow(ctx, &Source{File: "-", In: r}, func(engine.Exchange) {}) }()
		_, _ = w.Write([]byte(combinedLine("203.0.113.9", 1)))
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = w.Close()
	})
}

func TestWhatCannotBeFollowedIsSaid(t *testing.T) {
	if err := Follow(context.Background(), &Source{File: t.TempDir()}, nil); err == nil || !strings.Contains(err.Error(), "it is no file") {
		t.Error(err)
	}
	bad := filepath.Join(t.TempDir(), "positions.json")
	if err := os.WriteFile(bad, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPositions(bad); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Error(err)
	}
}
