package main

import (
	"slices"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/geo"
)

func TestPlacesAreNamedWithTheirFiles(t *testing.T) {
	file := "geo/demo.mmdb"
	db, err := geo.Demo(file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got := placeSources(db, []string{file})
	if len(got) != 2 || got[1] != got[0]+" (demo.mmdb)" {
		t.Errorf("named are %q", got)
	}
	if none := placeSources(nil, nil); !slices.Equal(none, []string(nil)) {
		t.Errorf("without a database there are %q", none)
	}
}
