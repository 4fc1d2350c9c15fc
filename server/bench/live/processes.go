package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processes are the servers that are measured.
type processes struct {
	ctx  context.Context //nolint:containedctx // they live as long as it does
	dir  string
	at   map[string]string // address by name
	pids map[string]int
	all  []*exec.Cmd
}

// start runs a command on a CPU and waits until it listens. What it says is shown when it fails.
func (f *processes) start(name, cpu, at string, command ...string) error {
	said, err := os.CreateTemp(f.dir, filepath.Base(command[0])+"-*.log")
	if err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	defer said.Close()
	c := exec.CommandContext(f.ctx, "taskset", append([]string{"-c", cpu}, command...)...) //nolint:gosec // the commands of a benchmark
	c.Stdout, c.Stderr = said, said
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	f.all = append(f.all, c)
	f.pids[name] = c.Process.Pid // taskset becomes the command
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(f.ctx, "tcp", at)
		if err == nil {
			return conn.Close()
		}
		if f.ctx.Err() != nil {
			return f.ctx.Err()
		}
	}
	text, _ := os.ReadFile(said.Name()) //nolint:errcheck // it was made above
	return fmt.Errorf("%s does not listen on %s: %s", name, at, text)
}

// stop ends them all, with the processes that they started.
func (f *processes) stop() {
	for _, c := range f.all {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
	}
	for _, c := range f.all {
		kill := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
		_ = c.Wait()
		kill.Stop()
	}
}

// spent is the time that a process and its children have had of a CPU. It tells more than
// requests a second where others share the machine.
func (f *processes) spent(name string) time.Duration { return spent(f.pids[name]) }

const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Linux runs

func spent(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	var sum time.Duration
	_, rest, _ := strings.Cut(string(stat), ") ")
	if fields := strings.Fields(rest); len(fields) > 12 {
		for _, text := range fields[11:13] { // utime, stime
			n, _ := strconv.Atoi(text) //nolint:errcheck // the kernel wrote it
			sum += time.Duration(n) * tick
		}
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) //nolint:errcheck // then there are none
	for text := range strings.FieldsSeq(string(children)) {
		child, _ := strconv.Atoi(text) //nolint:errcheck // the kernel wrote it
		sum += spent(child)
	}
	return sum
}

// freePorts are addresses on loopback where nobody listens.
func freePorts(ctx context.Context, n int) ([]string, error) {
	all := make([]string, 0, n)
	for range n {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a port: %w", err)
		}
		defer l.Close() // all at the end, so that none comes twice
		all = append(all, l.Addr().String())
	}
	return all, nil
}

// nginx writes a configuration and returns the command that runs it.
func nginx(dir, name, http string) []string {
	file := filepath.Join(dir, name+".conf")
	var config strings.Builder
	fmt.Fprintf(&config, "daemon off; worker_processes 1; pid %[1]s/%[2]s.pid; error_log %[1]s/%[2]s.err crit; events { worker_connections 2048; }\n"+
		"http { access_log off; keepalive_requests 100000000;\n", dir, name)
	for _, temp := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&config, "%s_temp_path %s/%s-%s;\n", temp, dir, name, temp)
	}
	config.WriteString(http + " }\n")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		panic(err) // the directory was made above
	}
	return []string{"/usr/sbin/nginx", "-p", dir, "-c", file, "-e", filepath.Join(dir, name+".err")}
}
