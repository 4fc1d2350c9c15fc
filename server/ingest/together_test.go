package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// readBy so many workers: what was handed on, in a hash of its order, and the stats.
func readBy(t *testing.T, workers int, f Format, in io.Reader) string {
	t.Helper()
	sum := sha256.New()
	stats, err := Read(context.Background(), in, f, Options{Workers: workers}, func(x *engine.Exchange) {
		fmt.Fprintln(sum, x.At.UnixNano(), x.Client, x.Method, x.Path, x.Folded, x.Status, x.Bytes, x.UserAgent, x.Account, x.Key.Prefix)
	})
	told, _ := json.Marshal(stats)
	return fmt.Sprintf("%x %s %v", sum.Sum(nil), told, err)
}

func TestSeveralWorkersReadWhatOneReads(t *testing.T) {
	lines := strings.SplitAfter(written(6_000), "\n")
	lines[0] += "nonsense\n"
	for i := 100; i < len(lines); i += 30 {
		switch i / 30 % 5 {
		case 0:
			lines[i] += "nonsense\n\n"
		case 1:
			lines[i] += strings.Repeat("z", LongestLine+i)
		case 2:
			lines[i] += lines[i-20] // which is late
		case 3:
			lines[i] = strings.TrimSuffix(lines[i], "\n") + "\r\n"
		}
	}
	combined := strings.Join(lines, "")
	var json, sshd strings.Builder
	for i := range 6_000 {
		fmt.Fprintf(&json, `{"at":%d,"client":"203.0.113.%d","method":"GET","path":"/a/%d","status":200,"key":"key %d"}`+"\n", 1634894936+i, i%256, i, i%7)
		fmt.Fprintf(&sshd, "%s %2d 13:06:56 host sshd[1291]: Failed password for root from 203.0.113.9 port 4431 ssh2\n", []string{"Nov", "Dec", "Jan"}[i/2500], 1+i/250)
	}
	for name, log := range map[string]string{
		"combined": combined, "auto": combined, "jsonl": json.String(), "sshd": sshd.String(),
		`pattern:^(?P<client>\S+) \S+ \S+ \[(?P<time>[^]]+)\] "(?P<request>[^"]*)" (?P<status>\d+)`: combined,
	} {
		f, err := ParseFormat(name)
		if err != nil {
			t.Fatal(err)
		}
		one := readBy(t, 1, f, strings.NewReader(log))
		for _, workers := range []int{2, 4} {
			if got := readBy(t, workers, f, iotest.HalfReader(strings.NewReader(log))); got != one {
				t.Errorf("%s: %d workers read %s, one %s", name, workers, got, one)
			}
		}
		torn := errors.New("torn")
		broken := func() io.Reader {
			return io.MultiReader(strings.NewReader(log[:len(log)/2]), iotest.ErrReader(torn))
		}
		if one, four := readBy(t, 1, f, broken()), readBy(t, 4, f, broken()); four != one || !strings.HasSuffix(one, "torn") {
			t.Errorf("%s, torn: four workers read %s, one %s", name, four, one)
		}
	}
}

func TestReadingEndsWhenItIsToldTo(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	_, err := Read(ctx, strings.NewReader(written(20_000)), Format{}, Options{Workers: 4}, func(*engine.Exchange) {
		if n++; n == 5000 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || n == 20_000 {
		t.Errorf("%d read, %v", n, err)
	}
}
