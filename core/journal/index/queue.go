package index

// handle names a slot for as long as it has that sequence.
type handle struct {
	ref ref
	seq uint64
}

// queue is first in, first out; it gives its memory back as it drains.
type queue struct {
	items []handle
	head  int
}

func (q *queue) len() int      { return len(q.items) - q.head }
func (q *queue) push(h handle) { q.items = append(q.items, h) }

func (q *queue) pop() handle {
	h := q.items[q.head]
	q.head++
	switch {
	case q.head == len(q.items):
		*q = queue{}
	case q.head > 1024 && q.head > len(q.items)/2:
		q.items, q.head = append([]handle(nil), q.items[q.head:]...), 0
	}
	return h
}

// dueAt is when a leg is due. Those that no longer are stay until they are met.
type dueAt struct {
	at int64
	handle
}

// dueHeap is a heap, earliest first.
type dueHeap []dueAt

func (h *dueHeap) push(x dueAt) {
	*h = append(*h, x)
	for i := len(*h) - 1; i > 0; {
		up := (i - 1) / 2
		if (*h)[up].at <= (*h)[i].at {
			break
		}
		(*h)[up], (*h)[i] = (*h)[i], (*h)[up]
		i = up
	}
}

func (h *dueHeap) pop() {
	old := *h
	n := len(old) - 1
	old[0] = old[n]
	*h = old[:n]
	for i := 0; ; {
		down := 2*i + 1
		if down >= n {
			break
		}
		if down+1 < n && old[down+1].at < old[down].at {
			down++
		}
		if old[i].at <= old[down].at {
			break
		}
		old[i], old[down] = old[down], old[i]
		i = down
	}
	if n == 0 {
		*h = nil
	}
}
