package geo

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// countriesTSV has a line for each country: its code, the latitude and longitude of its centre, and
// how many kilometres it is from there to its farthest point. Computed from the shapes of Natural
// Earth 1:50m (public domain; npm world-atlas 2.0.2) with the spherical centroid of d3-geo. France
// is without what has a code of its own overseas.
//
//go:embed countries.tsv
var countriesTSV string

type middle struct {
	lat, lon float32
	radius   uint16
}

var centres = sync.OnceValue(func() map[engine.Country]middle {
	all := make(map[engine.Country]middle, 256)
	for line := range strings.Lines(countriesTSV) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		lat, _ := strconv.ParseFloat(f[1], 32) // a test reads all of them
		lon, _ := strconv.ParseFloat(f[2], 32)
		km, _ := strconv.ParseUint(f[3], 10, 16)
		all[engine.Country{f[0][0], f[0][1]}] = middle{float32(lat), float32(lon), uint16(km)}
	}
	return all
})

// centre of a country, and how far it reaches, for addresses of which only the country is known.
func centre(c engine.Country) (lat, lon float32, radius uint16, known bool) {
	m, known := centres()[c]
	return m.lat, m.lon, m.radius, known
}
