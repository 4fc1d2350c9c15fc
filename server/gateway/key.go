package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"net/http"
	"net/textproto"
	"strings"
	"sync"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// keys turns API keys into names that give nothing away, and sees to it that the API reads the
// very key that was judged.
type keys struct {
	header string // canonical
	macs   sync.Pool
}

// A mac is a keyed hash with room for its input and output.
type mac struct {
	hash.Hash
	in  []byte
	sum [sha256.Size]byte
}

func newKeys(header string, secret []byte) *keys {
	if header == "" {
		header = "X-API-Key"
	}
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
	}
	secret = append([]byte(nil), secret...)
	k := &keys{header: textproto.CanonicalMIMEHeaderKey(header)}
	k.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, secret)} }
	return k
}

// of names the key that a request carries: the first, when there are several.
func (k *keys) of(r *http.Request) engine.Key {
	value := first(r.Header[k.header])
	if value == "" {
		return engine.Key{}
	}
	m, _ := k.macs.Get().(*mac)
	m.Reset()
	m.in = append(m.in[:0], value...)
	_, _ = m.Write(m.in) // hashes don't fail
	clear(m.in)
	key := engine.Key{Prefix: visible(value)}
	copy(key.Hash[:], m.Sum(m.sum[:0]))
	if cap(m.in) <= 4096 { // a giant key takes its room with it
		k.macs.Put(m)
	}
	return key
}

// visible is what an operator may see of a key: at most 8 characters, and never more than
// half of it. It shares no memory with the key.
func visible(key string) string {
	var room [8]byte
	n := copy(room[:], key[:len(key)/2])
	for i, c := range room[:n] {
		if c <= ' ' || c > '~' {
			room[i] = '?'
		}
	}
	return string(room[:n])
}

// forward is the request as the API may see it: without Sentinel's own headers and without
// other spellings of the key's header, which some APIs read as the header itself. The request
// that was given stays as it is.
func (k *keys) forward(r *http.Request) *http.Request {
	clean := len(r.Header[k.header]) < 2
	for name := range r.Header {
		if k.foreign(name) {
			clean = false
			break
		}
	}
	if clean {
		return r
	}
	header := make(http.Header, len(r.Header))
	for name, values := range r.Header {
		switch {
		case k.foreign(name):
		case name == k.header:
			header[name] = values[:1:1]
		default:
			header[name] = values
		}
	}
	out := new(http.Request)
	*out = *r
	out.Header = header
	return out
}

// foreign reports whether a header must not reach the API.
func (k *keys) foreign(name string) bool {
	if name == "" || name[0]|0x20 != 'x' && name[0]|0x20 != k.header[0]|0x20 {
		return false
	}
	return spells(name, "X-Sentinel-", true) || spells(name, simulatedHeader, false) ||
		name != k.header && spells(name, k.header, false)
}

// spells reports whether name is written like want when case doesn't matter and '_' and '.'
// stand for '-', as in the environment of CGI and its like; begins: only its beginning.
func spells(name, want string, begins bool) bool {
	if len(name) < len(want) || !begins && len(name) > len(want) {
		return false
	}
	if strings.EqualFold(name[:len(want)], want) {
		return true
	}
	for i := range len(want) {
		c, w := name[i], want[i]
		if c == '_' || c == '.' {
			c = '-'
		}
		if w == '_' || w == '.' {
			w = '-'
		}
		if c != w && (c|0x20 != w|0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
