package ingest

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func TestATamePathIsKeptAsItIsAndShowsNothing(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	const letters = "ab/.-_019%?#;\\ A~\x00\x80é:*'"
	tamed := 0
	for range 300_000 {
		b := []byte{'/'}
		likely := 1 + dice.IntN(len(letters)) // mostly the letters in front
		for range dice.IntN(24) {
			b = append(b, letters[dice.IntN(likely)])
		}
		path := string(b)
		if !tame(path) {
			continue
		}
		tamed++
		if folded, bad := engine.Fold(path); folded != path || bad != "" {
			t.Fatalf("%q is folded to %q (%s)", path, folded, bad)
		}
		if kept := engine.Storable(path, maxPath, engine.Percent); kept != path {
			t.Fatalf("%q is kept as %q", path, kept)
		}
		if signs := engine.ReadSigns(path, "", ""); signs != 0 {
			t.Fatalf("%q shows %b", path, signs)
		}
	}
	if tamed < 10_000 {
		t.Errorf("only %d paths were tame", tamed)
	}
	for _, wild := range []string{"", "x", "/.", "/a/./b", "/a..b", "/a//b", "/a.", "/A", "/a%2f", "/4111111111111111", "/" + strings.Repeat("a", maxPath)} {
		if tame(wild) {
			t.Errorf("%.40q is taken to be tame", wild)
		}
	}
}

func TestAnAddressOfFourNumbersIsReadAsEverybodyReadsIt(t *testing.T) {
	dice := rand.New(rand.NewPCG(5, 6))
	const letters = "0125.9.:a "
	read := 0
	for range 500_000 {
		b := []byte("10.20.30.40")[:dice.IntN(12)]
		for range dice.IntN(9) {
			b = append(b, letters[dice.IntN(len(letters))])
		}
		want, err := netip.ParseAddr(string(b))
		good := err == nil && want.Is4()
		if got, ok := dotted(string(b)); ok != good || ok && got != want {
			t.Fatalf("%q is read as %v, %v; want %v, %v", b, got, ok, want, good)
		} else if ok {
			read++
		}
	}
	if read < 1000 {
		t.Errorf("only %d were addresses", read)
	}
}
