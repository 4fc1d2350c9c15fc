package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// keys turns API keys and sessions into names that give nothing away.
type keys struct{ macs sync.Pool }

// A mac is a keyed hash with room for its input and output.
type mac struct {
	hash.Hash
	in  []byte
	sum [sha256.Size]byte
}

func newKeys(secret []byte) *keys {
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
	}
	secret = append([]byte(nil), secret...)
	k := &keys{}
	k.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, secret)} }
	return k
}

// KeyNames answers how a gateway with that KeySecret names API keys and sessions, for others
// that meet the same keys, such as readers of logs. It may be called from many goroutines.
func KeyNames(secret []byte) func(key string) engine.Key { return newKeys(secret).name }

// name answers the name of a key or a session; zero for none.
func (k *keys) name(value string) engine.Key {
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
