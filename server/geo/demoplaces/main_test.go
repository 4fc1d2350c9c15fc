package main

import (
	"bytes"
	"os"
	"testing"
)

func TestTheDemosPlacesAreWhatThisWrites(t *testing.T) {
	want, err := places()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("../demo.mmdb"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("demo.mmdb differs (%v): go generate ./server/geo", err)
	}
}
