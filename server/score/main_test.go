package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		text = b.String()
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func line(client string, second int, request string, status int) string {
	when := time.Unix(1704067200+int64(second), 0).UTC().Format("02/Jan/2006:15:04:05 -0700")
	return fmt.Sprintf("%s - - [%s] %q %d 1 \"-\" \"x\"\n", client, when, request+" HTTP/1.1", status)
}

const header = "source,label,requests,intent_requests,families,first_intent_unix,example\n"

// town is a directory of one log of ten hundred seconds. An early attacker is found and so is
// a late one; one late attacker is missed, and one who did nothing is found.
func town(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var log strings.Builder
	log.WriteString(line("10.0.0.9", 0, "GET /", 200))
	for i := range 8 {
		log.WriteString(line("10.0.0.1", 100+i, "POST /login", 401))
	}
	log.WriteString(line("10.0.0.4", 650, "GET /.env", 404))
	for i := range 8 {
		log.WriteString(line("10.0.0.2", 700+i, "POST /login", 401))
	}
	log.WriteString(line("10.0.0.3", 800, "GET /api/admin", 404))
	log.WriteString(line("10.0.0.5", 900, "GET /", 200))
	log.WriteString(line("10.0.0.9", 1000, "GET /", 200))
	write(t, dir, "town_apache_combined.log.gz", log.String())
	write(t, dir, "town_labels.csv", header+
		"10.0.0.1,attack,8,8,guess:8,1704067300,POST /login\n"+
		"10.0.0.2,attack,8,8,guess:8,1704067900,POST /login\n"+
		"10.0.0.3,other,1,0,,,\n"+
		"10.0.0.4,attack,1,1,leak:1,1704067850,GET /.env\n"+
		"10.0.0.5,bot,1,0,,,\n"+
		"10.0.0.9,other,2,0,,,\n")
	return dir
}

// judged is what replay says of that town today.
const judged = `{"type":"client","client":"10.0.0.1","network":"10.0.0.1/32","requests":8,"verdict":"block","rules":["failed-authentication"],"first":"2024-01-01T00:01:45Z","reason":"r"}
{"type":"client","client":"10.0.0.2","network":"10.0.0.2/32","requests":8,"verdict":"block","rules":["failed-authentication"],"first":"2024-01-01T00:11:45Z","reason":"r"}
{"type":"client","client":"10.0.0.3","network":"10.0.0.3/32","requests":1,"verdict":"block","rules":["honeypot"],"first":"2024-01-01T00:13:20Z","reason":"r"}
{"type":"summary","lines":21,"bad_lines":0,"late_lines":0,"clients":6,"seconds":0.5}
`

// saying is a program that answers like replay.
func saying(t *testing.T, out string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for the product is a shell script")
	}
	dir := t.TempDir()
	write(t, dir, "out", out)
	write(t, dir, "sentinel", "#!/bin/sh\nif [ \"$6\" ]; then echo \"unknown flag: $5 $6\" >&2; exit 1; fi\ncat "+filepath.Join(dir, "out")+"\n")
	return filepath.Join(dir, "sentinel")
}

func scoring(t *testing.T, args ...string) (out, log string, err error) {
	t.Helper()
	var o, l bytes.Buffer
	err = run(t.Context(), append([]string{"-made=false"}, args...), &o, &l)
	return o.String(), l.String(), err
}

func expect(t *testing.T, out string, want ...string) {
	t.Helper()
	squeezed := strings.Join(strings.Fields(out), " ")
	for _, w := range want {
		if !strings.Contains(squeezed, w) {
			t.Errorf("no %q in\n%s", w, out)
		}
	}
}

func TestScoreIsThatOfTheSourcesFirstSeenLate(t *testing.T) {
	out, _, err := scoring(t, "-binary", saying(t, judged), "-data", town(t))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out,
		"town 4 2 2 0.50 (", "pooled 4 2 2 0.50 (",
		"town 1 6 6 5 5 22 % 100 % of 1", // 6 of 9 hostile requests went through, at most; one was never found, 2 were refused
		"all 21 0.500 42 0.",
	)
	if !strings.HasSuffix(out, "\nprecision 0.500 recall 0.500 f1 0.500\n") {
		t.Errorf("the last line of\n%s", out)
	}
}

func TestScoreOfEverySource(t *testing.T) {
	out, _, err := scoring(t, "-all", "-binary", saying(t, judged), "-data", town(t))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "town 6 3 3 0.67 (", "town 3 4 1 250000 0 250000")
	if !strings.HasSuffix(out, "\nprecision 0.667 recall 0.667 f1 0.667\n") {
		t.Errorf("the last line of\n%s", out)
	}
}

func TestSetsApartAndWithoutLabelsAreNotPooled(t *testing.T) {
	dir := town(t)
	_ = os.Rename(filepath.Join(dir, "town_labels.csv"), filepath.Join(dir, "honeytown_labels.csv"))
	_ = os.Rename(filepath.Join(dir, "town_apache_combined.log.gz"), filepath.Join(dir, "honeytown_combined.log.gz"))
	write(t, dir, "horde_combined.log.gz", line("10.0.0.1", 0, "GET /", 200)+line("10.0.0.7", 9, "GET /", 200))
	out, _, err := scoring(t, "-all", "-binary", saying(t, judged), "-data", dir)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "honeytown 6 3 3 - 0.67", "horde 2 2 1 - 0.50", "horde has no labels", "nothing is pooled")
	if !strings.HasSuffix(out, "\nprecision 0.000 recall 0.000 f1 0.000\n") {
		t.Errorf("the last line of\n%s", out)
	}
}

