package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sentinel-protocol/sentinel/server/guard"
)

// name of the socket in the data directory. Only the owner of the directory may use it.
const name = "sentinel.sock"

// longestPath is how much room the operating systems give the name of a socket.
const longestPath = 100

const (
	mostBody = 64 << 10
	patience = 30 * time.Second // of both sides
)

// A Server answers at the socket of a data directory until it is closed.
type Server struct {
	http   *http.Server
	path   string
	served chan struct{}
}

// Listen opens the socket of a data directory that this process owns. A socket that a process
// left behind when it died is replaced.
func Listen(ctx context.Context, dir string, d *Desk, log *slog.Logger) (*Server, error) {
	s, err := listen(ctx, dir, d, log)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Join(dir, name), err)
	}
	return s, nil
}

func listen(ctx context.Context, dir string, d *Desk, log *slog.Logger) (*Server, error) {
	if Running(ctx, dir) {
		return nil, errors.New("another process answers there")
	}
	// It comes to its place when nobody else can use it any more.
	private, err := os.MkdirTemp(dir, ".socket")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	at, short, err := short(private)
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", filepath.Join(short, name))
	if err != nil {
		return nil, errors.Join(err, at.Close())
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it is somewhere else then
	err = errors.Join(
		os.Chmod(filepath.Join(private, name), 0o600),
		os.Rename(filepath.Join(private, name), filepath.Join(dir, name)),
		at.Close(),
	)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Server{path: filepath.Join(dir, name), served: make(chan struct{}), http: &http.Server{
		Handler: handler(d, log), ReadHeaderTimeout: patience, ReadTimeout: patience, WriteTimeout: patience,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // until Close
	}()
	return s, nil
}

// Close takes the socket away, and waits for what is being done.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := errors.Join(os.Remove(s.path), s.http.Shutdown(ctx))
	<-s.served
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func handler(d *Desk, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked Request
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody)).Decode(&asked); err != nil {
			if _, large := errors.AsType[*http.MaxBytesError](err); large {
				http.Error(w, "that is too much at once: name fewer", http.StatusRequestEntityTooLarge)
				return
			}
			http.Error(w, "send a request as JSON", http.StatusBadRequest)
			return
		}
		a, err := d.Do(r.Context(), asked)
		if err != nil {
			a.Problem = err.Error()
			if errors.Is(err, guard.ErrUnavailable) {
				log.Error("change on the machine itself", "do", asked.Do, "err", err)
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a) //nolint:gosec // a new token's secret is for whoever made it; whoever left needs no answer
	})
}

// A Client asks the Sentinel that runs on a data directory.
type Client struct{ dir string }

// Running reports whether a Sentinel answers at the socket of a data directory.
func Running(ctx context.Context, dir string) bool {
	c, err := dial(ctx, dir)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// Dial returns the client of a data directory.
func Dial(dir string) *Client { return &Client{dir} }

// Do has it done there.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b, err := json.Marshal(r) //nolint:gosec // a password goes to the one process that hashes it, through a socket of the same owner
	if err != nil {
		return Answer{}, err
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, c.dir) },
	}}
	ask, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sentinel/", bytes.NewReader(b))
	if err != nil {
		return Answer{}, err
	}
	got, err := client.Do(ask)
	if err != nil {
		return Answer{}, fmt.Errorf("ask the running Sentinel: %w", err)
	}
	defer got.Body.Close()
	var a Answer
	if got.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(got.Body, mostBody)) // as much as came
		return a, fmt.Errorf("the running Sentinel answers %s: %s", got.Status, bytes.TrimSpace(why))
	}
	if err := json.NewDecoder(got.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("ask the running Sentinel: %w", err)
	}
	if a.Problem != "" {
		return a, errors.New(a.Problem)
	}
	return a, nil
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	at, short, err := short(dir)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(short, name))
}

// short is a name of a directory that leaves room for that of a socket; it is good until the
// directory is closed.
func short(dir string) (*os.File, string, error) {
	f, err := os.Open(dir) //nolint:gosec // the operator says where
	if err != nil {
		return nil, "", err
	}
	if len(dir)+len(name) >= longestPath && runtime.GOOS == "linux" {
		return f, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), nil
	}
	return f, dir, nil
}
