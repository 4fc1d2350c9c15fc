// Command demoplaces writes demo.mmdb: where the addresses of the demo and of documentation
// pretend to be. Real addresses are not in it.
package main

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

func main() {
	content, err := places()
	if err == nil {
		err = os.WriteFile("demo.mmdb", content, 0o644) //nolint:gosec // nothing secret
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo.mmdb:", err)
		os.Exit(1)
	}
}

// A city of the demo. Networks are of the range for private use, RFC 6996.
type city struct {
	country  string
	lat, lon float64
	asn      uint32
}

var cities = []city{
	{"DE", 52.5, 13.4, 64512},
	{"US", 40.7, -74.0, 64513},
	{"GB", 51.5, -0.1, 64514},
	{"FR", 48.9, 2.4, 64515},
	{"NL", 52.4, 4.9, 64516},
	{"PL", 52.2, 21.0, 64517},
	{"ES", 40.4, -3.7, 64518},
	{"IT", 41.9, 12.5, 64519},
	{"SE", 59.3, 18.1, 64520},
	{"US", 37.8, -122.4, 64521},
	{"CA", 43.7, -79.4, 64522},
	{"BR", -23.6, -46.6, 64523},
	{"MX", 19.4, -99.1, 64524},
	{"NG", 6.5, 3.4, 64525},
	{"KE", -1.3, 36.8, 64526},
	{"ZA", -26.2, 28.0, 64527},
	{"IN", 19.1, 72.9, 64528},
	{"SG", 1.4, 103.8, 64529},
	{"JP", 35.7, 139.7, 64530},
	{"KR", 37.6, 127.0, 64531},
	{"AU", -33.9, 151.2, 64532},
	{"VN", 10.8, 106.7, 64533},
	{"TR", 41.0, 29.0, 64534},
	{"UA", 50.5, 30.5, 64535},
}

// phones have networks of their own: another than all of the cabled ones.
const phones = 100

// places is the file's content, the same each time.
func places() ([]byte, error) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "Sentinel-Demo", Description: map[string]string{"en": "Pretended places of addresses that nobody has"},
		BuildEpoch: 1_790_000_000, RecordSize: 24, IncludeReservedNetworks: true, DisableIPv4Aliasing: true,
	})
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	place := func(network string, c city) error {
		p := netip.MustParsePrefix(network)
		return tree.Insert(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}, mmdbtype.Map{
			"country":                  mmdbtype.Map{"iso_code": mmdbtype.String(c.country)},
			"location":                 mmdbtype.Map{"latitude": mmdbtype.Float64(c.lat), "longitude": mmdbtype.Float64(c.lon), "accuracy_radius": mmdbtype.Uint16(20)},
			"autonomous_system_number": mmdbtype.Uint32(c.asn),
		})
	}
	// A city has runs of sixteen networks of the benchmark range (RFC 2544), and of /40s of the range
	// for documentation (RFC 3849).
	for i := range 512 {
		if err := place(fmt.Sprintf("198.%d.%d.0/24", 18+i/256, i%256), cities[i/16%len(cities)]); err != nil {
			return nil, err
		}
	}
	for i := range 256 {
		c := cities[i/8%len(cities)]
		c.asn += phones
		if err := place(fmt.Sprintf("2001:db8:%x00::/40", i), c); err != nil {
			return nil, err
		}
	}
	for i, network := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"} { // RFC 5737
		if err := place(network, cities[i]); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	if _, err := tree.WriteTo(&out); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return out.Bytes(), nil
}
