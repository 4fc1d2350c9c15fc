package main

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"

	"github.com/axiomhq/hyperloglog"

	"github.com/sentinel-protocol/sentinel/server/engine/ahead"
)

// A census counts requests by client, an IPv6 client being its /64, in memory that does not
// grow with their number: up to mostCounted clients exactly, the distinct ones beyond with an
// error of about one percent.
type census struct {
	slots  []citizen // open addressing; a power of two
	n      int
	seed   maphash.Seed
	beyond *hyperloglog.Sketch // of all clients, once there are too many

	waiting  [16]uint64 // clients of requests that are not counted yet
	hashes   [16]uint64
	wait     int                 // how many of them
	overlook func(client uint64) // told of each request that is not counted exactly
}

// A citizen is a counted client.
type citizen struct{ client, requests uint64 }

const mostCounted = 1 << 20

func newCensus() *census {
	return &census{slots: make([]citizen, 1<<12), seed: maphash.MakeSeed()}
}

// clientOf is who an address is as the census counts: an IPv4 address lies where no IPv6
// network does. It is never 0.
func clientOf(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return 1<<48 | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return max(binary.BigEndian.Uint64(b[:8]), 1)
}

// count a request, a little later: its slot may lie anywhere in the memory, and is asked for first.
func (c *census) count(client uint64) {
	hash := maphash.Comparable(c.seed, client)
	ahead.Line(&c.slots[hash&uint64(len(c.slots)-1)])
	c.waiting[c.wait], c.hashes[c.wait] = client, hash
	if c.wait++; c.wait == len(c.waiting) {
		c.settle()
	}
}

// settle counts the requests that wait.
func (c *census) settle() {
	for i, client := range c.waiting[:c.wait] {
		c.add(client, c.hashes[i])
	}
	c.wait = 0
}

func (c *census) add(client, hash uint64) {
	mask := uint64(len(c.slots) - 1)
	i := hash & mask
	for ; c.slots[i].client != 0; i = (i + 1) & mask {
		if c.slots[i].client == client {
			c.slots[i].requests++
			return
		}
	}
	if c.n >= mostCounted {
		c.overflow().InsertHash(mix(client))
		if c.overlook != nil {
			c.overlook(client)
		}
		return
	}
	c.slots[i] = citizen{client, 1}
	if c.n++; 2*c.n > len(c.slots) && len(c.slots) < 2*mostCounted {
		c.grow()
	}
}

func (c *census) grow() {
	old := c.slots
	c.slots = make([]citizen, 2*len(old))
	mask := uint64(len(c.slots) - 1)
	for _, s := range old {
		if s.client != 0 {
			i := maphash.Comparable(c.seed, s.client) & mask
			for c.slots[i].client != 0 {
				i = (i + 1) & mask
			}
			c.slots[i] = s
		}
	}
}

// overflow is the sketch, with all that were counted exactly.
func (c *census) overflow() *hyperloglog.Sketch {
	if c.beyond == nil {
		c.beyond = hyperloglog.New14()
		for _, s := range c.slots {
			if s.client != 0 {
				c.beyond.InsertHash(mix(s.client))
			}
		}
	}
	return c.beyond
}

// mix spreads a client's bits (SplitMix64's finalizer). Without a seed, so that the same log has the
// same estimate each time.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// of tells how many requests a client sent, when he is counted exactly.
func (c *census) of(client uint64) (requests uint64, exact bool) {
	c.settle()
	mask := uint64(len(c.slots) - 1)
	for i := maphash.Comparable(c.seed, client) & mask; c.slots[i].client != 0; i = (i + 1) & mask {
		if c.slots[i].client == client {
			return c.slots[i].requests, true
		}
	}
	return 0, false
}

// clients tells how many there were, and whether that is exact.
func (c *census) clients() (n uint64, exact bool) {
	c.settle()
	if c.beyond == nil {
		return uint64(c.n), true
	}
	return max(c.beyond.Estimate(), mostCounted), false
}
