package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	redis "github.com/redis/go-redis/v9"
)

// A server is a Redis of a test's own, which can be stopped, killed and started again.
type server struct {
	t      testing.TB
	dir    string
	cmd    *exec.Cmd // nil while it is not running
	socket string
	mini   *miniredis.Miniredis // in its place where there is none
}

// startRedis starts a real Redis on a socket file, so that no port can collide. Where none is
// installed a stand-in serves; tests that need the real one say so with real.
func startRedis(t testing.TB) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Redis for the tests: apt-get install redis-server")
		}
		return &server{t: t, mini: miniredis.RunT(t)}
	}
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: dir, socket: dir + "/s"}
	t.Cleanup(func() {
		s.kill()
		_ = os.RemoveAll(dir)
	})
	s.start()
	return s
}

func (s *server) real() *server {
	s.t.Helper()
	if s.mini != nil {
		s.t.Skip("needs a real Redis: apt-get install redis-server")
	}
	return s
}

func (s *server) url() string {
	if s.mini != nil {
		return "redis://" + s.mini.Addr()
	}
	return "unix://" + s.socket
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", s.socket, "--save", "", "--dir", s.dir,
		"--enable-debug-command", "yes")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "Redis listens", func() bool {
		c, err := net.Dial("unix", s.socket)
		if err != nil {
			return false
		}
		defer c.Close()
		if _, err := c.Write([]byte("PING\r\n")); err != nil {
			return false
		}
		b := make([]byte, 7)
		n, _ := c.Read(b)
		return string(b[:n]) == "+PONG\r\n"
	})
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	s.resume()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
	_ = os.Remove(s.socket)
}

// halt stops the process: it keeps its connections and answers nothing.
func (s *server) halt()   { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *server) resume() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

// do runs a command on the server, past the cluster.
func (s *server) do(args ...any) any {
	s.t.Helper()
	o, err := redis.ParseURL(s.url())
	if err != nil {
		s.t.Fatal(err)
	}
	r := redis.NewClient(o)
	defer r.Close()
	answer, err := r.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("%v: %v", args, err)
	}
	return answer
}

// eventually waits for something that happens elsewhere.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
