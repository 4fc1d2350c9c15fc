package geo

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// file writes a MaxMind DB with one record for 81.2.69.0/24 and one for 2a02:ff00::/32.
func file(t *testing.T, record mmdbtype.Map) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test", RecordSize: 24})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"81.2.69.0/24", "2a02:ff00::/32"} {
		_, network, _ := net.ParseCIDR(n)
		if err := tree.Insert(network, record); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "test.mmdb")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t *testing.T, files ...string) *DB {
	t.Helper()
	db, err := Open(files...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

var inside = netip.MustParseAddr("81.2.69.142")

func TestEveryVendorsLayoutIsRead(t *testing.T) {
	gb := engine.Country{'G', 'B'}
	for name, c := range map[string]struct {
		record mmdbtype.Map
		want   engine.Place
	}{
		"MaxMind": {
			mmdbtype.Map{
				"country":  mmdbtype.Map{"iso_code": mmdbtype.String("GB")},
				"location": mmdbtype.Map{"latitude": mmdbtype.Float64(51.5), "longitude": mmdbtype.Float64(-0.25), "accuracy_radius": mmdbtype.Uint16(10)},
			},
			engine.Place{Country: gb, Located: true, Lat: 51.5, Lon: -0.25, Accuracy: 10},
		},
		"flat, numbers as text": {
			mmdbtype.Map{"country_code": mmdbtype.String("gb"), "latitude": mmdbtype.String("51.5"), "longitude": mmdbtype.String("-0.25")},
			engine.Place{Country: gb, Located: true, Lat: 51.5, Lon: -0.25, Accuracy: cityAccuracy},
		},
		"network": {
			mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(16509)},
			engine.Place{ASN: 16509, Hosting: true},
		},
		"network as text": {mmdbtype.Map{"asn": mmdbtype.String("AS3320")}, engine.Place{ASN: 3320}},
		"nowhere":         {mmdbtype.Map{"country_code": mmdbtype.String("ZZ")}, engine.Place{}},
		"nonsense":        {mmdbtype.Map{"country": mmdbtype.Uint32(7), "latitude": mmdbtype.String("north"), "asn": mmdbtype.String("AS")}, engine.Place{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := open(t, file(t, c.record)).Place(inside); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestACountryAloneStandsForItsCentreAndReachesToItsBorder(t *testing.T) {
	db := open(t, file(t, mmdbtype.Map{"country_code": mmdbtype.String("DE")}))
	p := db.Place(inside)
	if !p.Located || p.Accuracy < 400 || p.Accuracy > 600 || p.Lat < 50 || p.Lat > 52 {
		t.Errorf("got %+v", p)
	}
}

func TestTheFirstFileThatTellsCounts(t *testing.T) {
	db := open(t,
		file(t, mmdbtype.Map{"country_code": mmdbtype.String("FR")}),
		file(t, mmdbtype.Map{"country_code": mmdbtype.String("DE"), "asn": mmdbtype.Uint32(3215)}))
	if p := db.Place(inside); p.Country.String() != "FR" || p.ASN != 3215 {
		t.Errorf("got %+v", p)
	}
}

func TestWhatALogSaysOfAPlaceIsCompleted(t *testing.T) {
	var none *DB
	p := none.Complete(engine.Place{Country: engine.Country{'S', 'G'}, ASN: 16509}, inside)
	if p.Country.String() != "SG" || !p.Located || !p.Hosting {
		t.Errorf("got %+v", p)
	}
	said := engine.Place{Country: engine.Country{'S', 'G'}, Located: true, Lat: 1, Lon: 2, Accuracy: 3}
	if p := none.Complete(said, inside); p != said {
		t.Errorf("what was said became %+v", p)
	}
	if p := open(t, file(t, mmdbtype.Map{"country_code": mmdbtype.String("DE")})).Complete(engine.Place{}, inside); p.Country.String() != "DE" {
		t.Errorf("nothing was said, and the file did not tell: %+v", p)
	}
}

func TestWhatNoFileHoldsIsUnknown(t *testing.T) {
	db := open(t, file(t, mmdbtype.Map{"country_code": mmdbtype.String("DE")}))
	for _, a := range []string{"127.0.0.1", "10.0.0.1", "9.9.9.9", "::1", "2001:db8::1"} {
		if p := db.Place(netip.MustParseAddr(a)); p != (engine.Place{}) {
			t.Errorf("%s is at %+v", a, p)
		}
	}
	var none *DB
	if p := none.Place(inside); p != (engine.Place{}) || !none.Empty() {
		t.Error("no files, and yet it is known")
	}
	if p := db.Place(netip.Addr{}); p != (engine.Place{}) {
		t.Error("no address, and yet it is known")
	}
}

func TestAnswersDoNotDependOnWhoAskedBefore(t *testing.T) {
	fresh, used := open(t, demoFile(t)), open(t, demoFile(t))
	a := netip.MustParseAddr("198.18.0.0")
	for range 3 {
		for i := range 40_000 { // more than are kept
			next := a
			for range i % 7 {
				next = next.Next()
			}
			_ = used.Place(next)
			a = next.Next()
		}
		a = netip.MustParseAddr("198.18.0.0")
	}
	for i := range 512 {
		b := a.As4()
		b[1], b[2] = 18+byte(i/256), byte(i)
		at := netip.AddrFrom4(b)
		if got, want := used.Place(at), fresh.lookUp(at); got != want {
			t.Fatalf("%s is at %+v, was at %+v", at, want, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { used.Place(inside) }); n > 0 {
		t.Errorf("a known answer allocates %.0f times", n)
	}
}

func demoFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "demo.mmdb")
	if err := os.WriteFile(name, demoMMDB, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestADemoKnowsItsOwnAddressesAndNoOthers(t *testing.T) {
	db, err := Demo()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"198.18.0.7", "198.19.255.1", "2001:db8:7::1", "203.0.113.9"} {
		if p := db.Place(netip.MustParseAddr(a)); p.Country.String() == "" || !p.Located || p.ASN < 64512 || p.ASN > 65534 {
			t.Errorf("%s is at %+v", a, p)
		}
	}
	if p := db.Place(netip.MustParseAddr("8.8.8.8")); p != (engine.Place{}) {
		t.Errorf("a real address is at %+v", p)
	}
	if s := db.Sources(); len(s) != 1 || !strings.HasPrefix(s[0], "Sentinel-Demo 2026-") {
		t.Errorf("sources %q", s)
	}
}

func TestAFileThatIsNoneNamesItself(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(bad, []byte("no such thing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{bad, filepath.Join(t.TempDir(), "missing.mmdb")} {
		if _, err := Open(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v", err)
		}
	}
}

func TestTheTableOfCountriesIsSound(t *testing.T) {
	all := centres()
	if len(all) < 230 {
		t.Fatalf("%d countries", len(all))
	}
	for c, m := range all {
		if m.lat < -90 || m.lat > 90 || m.lon < -180 || m.lon > 180 || m.radius < 10 || m.radius > 10_000 {
			t.Errorf("%s is at %+v", c, m)
		}
	}
	if !slices.IsSorted(hosting) || len(slices.Compact(slices.Clone(hosting))) != len(hosting) {
		t.Error("the networks of hosting are not in order")
	}
}

func BenchmarkPlaceOfOneWhoAsksAgain(b *testing.B) {
	db, err := Demo()
	if err != nil {
		b.Fatal(err)
	}
	a := netip.MustParseAddr("198.18.0.7")
	for b.Loop() {
		db.Place(a)
	}
}
