package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// combinedLine from a client at a second.
func combinedLine(client string, second int) string {
	when := time.Unix(1704067200+int64(second), 0).UTC().Format("02/Jan/2006:15:04:05 -0700")
	return fmt.Sprintf("%s - - [%s] \"GET /n%d HTTP/1.1\" 200 1 \"-\" \"x\"\n", client, when, second)
}

// pathsOf a log, in order.
func pathsOf(t *testing.T, in io.Reader) (paths string, stats Stats, err error) {
	t.Helper()
	var got []string
	stats, err = Read(context.Background(), in, Format{}, Options{}, func(x *engine.Exchange) { got = append(got, x.Path) })
	return strings.Join(got, " "), stats, err
}

func TestLogsAreReadHoweverTheyAreWritten(t *testing.T) {
	a, b, c := combinedLine("203.0.113.9", 1), combinedLine("203.0.113.9", 2), combinedLine("203.0.113.9", 3)
	zip := func(s string) string {
		var buf bytes.Buffer
		w := gzip.NewWriter(&buf)
		_, _ = w.Write([]byte(s))
		_ = w.Close()
		return buf.String()
	}
	for about, log := range map[string]string{
		"plain":                         a + b + c,
		"without an end":                strings.TrimSuffix(a+b+c, "\n"),
		"with carriage returns":         strings.ReplaceAll(a+b+c, "\n", "\r\n"),
		"with a byte-order mark":        "\ufeff" + a + b + c,
		"with a hole":                   a + strings.Repeat("\x00", 1000) + b + c,
		"compressed":                    zip(a + b + c),
		"compressed in parts":           zip(a+b[:20]) + zip(b[20:]+c),
		"with empty lines":              "\n" + a + "\n\n" + b + c + "\n",
		"with lines that can't be read": a + "nonsense\n" + b + "\xff\xfe\n" + c,
		"with a line without an end":    a + strings.Repeat("x", 300_000) + "\n" + b + c,
		"with a line a bit too long":    a + strings.Repeat("x", LongestLine+1) + "\n" + b + c,
	} {
		for way, in := range map[string]io.Reader{
			"at once": strings.NewReader(log), "byte by byte": iotest.OneByteReader(strings.NewReader(log)),
			"in halves": iotest.HalfReader(strings.NewReader(log)),
		} {
			if paths, stats, err := pathsOf(t, in); err != nil || paths != "/n1 /n2 /n3" {
				t.Errorf("%s, %s: %s, %+v, %v", about, way, paths, stats, err)
			}
		}
	}
}

func TestBadLinesAreCountedAndTheFirstAreTold(t *testing.T) {
	log := combinedLine("203.0.113.9", 1) + strings.Repeat("nonsense\n", 150) + strings.Repeat("y", 100_000) + "\n" + combinedLine("203.0.113.9", 2)
	_, stats, err := pathsOf(t, strings.NewReader(log))
	if err != nil || stats.Lines != 153 || stats.Exchanges != 2 || stats.Bad != 151 || len(stats.BadLines) != MostBad {
		t.Fatalf("%+v, %v", stats, err)
	}
	if first, last := stats.BadLines[0], stats.BadLines[MostBad-1]; first != (BadLine{2, noRequest}) || last.Number != 21 {
		t.Errorf("%+v %+v", first, last)
	}
}

func TestLinesLongerThan64kAreSkippedWhereverTheyLie(t *testing.T) {
	for _, n := range []int{LongestLine, LongestLine + 1, blockSize - 1, blockSize, blockSize + 1, 3 * blockSize} {
		log := combinedLine("203.0.113.9", 1) + strings.Repeat("z", n) + "\n" + combinedLine("203.0.113.9", 2)
		paths, stats, err := pathsOf(t, strings.NewReader(log))
		if err != nil || paths != "/n1 /n2" || stats.Bad != 1 || stats.Lines != 3 {
			t.Errorf("%d: %s %+v %v", n, paths, stats, err)
		}
		if n > LongestLine && stats.BadLines[0] != (BadLine{2, tooLong}) {
			t.Errorf("%d: %+v", n, stats.BadLines)
		}
	}
}

func TestLateExchangesAreCounted(t *testing.T) {
	log := combinedLine("203.0.113.9", 5) + combinedLine("203.0.113.9", 4) + combinedLine("203.0.113.9", 5) + combinedLine("203.0.113.9", 1) + combinedLine("203.0.113.9", 9)
	_, stats, _ := pathsOf(t, strings.NewReader(log))
	if stats.Late != 2 || stats.First.Unix() != 1704067201 || stats.Last.Unix() != 1704067209 {
		t.Errorf("%+v", stats)
	}
}

