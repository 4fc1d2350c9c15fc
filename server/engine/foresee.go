package engine

import "net/netip"

// A Foreseen client is about to send a request.
type Foreseen uint64 // where he is looked up

// Foresee asks for the memory that leads to what is remembered of a client, and Fetch, a little later, for
// that itself. Who knows some requests in advance, as one who reads a log does, need not wait for the memory
// of one after the other. It changes nothing but time, and who does so for one is expected to do it for all:
// from then on, requests themselves ask for no memory of their clients.
func (e *Engine) Foresee(client netip.Addr) Foreseen {
	if !e.foreseen.Load() {
		e.foreseen.Store(true)
	}
	hash := e.hash.word(uint64(actorOf(client.Unmap())))
	for _, t := range e.regime.Load().clients {
		t.foresee(hash)
	}
	return Foreseen(hash)
}

// Fetch asks for what is remembered of a client; see Foresee.
func (e *Engine) Fetch(client Foreseen) {
	for _, t := range e.regime.Load().clients {
		t.fetch(uint64(client))
	}
}
