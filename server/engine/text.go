package engine

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Storable makes text of strangers fit to be kept and shown: at most so many bytes, valid
// UTF-8, nothing in it that can't be seen, card numbers masked. escape is Percent or Backslash.
func Storable(s string, most int, escape func([]byte, byte) []byte) string {
	long := len(s) > most
	if long { // a card number across the cut is seen whole before it is cut
		s = s[:min(len(s), most+4*longestCard)]
	}
	kinds, digits := byte(0), 0
	for i := range len(s) {
		k := kindOf[s[i]]
		kinds |= k
		digits += int(k & isDigit)
	}
	odd := kinds&isOdd != 0
	if digits >= shortestCard {
		s = maskCards(s)
	}
	switch {
	case odd:
		return escaped(s, most, escape)
	case long:
		return strings.Clone(s[:most])
	}
	return s
}

// kindOf a byte.
var kindOf = func() (kinds [256]byte) {
	for c := range kinds {
		switch {
		case c < ' ' || c > '~':
			kinds[c] = isOdd
		case c >= '0' && c <= '9':
			kinds[c] = isDigit
		}
	}
	return kinds
}()

const (
	isDigit = 1
	isOdd   = 2 // it can't be seen, or needs a closer look
)

// escaped writes whatever can't be seen as escapes, whole ones, within so many bytes.
func escaped(s string, most int, escape func([]byte, byte) []byte) string {
	b := make([]byte, 0, min(len(s)+16, most))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		from := len(b)
		if r != utf8.RuneError && unicode.IsPrint(r) {
			b = append(b, s[i:i+size]...)
		} else {
			for _, c := range []byte(s[i : i+size]) {
				b = escape(b, c)
			}
		}
		if len(b) > most {
			return string(b[:from])
		}
		i += size
	}
	return string(b)
}

const hexDigits = "0123456789ABCDEF"

// Percent escapes a byte as URLs do.
func Percent(b []byte, c byte) []byte { return append(b, '%', hexDigits[c>>4], hexDigits[c&15]) }

// Backslash escapes a byte as log files do.
func Backslash(b []byte, c byte) []byte {
	return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// Card numbers have 13 to 19 digits; those of 13 have not been issued for long, and the
// milliseconds since 1970 have as many.
const (
	shortestCard = 14
	longestCard  = 19
)

// maskCards hides all but the first six and the last four digits of what can be a card number:
// digits, perhaps in groups with one dash, space, + or %20 between, that begin with 2 to 6 and
// have a right check digit.
func maskCards(s string) string {
	var out []byte
	run := 0 // where the digits end that were found to be enough
	for i := 0; i < len(s); {
		if kindOf[s[i]]&isDigit == 0 {
			i++
			continue
		}
		if i >= run {
			end, digits := groups(s, i)
			if digits < shortestCard { // as nearly always
				i = end
				continue
			}
			run = end
		}
		digits := cardAt(s[i:])
		if digits == nil {
			for i < len(s) && numeral(s[i]) { // another group may begin one
				i++
			}
			i += gap(s[i:])
			continue
		}
		if out == nil {
			out = []byte(s)
		}
		for _, at := range digits[6 : len(digits)-4] {
			out[i+at] = '*'
		}
		i += digits[len(digits)-1] + 1
	}
	if out == nil {
		return s
	}
	return string(out)
}

func numeral(c byte) bool { return kindOf[c] == isDigit }

// groups is where groups of digits end that begin at i, and how many digits they have.
func groups(s string, i int) (end, digits int) {
	for i < len(s) {
		if kindOf[s[i]]&isDigit != 0 {
			digits++
			i++
		} else if g := gap(s[i:]); g > 0 {
			i += g
		} else {
			break
		}
	}
	return i, digits
}

// gap is how long the sign between two groups of digits is that s begins with; 0 for none.
func gap(s string) int {
	n := 1
	switch {
	case s == "":
		return 0
	case s[0] == '-' || s[0] == ' ' || s[0] == '+':
	case strings.HasPrefix(s, "%20"):
		n = 3
	default:
		return 0
	}
	if n < len(s) && numeral(s[n]) {
		return n
	}
	return 0
}

// cardAt says where the digits are of the card number that s begins with, the longest when there
// are several; nil when there is none. It ends where a group does.
func cardAt(s string) []int {
	if s[0] < '2' || s[0] > '6' {
		return nil
	}
	var room [longestCard]int
	found := 0
	for i, n := 0, 0; i < len(s) && n < longestCard; {
		if !numeral(s[i]) {
			g := gap(s[i:])
			if g == 0 {
				break
			}
			i += g
			continue
		}
		room[n] = i
		n++
		i++
		if n >= shortestCard && (i == len(s) || !numeral(s[i])) && checkDigit(s, room[:n]) {
			found = n
		}
	}
	if found == 0 {
		return nil
	}
	return append([]int(nil), room[:found]...)
}

// checkDigit reports whether the digits at those places add up as those of a card number do.
func checkDigit(s string, at []int) bool {
	sum, double := 0, false
	for _, i := range slices.Backward(at) {
		d := int(s[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0
}
