package engine

import "container/heap"

// A queue holds decisions by when they end.
type queue []*held

func (q *queue) first() *held   { return (*q)[0] }
func (q *queue) add(h *held)    { heap.Push(q, h) }
func (q *queue) remove(h *held) { heap.Remove(q, int(h.place)) }

// Len, Less, Swap, Push and Pop are what container/heap asks for.
func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].end < q[j].end }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = int32(i), int32(j)
}

// Push is for container/heap.
func (q *queue) Push(x any) {
	h := x.(*held)
	h.place = int32(len(*q))
	*q = append(*q, h)
}

// Pop is for container/heap.
func (q *queue) Pop() any {
	last := len(*q) - 1
	h := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return h
}
