package engine

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"
)

// blocklist is a list of the kind that people import: half IPv4 addresses, four in ten IPv6
// addresses and /64, the rest networks, from all over the internet.
func blocklist(n int) []Decision {
	dice := rand.New(rand.NewPCG(1, 2))
	ds := make([]Decision, n)
	for i := range ds {
		var p netip.Prefix
		switch kind := i % 10; {
		case kind < 5:
			p = netip.PrefixFrom(someIPv4(dice), 32)
		case kind < 9:
			p = netip.PrefixFrom(someIPv6(dice), 64+64*(kind%2))
		case i%20 == 9:
			p = netip.PrefixFrom(someIPv4(dice), 16+dice.IntN(14))
		default:
			p = netip.PrefixFrom(someIPv6(dice), 32+dice.IntN(32))
		}
		ds[i] = Decision{
			ID: reference('D', scramble(uint64(i))), Action: Block, Target: Target{Network: p.Masked()}, Origin: ByFeed,
			Reason: "listed by somebody", By: "a feed", From: noon, Until: noon.Add(time.Duration(1+i%1000) * time.Hour),
		}
	}
	return ds
}

func someIPv4(dice *rand.Rand) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], dice.Uint32())
	return netip.AddrFrom4(b)
}

func someIPv6(dice *rand.Rand) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], 0x2000_0000_0000_0000|dice.Uint64()>>3)
	binary.BigEndian.PutUint64(b[8:], dice.Uint64())
	return netip.AddrFrom16(b)
}

// alive is what is alive.
func alive() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkRestoreMillion is a start with a million decisions: how long they take to be in
// force, and how much memory stays taken by them.
func BenchmarkRestoreMillion(b *testing.B) {
	ds := blocklist(1_000_000)
	var taken int64
	for b.Loop() {
		b.StopTimer()
		e := newEngine(b)
		before := alive()
		b.StartTimer()
		e.Restore(ds)
		b.StopTimer()
		taken = alive() - before
		runtime.KeepAlive(e)
		b.StartTimer()
	}
	runtime.KeepAlive(ds)
	b.ReportMetric(float64(taken)/(1<<20), "MB")
}

// BenchmarkLookupAmongMillion asks about addresses that are listed, that are near one, and that
// are anywhere, none of which was asked about lately.
func BenchmarkLookupAmongMillion(b *testing.B) {
	ds := blocklist(1_000_000)
	e := newEngine(b)
	e.Restore(ds)
	dice := rand.New(rand.NewPCG(3, 4))
	ask := make([]netip.Addr, 1<<18)
	for i := range ask {
		switch i % 4 {
		case 0:
			ask[i] = someIPv4(dice)
		case 1:
			ask[i] = someIPv6(dice)
		case 2:
			ask[i] = ds[dice.IntN(len(ds))].Target.Network.Addr()
		default:
			ask[i] = ds[dice.IntN(len(ds))].Target.Network.Addr().Next()
		}
	}
	runtime.GC()
	took := make([]time.Duration, 0, 1<<20)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		a := ask[n%len(ask)]
		n++
		began := time.Now()
		e.lists.judge(a, Key{}, noon, false)
		if t := time.Since(began); len(took) < cap(took) {
			took = append(took, t)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkChangeAmongMillion is a decision that is made, and one that is lifted.
func BenchmarkChangeAmongMillion(b *testing.B) {
	ds := blocklist(1_000_000)
	e := newEngine(b)
	e.Restore(ds)
	for name, kind := range map[string]int{"address": 0, "network": 9} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for n := kind; b.Loop(); n = (n + 10) % len(ds) {
				d := ds[n]
				e.Lift(d.ID, noon, "ada")
				e.Apply(d)
			}
		})
	}
}
