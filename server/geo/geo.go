// Package geo tells where addresses are, as far as MaxMind DB files do: country, place, network.
// Any vendor's file will do; layouts differ, so fields are looked for where vendors put them.
package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A DB answers from its files, in the order in which they were named: the first that tells a
// thing counts. The nil DB knows nothing. It is safe for concurrent use. It holds the files'
// content, not the files: one that is written over while it is in use harms nobody, and counts when
// it is opened again.
type DB struct {
	files []*maxminddb.Reader
	known [cached]atomic.Pointer[answer]
}

// An answer is kept for whoever asks next: requests of one client come together.
type answer struct {
	of    netip.Addr
	place engine.Place
}

const cached = 1 << 13

// Open reads the files. Without any it answers a DB that knows nothing.
func Open(files ...string) (*DB, error) {
	db := &DB{}
	for _, name := range files {
		if name == "" {
			continue
		}
		content, err := os.ReadFile(name) //nolint:gosec // the operator names it
		if err != nil {
			return nil, fmt.Errorf("read the places: %w", err)
		}
		r, err := maxminddb.OpenBytes(content)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s can't be read as a MaxMind DB (.mmdb): %w", name, err), db.Close())
		}
		db.files = append(db.files, r)
	}
	return db, nil
}

// read answers from a file's content.
func read(content []byte) (*DB, error) {
	r, err := maxminddb.OpenBytes(content)
	if err != nil {
		return nil, fmt.Errorf("read the file of places: %w", err)
	}
	return &DB{files: []*maxminddb.Reader{r}}, nil
}

// Close lets go of the files. Nobody may ask any more.
func (db *DB) Close() error {
	if db == nil {
		return nil
	}
	var wrong error
	for _, r := range db.files {
		wrong = errors.Join(wrong, r.Close())
	}
	return wrong
}

// Empty reports whether it knows nothing at all.
func (db *DB) Empty() bool { return db == nil || len(db.files) == 0 }

// Sources name what the files say they are, as "DBIP-Country-Lite 2026-06-01".
func (db *DB) Sources() []string {
	if db == nil {
		return nil
	}
	names := make([]string, 0, len(db.files))
	for _, r := range db.files {
		names = append(names, r.Metadata.DatabaseType+" "+r.Metadata.BuildTime().UTC().Format("2006-01-02"))
	}
	return names
}

// Place is what the files tell of an address. Of IPv6 the /64 counts.
func (db *DB) Place(a netip.Addr) engine.Place {
	if db.Empty() || !a.IsValid() {
		return engine.Place{}
	}
	a = a.Unmap()
	if a.Is6() {
		wide, _ := a.WithZone("").Prefix(64) // of a valid address there is one
		a = wide.Addr()
	}
	at := &db.known[slot(a)]
	if k := at.Load(); k != nil && k.of == a {
		return k.place
	}
	p := db.lookUp(a)
	at.Store(&answer{a, p})
	return p
}

// Complete adds what follows from what a log says of a place: from the country its centre, from the
// network whether people live there. Of a place of which nothing is said it asks the files.
func (db *DB) Complete(p engine.Place, a netip.Addr) engine.Place {
	if p == (engine.Place{}) {
		return db.Place(a)
	}
	if !p.Located {
		p.Lat, p.Lon, p.Accuracy, p.Located = centre(p.Country)
	}
	p.Hosting = p.Hosting || hosts(p.ASN)
	return p
}

// slot is where an address is kept. Who wants to push another's answer out costs him a look-up.
func slot(a netip.Addr) uint64 {
	b := a.As16()
	var h uint64 = 14695981039346656037 // FNV-1a
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return (h ^ h>>29) % cached
}

// Where vendors put what we ask for: MaxMind and its like, DB-IP's flat files, IPinfo's.
var (
	countries  = [][]any{{"country", "iso_code"}, {"country_code"}, {"country"}, {"registered_country", "iso_code"}}
	latitudes  = [][]any{{"location", "latitude"}, {"latitude"}, {"lat"}}
	longitudes = [][]any{{"location", "longitude"}, {"longitude"}, {"lng"}}
	accuracies = [][]any{{"location", "accuracy_radius"}, {"accuracy_radius"}}
	networks   = [][]any{{"autonomous_system_number"}, {"asn"}, {"traits", "autonomous_system_number"}}
)

// cityAccuracy is assumed of a place whose file does not say how far it may be off: a metropolitan
// area, in kilometres.
const cityAccuracy = 50

func (db *DB) lookUp(a netip.Addr) (p engine.Place) {
	for _, r := range db.files {
		found := r.Lookup(a)
		if !found.Found() {
			continue
		}
		if p.Country == (engine.Country{}) {
			p.Country = country(found)
		}
		if lat, ok := number(found, latitudes); ok && !p.Located {
			if lon, ok := number(found, longitudes); ok && lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180 {
				p.Lat, p.Lon, p.Located, p.Accuracy = float32(lat), float32(lon), true, cityAccuracy
				if km, ok := number(found, accuracies); ok && km >= 0 && km < 20_000 {
					p.Accuracy = uint16(km)
				}
			}
		}
		if p.ASN == 0 {
			p.ASN = network(found)
		}
	}
	if !p.Located {
		p.Lat, p.Lon, p.Accuracy, p.Located = centre(p.Country)
	}
	p.Hosting = hosts(p.ASN)
	return p
}

func country(r maxminddb.Result) (c engine.Country) {
	for _, path := range countries {
		var code string
		if r.DecodePath(&code, path...) == nil && len(code) == 2 {
			code = strings.ToUpper(code)
			if code == "ZZ" || code == "XX" { // as some write "nowhere"
				continue
			}
			copy(c[:], code)
			return c
		}
	}
	return c
}

// number as some files write it, or as text.
func number(r maxminddb.Result, paths [][]any) (float64, bool) {
	for _, path := range paths {
		var n *float64
		if r.DecodePath(&n, path...) == nil && n != nil {
			return *n, true
		}
		var whole *uint64
		if r.DecodePath(&whole, path...) == nil && whole != nil {
			return float64(*whole), true
		}
		var text string
		if r.DecodePath(&text, path...) == nil && text != "" {
			if v, err := strconv.ParseFloat(text, 64); err == nil {
				return v, true
			}
		}
	}
	return 0, false
}

func network(r maxminddb.Result) uint32 {
	for _, path := range networks {
		var n uint32
		if r.DecodePath(&n, path...) == nil && n > 0 {
			return n
		}
		var text string
		if r.DecodePath(&text, path...) == nil {
			if v, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(text), "AS"), 10, 32); err == nil {
				return uint32(v)
			}
		}
	}
	return 0
}
