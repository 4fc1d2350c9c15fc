package main

import (
	"hash/crc32"
	"hash/fnv"
	"net/netip"
)

// collidingBits of their hashes are the same in all addresses: as many as name a shard or the
// place in a small table, and as few as can be searched for in seconds.
const collidingBits = 10

// collisions are addresses whose hashes end in the same bits, as an attacker finds them who
// knows the hash and that it has no seed.
func collisions(name string, n int) ([]netip.Addr, error) {
	hash, err := unseeded(name)
	if err != nil {
		return nil, err
	}
	out := make([]netip.Addr, 0, n)
	for i := 0; len(out) < n && i < 1<<30; i++ {
		a := source(i)
		if b := a.As4(); hash(b[:])&(1<<collidingBits-1) == 0 {
			out = append(out, a)
		}
	}
	return out, nil
}

func unseeded(name string) (func([]byte) uint64, error) {
	switch name {
	case "fnv1a32":
		h := fnv.New32a()
		return func(b []byte) uint64 { h.Reset(); _, _ = h.Write(b); return uint64(h.Sum32()) }, nil
	case "fnv1a64", "fnv1a64_low16":
		h := fnv.New64a()
		return func(b []byte) uint64 { h.Reset(); _, _ = h.Write(b); return h.Sum64() }, nil
	case "fnv32", "fnv1_32":
		h := fnv.New32()
		return func(b []byte) uint64 { h.Reset(); _, _ = h.Write(b); return uint64(h.Sum32()) }, nil
	case "crc32":
		return func(b []byte) uint64 { return uint64(crc32.ChecksumIEEE(b)) }, nil
	case "djb2", "java31":
		return func(b []byte) (h uint64) {
			for _, c := range b {
				h = h*31 + uint64(c)
			}
			return h
		}, nil
	}
	return nil, notRun("no hash " + name)
}
