package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// A namespace is a network of our own, that leads nowhere: every address of a case is on this
// machine in it, and a name that is looked up is noticed.
type namespace struct {
	asked *atomic.Int64 // how often a name was looked up; nil: nobody would notice
}

// insideFlag tells this very program that it runs in a namespace, on one case.
const insideFlag = "-inside"

// elsewhere is the result of a case that was run in a namespace.
type elsewhere struct{ result }

func (*elsewhere) Error() string { return "run elsewhere" }

// elsewhere runs a case in a namespace, by this very program.
func (r *runner) elsewhere(ctx context.Context, c badCase) error {
	in, err := json.Marshal(c)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", insideFlag, "-binary", r.fixture.binary) //nolint:gosec // ourselves
	cmd.Stdin = bytes.NewReader(in)
	f, err := json.Marshal([]string{r.fixture.work, r.fixture.data, r.fixture.token, r.fixture.cert, r.fixture.key})
	if err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "BAD_INPUTS_FIXTURE="+string(f))
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := isolate(cmd); err != nil {
		return err
	}
	out, err := cmd.Output()
	if err != nil {
		return notRun("a network namespace of its own can't be made here: " + strings.TrimSpace(err.Error()+" "+lastLine(said.String())))
	}
	var told result
	if err := json.Unmarshal(out, &told); err != nil {
		return err
	}
	return &elsewhere{told}
}

// runInside is the program in a namespace: one case from in, its result to out.
func runInside(ctx context.Context, binary string, in io.Reader, out io.Writer) error {
	var f []string
	if err := json.Unmarshal([]byte(os.Getenv("BAD_INPUTS_FIXTURE")), &f); err != nil || len(f) != 5 {
		return fmt.Errorf("%s is for this program itself", insideFlag)
	}
	var c badCase
	if err := json.NewDecoder(in).Decode(&c); err != nil {
		return err
	}
	space, err := enter(ctx, f[0])
	if err != nil {
		return err
	}
	r := &runner{fixture: &fixture{binary: binary, work: f[0], data: f[1], token: f[2], cert: f[3], key: f[4]}, scale: 1, inside: space}
	return json.NewEncoder(out).Encode(r.one(ctx, c))
}

// documentation are the networks that cases take their addresses from (RFC 5737, RFC 3849).
var documentation = []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32"}

// enter sets the network up and answers for the only name server there is.
func enter(ctx context.Context, work string) (*namespace, error) {
	for _, args := range [][]string{{"link", "set", "lo", "up"}} {
		if b, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil { //nolint:gosec // fixed words
			return nil, fmt.Errorf("ip %v: %w: %s", args, err, b)
		}
	}
	for _, p := range documentation {
		args := []string{"route", "add", "local", p, "dev", "lo"}
		if strings.Contains(p, ":") {
			args = append([]string{"-6"}, args...)
		}
		if b, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil && !strings.Contains(p, ":") { //nolint:gosec // fixed words
			return nil, fmt.Errorf("ip %v: %w: %s", args, err, b)
		}
	}
	space := &namespace{}
	names := filepath.Join(work, fmt.Sprintf("resolv-%d.conf", os.Getpid()))
	if err := os.WriteFile(names, []byte("nameserver 127.0.0.1\n"), 0o644); err != nil { //nolint:gosec // as /etc/resolv.conf
		return nil, err
	}
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp", "127.0.0.1:53")
	if err == nil && instead(names, "/etc/resolv.conf") == nil {
		space.asked = &atomic.Int64{}
		go func() {
			for b := make([]byte, 512); ; {
				if _, _, err := conn.ReadFrom(b); err != nil {
					return
				}
				space.asked.Add(1)
			}
		}()
	}
	return space, nil
}
