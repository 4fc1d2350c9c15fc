package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewReference makes a reference that people can read out: the kind, a dash and 13
// characters that follow from the parts, so that the same thing has the same reference
// everywhere. Kind is 'D' for decisions.
func NewReference(kind byte, parts ...string) string {
	sum := digest(parts)
	return reference(kind, binary.BigEndian.Uint64(sum[:8]))
}

// ExchangeReference is how people name an exchange: "X-" and 13 characters that hold its ID.
func ExchangeReference(id uint64) string { return reference('X', id) }

// ParseExchangeReference reads what ExchangeReference writes, in either case and with the
// letters that are easily misread.
func ParseExchangeReference(s string) (id uint64, ok bool) {
	if len(s) != 15 || s[0]|0x20 != 'x' || s[1] != '-' {
		return 0, false
	}
	for i := 2; i < len(s); i++ {
		c := strings.ToUpper(s[i : i+1])
		switch c {
		case "O":
			c = "0"
		case "I", "L":
			c = "1"
		}
		d := strings.Index(crockford, c)
		if d < 0 || i == 2 && d > 15 {
			return 0, false
		}
		id = id<<5 | uint64(d)
	}
	return id, true
}

// parseReference reads what reference writes, exactly as it is written.
func parseReference(kind byte, s string) (n uint64, ok bool) {
	if len(s) != 15 || s[0] != kind || s[1] != '-' {
		return 0, false
	}
	for i := 2; i < len(s); i++ {
		d := digits[s[i]]
		if d < 0 || i == 2 && d > 15 {
			return 0, false
		}
		n = n<<5 | uint64(d)
	}
	return n, true
}

// digits are crockford's, by their characters; -1 is none.
var digits = func() (d [256]int8) {
	for c := range d {
		d[c] = int8(strings.IndexByte(crockford, byte(c)))
	}
	return d
}()

func reference(kind byte, n uint64) string {
	b := [15]byte{kind, '-'}
	for i := len(b) - 1; i >= 2; i-- {
		b[i] = crockford[n&31]
		n >>= 5
	}
	return string(b[:])
}

// contentID names what follows from the parts: 24 hexadecimal characters.
func contentID(parts ...string) string {
	sum := digest(parts)
	return hex.EncodeToString(sum[:12])
}

// digest of the parts, each with its length, so that no two lists of parts read alike.
func digest(parts []string) [sha256.Size]byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}
