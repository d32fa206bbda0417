package index

// dueHeap is a heap, earliest first.
type dueHeap []handle

func (h dueHeap) full() bool { return len(h) >= fewHandles && len(h) == cap(h) }

func (h *dueHeap) push(x handle) {
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
	n := len(*h) - 1
	if n == 0 {
		*h = nil
		return
	}
	(*h)[0] = (*h)[n]
	*h = (*h)[:n]
	if 4*n < cap(*h) && n >= fewHandles {
		*h = append(make(dueHeap, 0, 2*n), *h...)
	}
	for i := 0; ; {
		down := 2*i + 1
		if down >= n {
			return
		}
		if down+1 < n && (*h)[down+1].at < (*h)[down].at {
			down++
		}
		if (*h)[i].at <= (*h)[down].at {
			return
		}
		(*h)[i], (*h)[down] = (*h)[down], (*h)[i]
		i = down
	}
}
