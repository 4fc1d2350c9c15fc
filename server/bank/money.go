package bank

import (
	"strconv"
	"strings"
)

// Cents is an amount of money in hundredths of a dollar. All sums are whole cents: no amount
// ever passes through a float. In JSON it is a number with two decimals.
type Cents int64

// Largest is the most that one payment may move.
const Largest Cents = 1_000_000_00

// String writes two decimals: 1000.00.
func (c Cents) String() string {
	var room [24]byte
	return string(c.append(room[:0]))
}

// MarshalJSON writes a number with two decimals.
func (c Cents) MarshalJSON() ([]byte, error) {
	return c.append(make([]byte, 0, 24)), nil
}

func (c Cents) append(b []byte) []byte {
	n := uint64(c) //nolint:gosec // two's complement on purpose: the sign is written apart
	if c < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendUint(b, n/100, 10)
	return append(b, '.', byte('0'+n/10%10), byte('0'+n%10)) //nolint:gosec // digits
}

// ParseAmount reads the amount of a payment from the text of a JSON value: a plain number
// from 0.01 to 1000000.00 with at most two decimals. Everything else, numbers in quotes and
// in scientific notation included, is refused with a sentence for who sent it.
func ParseAmount(text string) (Cents, error) {
	switch {
	case text == "" || text == "null":
		return 0, unpayable("is missing")
	case text[0] == '"':
		return 0, unpayable("is text; it must be a number")
	case text[0] == '-':
		return 0, unpayable("is negative")
	case text[0] < '0' || text[0] > '9':
		return 0, unpayable("is not a number")
	}
	whole, fraction, point := strings.Cut(text, ".")
	switch {
	case strings.ContainsAny(text, "eE"):
		return 0, unpayable("is in scientific notation")
	case !digits(whole) || point && !digits(fraction) || len(whole) > 1 && whole[0] == '0':
		return 0, unpayable("is not a number")
	case len(fraction) > 2:
		return 0, unpayable("has more than two decimals")
	case len(whole) > len("1000000"):
		return 0, unpayable("is larger than any payment")
	}
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	switch {
	case err != nil:
		return 0, unpayable("is not a number")
	case n == 0:
		return 0, unpayable("is zero")
	case Cents(n) > Largest:
		return 0, unpayable("is larger than any payment")
	}
	return Cents(n), nil
}

// unpayable says what is wrong with an amount, as a sentence for who sent it.
type unpayable string

func (u unpayable) Error() string { return "The amount " + string(u) + "." }

// digits reports whether s is nothing but digits, and at least one.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