func TestScoreOfTheBuiltProduct(t *testing.T) {
	binary, err := filepath.Abs("../../bin/sentinel")
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.CommandContext(t.Context(), binary, "replay", "--help").Run(); err != nil {
		t.Skip("no built product that can replay: run make build")
	}
	dir := town(t)
	var auth strings.Builder
	for i := range 6 {
		fmt.Fprintf(&auth, "Mar 27 13:06:5%d h sshd[1]: Failed password for root from 203.0.113.9 port 1 ssh2\n", i)
	}
	write(t, dir, "town_auth.log.gz", auth.String())
	out, _, err := scoring(t, "-all", "-binary", binary, "-data", dir)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "town 6 3 ", "town 1 1 1 0 0 0", "Cost on one core")
	if last := out[strings.LastIndex(out[:len(out)-1], "\n")+1:]; !strings.HasPrefix(last, "precision 0.") {
		t.Errorf("the last line is %q", last)
	}
}

func TestScoreNamesTheRemedy(t *testing.T) {
	good, fine := town(t), saying(t, judged)
	with := func(name, text string) string {
		dir := town(t)
		write(t, dir, name, text)
		return dir
	}
	for _, c := range []struct {
		about string
		args  []string
		want  string
	}{
		{"no directory named", nil, "with -data"},
		{"no directory", []string{"-binary", fine, "-data", filepath.Join(good, "nope")}, "make score DATA=DIR"},
		{"a file", []string{"-binary", fine, "-data", filepath.Join(good, "town_labels.csv")}, "name a directory"},
		{"an empty one", []string{"-binary", fine, "-data", t.TempDir()}, "NAME_apache_combined.log.gz"},
		{"no product", []string{"-binary", filepath.Join(good, "nope"), "-data", good}, "make build"},
		{"a product that can't", []string{"-binary", fine, "-data", good, "-rules", "packs"}, "unknown flag: --rules packs"},
		{"another answer", []string{"-binary", saying(t, "{}"), "-data", good}, "ended without its summary"},
		{"a bad pattern", []string{"-binary", fine, "-data", good, "-apart", "["}, "-apart"},
		{"labels without columns", []string{"-binary", fine, "-data", with("town_labels.csv", "a,b\n")}, `no column "source"`},
		{"empty labels", []string{"-binary", fine, "-data", with("town_labels.csv", "")}, "no header"},
		{"a new label", []string{"-binary", fine, "-data", with("town_labels.csv", header+"10.0.0.1,maybe,1,0,,,\n")}, `line 2: label "maybe"`},
		{"a label twice", []string{"-binary", fine, "-data", with("town_labels.csv", header+strings.Repeat("10.0.0.1,bot,1,0,,,\n", 2))}, "line 3"},
		{"no number", []string{"-binary", fine, "-data", with("town_labels.csv", header+"10.0.0.1,bot,1,x,,,\n")}, "intent_requests"},
		{"no time", []string{"-binary", fine, "-data", with("town_labels.csv", header+"10.0.0.1,bot,1,1,,x,\n")}, "first_intent_unix"},
		{"no gzip", []string{"-binary", fine, "-data", with("x_auth.log.gz.log.gz", "")}, ""},
	} {
		_, log, err := scoring(t, c.args...)
		if c.want == "" {
			if err != nil || !strings.Contains(log, "passed over: x_auth.log.gz.log.gz") {
				t.Errorf("%s: %v, said %q", c.about, err, log)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.about, err, c.want)
		}
	}
}

func TestLabelsAndLogThatDisagreeAreTold(t *testing.T) {
	dir := town(t)
	write(t, dir, "town_labels.csv", header+"10.0.0.1,attack,8,8,,1704067300,\n10.0.0.5,other,1,0,,,\nhost.example,attack,1,1,,1704067300,\n")
	write(t, dir, "other_labels.csv", header)
	out, log, err := scoring(t, "-all", "-binary", saying(t, judged), "-data", dir)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "town 3 2 1 1.00", "town: 1 labelled sources made no request", "town: 4 sources have no label")
	if !strings.Contains(log, "other_labels.csv belongs to no log") {
		t.Errorf("said %q", log)
	}
}

func TestPeersHaveAFigureForEachSet(t *testing.T) {
	p, err := readPeers()
	if err != nil {
		t.Fatal(err)
	}
	for name, figures := range p.Sets {
		if len(figures) != len(p.Peers) {
			t.Errorf("%s: %d figures of %d peers", name, len(figures), len(p.Peers))
		}
	}
	if p.Source == "" || !p.compares([]string{"secrepo2021", "elastic2015", "secrepo2018"}) || p.compares([]string{"elastic2015"}) {
		t.Error("peers without a source, or beside other sets")
	}
}
