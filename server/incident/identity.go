package incident

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// crockford's digits have no I, L, O and U, which are misread.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	referencePrefix = "INC-"
	referenceDigits = 5
	idBits          = 53 // what JavaScript holds exactly
)

// Reference is the short name of an incident, as INC-4F7K2. It is the beginning of the ID, so
// two incidents may share one, which is rare.
func (i Incident) Reference() string { return Reference(i.ID) }

// Reference is the short name of the incident with that ID.
func Reference(id int64) string {
	n := uint64(id) >> (idBits - 5*referenceDigits) //nolint:gosec // IDs are positive
	var digits [referenceDigits]byte
	for k := len(digits) - 1; k >= 0; k-- {
		digits[k] = crockford[n&31]
		n >>= 5
	}
	return referencePrefix + string(digits[:])
}

// ParseReference returns the least and the greatest ID that have this short name, in any case
// and with or without INC-.
func ParseReference(s string) (least, greatest int64, ok bool) {
	s = strings.TrimPrefix(strings.ToUpper(s), referencePrefix)
	if len(s) != referenceDigits {
		return 0, 0, false
	}
	for k := range len(s) {
		digit := strings.IndexByte(crockford, s[k])
		if digit < 0 {
			return 0, 0, false
		}
		least = least<<5 | int64(digit)
	}
	const rest = idBits - 5*referenceDigits
	return least << rest, (least+1)<<rest - 1, true
}

// unusedAlert derives an alert's ID from its first finding.
func (b *Book) unusedAlert(finding string) int64 {
	return unused("alert", finding, func(id int64) bool { return b.alerts[id] != nil })
}

// unusedIncident derives an incident's ID from its first alert, or its first observation.
func (b *Book) unusedIncident(first string) int64 {
	return unused("incident", first, func(id int64) bool { return b.incidents[id] != nil })
}

// unused is the first identity of the content that is not taken.
func unused(kind, content string, taken func(int64) bool) int64 {
	for attempt := 0; ; attempt++ {
		sum := sha256.Sum256([]byte(kind + "\x00" + content + "\x00" + strconv.Itoa(attempt)))
		id := int64(binary.BigEndian.Uint64(sum[:8]) >> (64 - idBits)) //nolint:gosec // 53 bits fit
		if id != 0 && !taken(id) {
			return id
		}
	}
}
