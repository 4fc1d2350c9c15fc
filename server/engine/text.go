package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Storable makes text of strangers fit to be kept and shown: at most so many bytes, valid
// UTF-8, nothing in it that can't be seen, card numbers masked. escape is Percent or Backslash.
func Storable(s string, most int, escape func([]byte, byte) []byte) string {
	long := len(s) > most
	if long { // a card number across the cut is seen whole before it is cut
		s = s[:min(len(s), most+2*longestCard)]
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
// a run of digits, single dashes allowed, that begins with 2 to 6 and has a right check digit.
func maskCards(s string) string {
	var out []byte
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			i++
			continue
		}
		end, digits := i, 0
		for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '-' && end+1 < len(s) && s[end+1] >= '0' && s[end+1] <= '9') {
			if s[end] != '-' {
				digits++
			}
			end++
		}
		if digits >= shortestCard && digits <= longestCard && s[i] >= '2' && s[i] <= '6' && checkDigit(s[i:end]) {
			if out == nil {
				out = []byte(s)
			}
			seen := 0
			for j := i; j < end; j++ {
				if s[j] == '-' {
					continue
				}
				if seen >= 6 && seen < digits-4 {
					out[j] = '*'
				}
				seen++
			}
		}
		i = end
	}
	if out == nil {
		return s
	}
	return string(out)
}

// checkDigit reports whether the digits in s add up as those of a card number do.
func checkDigit(s string) bool {
	sum, double := 0, false
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '-' {
			continue
		}
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
