package main

import "github.com/sentinel-protocol/sentinel/server/engine"

// A queue has exchanges wait until there are some to be judged together. Meanwhile what the engine
// remembers of their clients is fetched, for all of them at once: a judgement takes about as long as the
// waits for memory that it would come to otherwise. They are judged in their order, one after the other, and
// so in the same way.
type queue struct {
	engine  *engine.Engine
	judge   func(*engine.Exchange)
	waiting [mostWaiting]engine.Exchange
	clients [mostWaiting]engine.Foreseen
	n       int // of them
}

// mostWaiting exchanges are as many as a processor can wait for, and has room for nearby.
const mostWaiting = 16

// half of them are read between the two questions for the memory of one: then the first is answered.
const half = mostWaiting / 2

// take in an exchange. It keeps nothing of it but the texts.
func (q *queue) take(x *engine.Exchange) {
	q.waiting[q.n], q.clients[q.n] = *x, q.engine.Foresee(x.Client)
	if q.n++; q.n > half {
		q.engine.Fetch(q.clients[q.n-1-half])
	}
	if q.n == mostWaiting {
		q.settle()
	}
}

// settle judges those that wait. It comes after the last, too.
func (q *queue) settle() {
	for _, client := range q.clients[max(q.n-half, 0):q.n] {
		q.engine.Fetch(client)
	}
	for i := range q.waiting[:q.n] {
		q.judge(&q.waiting[i])
	}
	q.n = 0
}