func TestWhatIsNoLogIsRefused(t *testing.T) {
	zipped := func() string {
		var buf bytes.Buffer
		w := gzip.NewWriter(&buf)
		for i := range 10_000 {
			_, _ = w.Write([]byte(combinedLine("203.0.113.9", i)))
		}
		_ = w.Close()
		return buf.String()
	}()
	for _, c := range []struct {
		about, log string
		want       error
	}{
		{"a program", "\x7fELF" + strings.Repeat("\x00\x01\n", 500), ErrBinary},
		{"a letter", strings.Repeat("Dear all,\n", 500), ErrFormat},
		{"a short letter", "Dear all\n", ErrFormat},
		{"half an archive", zipped[:len(zipped)/2], io.ErrUnexpectedEOF},
		{"a broken archive", "\x1f\x8b" + strings.Repeat("x", 100), gzip.ErrHeader},
		{"a broken disk", "", iotest.ErrTimeout},
		{"nothing", "", nil},
		{"nothing but lines", "\n\n\n", nil},
	} {
		in := io.Reader(strings.NewReader(c.log))
		if errors.Is(c.want, iotest.ErrTimeout) {
			in = io.MultiReader(strings.NewReader(combinedLine("203.0.113.9", 1)), iotest.ErrReader(iotest.ErrTimeout))
		}
		if _, stats, err := pathsOf(t, in); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v (%+v)", c.about, err, c.want, stats)
		}
	}
}

func TestReadingStopsWhenItIsCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	endless := iotest.OneByteReader(io.MultiReader(strings.NewReader(strings.Repeat(combinedLine("203.0.113.9", 1), 100)), iotest.ErrReader(errors.New("read on"))))
	_, err := Read(ctx, endless, Format{}, Options{}, func(*engine.Exchange) {
		if n++; n == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || n != 3 {
		t.Errorf("%v after %d", err, n)
	}
}

func TestNothingIsAllocatedForALine(t *testing.T) {
	log := written(20_000)
	per := testing.AllocsPerRun(3, func() {
		if _, err := Read(context.Background(), strings.NewReader(log), Format{}, Options{}, func(*engine.Exchange) {}); err != nil {
			t.Fatal(err)
		}
	}) / 20_000
	if per > 0.02 { // blocks, and a minute's clock
		t.Errorf("%.3f allocations a line", per)
	}
}

func FuzzLogLine(f *testing.F) {
	for _, line := range []string{
		combinedLine("203.0.113.9", 1),
		`203.0.113.9 - a\"b [01/Jan/2024:00:00:00 +0000] "GET /\x22%2e%2e/4111111111111111;x?y HTTP/1.1" 200 1 "\\" "\xff"`,
		`{"msec":1704067200.25,"remote_addr":"::1","request":"GET / HTTP/1.1","status":"200"}`,
		`{"ts":1704067200.5,"request":{"remote_addr":"[::1]:1","uri":"/","headers":{"User-Agent":["x"]}},"duration":"1s","status":200}`,
		`{"start_time":"2024-01-01T00:00:00Z",":path":"/","response_code":200,"downstream_remote_address":"[::1]:1","x-forwarded-for":"1.1.1.1"}`,
		`{"at":"2024-01-01T00:00:00Z","client":"203.0.113.9","path":"/","key":"k","account":"ﬁ\u200b","session":"s"}`,
		`Feb 12 14:10:24 host sshd[1]: message repeated 5 times: [ Failed password for invalid user x from ::1 port 1 ssh2]`,
		`<38>1 2026-02-12T14:10:24Z host sshd 14281 - [m "\""] Invalid user x from 203.0.113.9`,
		"\x00\xef\xbb\xbf",
	} {
		f.Add(line)
	}
	wide, err := ParseFormat(`pattern:(?P<client>\S*) (?P<time>\S*) (?P<path>.*)`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		parsers := append([]parser{wide.parser(Options{}), newAuto(Options{})}, newAuto(Options{}).candidates...)
		for _, p := range parsers {
			for range 2 { // what is remembered must not hurt either
				var x engine.Exchange
				if ok, problem := p.parse(line, &x); !ok {
					if len(problem) > 200 {
						t.Fatalf("%s explains too much: %q", p.format(), problem)
					}
					continue
				}
				sound(t, p.format(), &x)
			}
		}
	})
}
