package gateway

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Alone is a guard made of the engine alone: what its rules find is enforced, in memory, and
// told to nobody. It is for programs that protect a handler of their own and have no console.
func Alone(p engine.Policy) (Guard, error) {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	e, err := engine.New(p, binary.LittleEndian.Uint64(seed[:]))
	if err != nil {
		return nil, err
	}
	return &alone{engine: e}, nil
}

type alone struct {
	engine *engine.Engine
	swept  atomic.Int64 // when, in nanoseconds since 1970
}

// sweeping is how often decisions that have ended are taken off.
const sweeping = 10 * time.Second

func (a *alone) Decide(r engine.Request) engine.Verdict {
	at, last := r.At.UnixNano(), a.swept.Load()
	if at-last > int64(sweeping) && a.swept.CompareAndSwap(last, at) {
		a.engine.Expire(r.At)
	}
	return a.engine.Decide(r)
}

func (a *alone) Observe(x engine.Exchange) { a.engine.Observe(x) }
