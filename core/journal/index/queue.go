package index

// handle is a leg's place in the queue or in the heap of due ones. It is stale
// when the leg has ended, is held or was handed out since; stale ones stay until
// they are met, or until there is no room for more.
type handle struct {
	ref ref
	seq uint64
	at  int64 // when it is due
}

// fewHandles is up to how many handles a queue or a heap grows as it likes.
const fewHandles = 1024

// queue is first in, first out; it gives its memory back as it drains.
type queue struct {
	items []handle
	head  int
}

func (q *queue) len() int      { return len(q.items) - q.head }
func (q *queue) front() handle { return q.items[q.head] }
func (q *queue) full() bool    { return q.len() >= fewHandles && len(q.items) == cap(q.items) }
func (q *queue) push(h handle) { q.items = append(q.items, h) }

func (q *queue) pop() {
	q.head++
	switch {
	case q.head == len(q.items):
		*q = queue{}
	case q.head > fewHandles && q.head > len(q.items)/2:
		q.items, q.head = append([]handle(nil), q.items[q.head:]...), 0
	}
}
