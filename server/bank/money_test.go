package bank

import (
	"encoding/json"
	"math/big"
	"testing"
)

func TestCentsAreWrittenWithTwoDecimals(t *testing.T) {
	for c, want := range map[Cents]string{0: "0.00", 5: "0.05", 100: "1.00", 1_000_00: "1000.00", -1: "-0.01", -12_34: "-12.34", -1 << 63: "-92233720368547758.08"} {
		if got, _ := json.Marshal(c); string(got) != want || c.String() != want {
			t.Errorf("%d: %s and %s, want %s", int64(c), got, c, want)
		}
	}
}

func TestAmountsAreReadExactly(t *testing.T) {
	for text, want := range map[string]Cents{
		"0.01": 1, "0.1": 10, "1": 100, "1.5": 150, "1.50": 150, "0.29": 29, "1.15": 115, "8.41": 841,
		"1000000": Largest, "1000000.00": Largest, "999999.99": Largest - 1,
	} {
		if got, err := ParseAmount(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "0", "0.0", "0.00", "-1", "+1", "1.", ".5", "1.234", "01", "00.5", "1e2", "1E2", "1000000.01", "10000000",
		"1,5", "1 ", "0x10", "1_000", "١", "null", `"1"`, "NaN", "[1]", "1.5.5",
	} {
		if got, err := ParseAmount(text); err == nil {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

// An amount that is accepted is, as a fraction, exactly the number that was written, and it
// survives being written and read again.
func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"12.50", "0.01", "1e308", "-0", "1.005", "999999.99", "1000000.01", "0.1e1", "\"5\"", "1.0\u0660"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseAmount(text)
		if err != nil {
			return
		}
		if c < 1 || c > Largest {
			t.Fatalf("%q gave %s", text, c)
		}
		written, ok := new(big.Rat).SetString(text)
		if !ok || written.Cmp(big.NewRat(int64(c), 100)) != 0 {
			t.Fatalf("%q was read as %s", text, c)
		}
		if again, err := ParseAmount(c.String()); err != nil || again != c {
			t.Fatalf("%s was read as %s, %v", c, again, err)
		}
	})
}
