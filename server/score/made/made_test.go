package made

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/ingest"
)

func sum(seed uint64, n int) (hash [32]byte, count int) {
	t := New(seed)
	t.Honest(20_000)
	h := sha256.New()
	var line []byte
	t.Each(n, func(x *Exchange) bool {
		line = x.AppendJSON(line[:0])
		h.Write(line)
		count++
		return true
	})
	h.Sum(hash[:0])
	return hash, count
}

func TestOneSeedMakesOneTraffic(t *testing.T) {
	a, n := sum(1, 20_000)
	b, _ := sum(1, 20_000)
	c, _ := sum(2, 20_000)
	if n != 20_000 || a != b || a == c {
		t.Errorf("%d exchanges, the same twice: %t, of another seed: %t", n, a == b, a == c)
	}
}

func TestTimeNeverRunsBackAndEveryLineIsAnExchange(t *testing.T) {
	for _, track := range Tracks {
		m := New(3)
		m.Honest(5000)
		track.Join(m)
		last, kinds := time.Time{}, map[Kind]int{}
		m.Each(40_000, func(x *Exchange) bool {
			if x.At.Before(last) {
				t.Fatalf("%s: %v comes after %v", track.Name, x.At, last)
			}
			last = x.At
			kinds[x.Kind]++
			var line struct {
				At     time.Time
				Client netip.Addr
				Method string
				Path   string
				Status int
			}
			if err := json.Unmarshal(x.AppendJSON(nil), &line); err != nil || !line.At.Equal(x.At.Truncate(time.Millisecond)) || line.Client != x.Client || line.Path != x.Path || line.Status != x.Status {
				t.Fatalf("%s: %s: %v", track.Name, x.AppendJSON(nil), err)
			}
			return true
		})
		if kinds[Honest] == 0 || kinds[Hostile] == 0 {
			t.Errorf("%s: %v", track.Name, kinds)
		}
	}
}

// What the honest do stays below every limit that is published, but for offices, which come close.
func TestHonestOnesSeldomExceedAPublishedLimit(t *testing.T) {
	m := New(4)
	m.Honest(200_000)
	perMinute, most := map[netip.Addr]map[int64]int{}, 0
	m.Each(200_000, func(x *Exchange) bool {
		minutes := perMinute[x.Client]
		if minutes == nil {
			minutes = map[int64]int{}
			perMinute[x.Client] = minutes
		}
		minutes[x.At.Unix()/60]++
		most = max(most, minutes[x.At.Unix()/60])
		return true
	})
	if most > 90 || len(perMinute) < 1000 {
		t.Errorf("%d requests in a minute from one address, of %d", most, len(perMinute))
	}
}

func TestSitesAreAccessLogsOfPeopleAndOfWhoIsNot(t *testing.T) {
	for _, site := range Sites {
		m := New(5)
		site.Open(m)
		kinds, lines := map[Kind]int{}, 0
		var log bytes.Buffer
		m.Each(40_000, func(x *Exchange) bool {
			kinds[x.Kind]++
			lines++
			log.Write(x.AppendCombined(nil))
			return true
		})
		format, err := ingest.ParseFormat("combined")
		if err != nil {
			t.Fatal(err)
		}
		stats, err := ingest.Read(t.Context(), &log, format, ingest.Options{}, func(*engine.Exchange) {})
		if err != nil || stats.Bad != 0 || int(stats.Lines) != lines || kinds[Honest] == 0 || kinds[Hostile] == 0 {
			t.Errorf("%s: %d lines of %v, read %+v: %v", site.Name, lines, kinds, stats, err)
		}
	}
}
