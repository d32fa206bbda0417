package memory

import (
	"container/heap"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// channel orders the legs of one channel. A leg that may be handed out is
// either fresh or due; one behind another of its lane is in neither.
type channel struct {
	most  int64
	bytes int64
	fresh queue[*leg]
	due   dueHeap
	lanes map[string]*lane
	wake  chan struct{}

	pending, out, dead int
}

// lane is what shares an order key: only its head is handed out.
type lane struct {
	legs   queue[*leg] // the head included
	parked bool        // the head is a dead letter that keeps it closed
}

func newChannel(most int64) *channel {
	return &channel{most: most, lanes: make(map[string]*lane), wake: make(chan struct{}, 1)}
}

// enter takes in a leg that is pending now.
func (c *channel) enter(l *leg) {
	c.pending++
	c.bytes += l.record.size
	c.line(l)
}

// line puts a leg at the end of its lane, or among the fresh without one.
func (c *channel) line(l *leg) {
	if l.Order == "" {
		c.ready(l)
		return
	}
	ln := c.lanes[l.Order]
	if ln == nil {
		ln = &lane{}
		c.lanes[l.Order] = ln
	}
	ln.legs.push(l)
	if ln.legs.len() == 1 {
		c.ready(l)
	}
}

func (c *channel) ready(l *leg) {
	l.Due = time.Time{}
	c.fresh.push(l)
	c.signal()
}

func (c *channel) signal() {
	select {
	case c.wake <- struct{}{}:
	default: // a signal is waiting already; one is enough
	}
}

// take hands out up to most legs, a fresh and a due one in turn.
func (c *channel) take(now time.Time, most int) ([]outbox.Item, time.Time) {
	var items []outbox.Item
	preferDue := true
	for len(items) < most {
		l := c.next(now, preferDue)
		if l == nil {
			break
		}
		preferDue = !preferDue
		l.Out, l.Due = true, time.Time{}
		l.Attempt++
		c.out++
		items = append(items, outbox.Item{Seq: l.record.seq, Target: l.Target, Entry: l.record.entry, Attempt: l.Attempt, Failures: l.Failures})
	}
	if len(c.due) > 0 {
		return items, c.due[0].Due
	}
	return items, time.Time{}
}

func (c *channel) next(now time.Time, preferDue bool) *leg {
	isDue := len(c.due) > 0 && !c.due[0].Due.After(now)
	for c.fresh.len() > 0 && !(isDue && preferDue) {
		if l := c.fresh.pop(); l.State == outbox.StatePending && !l.Out && l.heapAt < 0 {
			return l
		} // else it ended while it waited
	}
	if isDue {
		return heap.Pop(&c.due).(*leg)
	}
	return nil
}

// settle applies an outcome and reports whether it changed anything.
func (c *channel) settle(l *leg, o *outbox.Outcome) bool {
	pending := l.State == outbox.StatePending
	switch o.Action {
	case outbox.Done:
		if !pending {
			return false
		}
		l.Result = o.Result
		c.end(l, o, outbox.StateDone)
	case outbox.Dead:
		if !pending || o.Attempt != 0 && o.Attempt != l.Attempt {
			return false
		}
		l.Failures = max(l.Failures, o.Failures)
		if o.Unsent {
			l.Attempt--
		}
		c.end(l, o, outbox.StateFailed)
	case outbox.Dropped:
		if !pending && l.State != outbox.StateFailed {
			return false
		}
		c.end(l, o, outbox.StateDropped)
	case outbox.Retry:
		if !pending || !l.Out || o.Attempt != l.Attempt {
			return false
		}
		c.again(l, o)
	case outbox.Redrive:
		if l.State != outbox.StateFailed {
			return false
		}
		c.redrive(l, o)
	}
	return true
}

// again makes a leg that was out ready for another hand-over. It still heads its lane.
func (c *channel) again(l *leg, o *outbox.Outcome) {
	l.Out = false
	c.out--
	if o.Unsent {
		l.Attempt--
	}
	l.Failures, l.At, l.Reason = o.Failures, o.At, o.Reason
	l.note(o)
	if o.Due.After(o.At) {
		l.Due = o.Due
		heap.Push(&c.due, l)
		c.signal()
		return
	}
	c.ready(l)
}

// end makes a leg final and opens its lane.
func (c *channel) end(l *leg, o *outbox.Outcome, state outbox.State) {
	was := l.State
	if l.Out {
		l.Out = false
		c.out--
	}
	if l.heapAt >= 0 {
		heap.Remove(&c.due, l.heapAt)
	}
	switch {
	case was == outbox.StateFailed:
		c.dead--
	default:
		c.pending--
	}
	if state == outbox.StateFailed {
		c.dead++
	} else {
		c.bytes -= l.record.size
	}
	l.State, l.At, l.Due, l.Reason = state, o.At, time.Time{}, o.Reason
	l.note(o)
	c.open(l, was, state)
}

// open lets the next of a lane go, unless a dead letter parks it.
func (c *channel) open(l *leg, was, state outbox.State) {
	ln := c.lanes[l.Order]
	if l.Order == "" || ln == nil {
		return
	}
	if was == outbox.StateFailed && !ln.isParkedBy(l) {
		return // it left the lane when it died
	}
	if ln.legs.len() == 0 || *ln.legs.front() != l {
		return // it waited behind the head; skipped when its turn comes
	}
	if state == outbox.StateFailed && l.Park {
		ln.parked = true
		return
	}
	ln.parked = false
	ln.legs.pop()
	c.advance(l.Order, ln)
}

// advance readies the first of a lane that is still pending.
func (c *channel) advance(order string, ln *lane) {
	for ln.legs.len() > 0 {
		if head := *ln.legs.front(); head.State == outbox.StatePending {
			c.ready(head)
			return
		}
		ln.legs.pop()
	}
	delete(c.lanes, order)
}

func (ln *lane) isParkedBy(l *leg) bool {
	return ln.parked && ln.legs.len() > 0 && *ln.legs.front() == l
}

// redrive makes a dead letter pending: in its old place if it parks its lane,
// else at the lane's end.
func (c *channel) redrive(l *leg, o *outbox.Outcome) {
	c.dead--
	c.pending++
	l.State, l.Failures, l.At, l.Reason = outbox.StatePending, 0, o.At, o.Reason
	l.note(o)
	if ln := c.lanes[l.Order]; l.Order != "" && ln != nil && ln.isParkedBy(l) {
		ln.parked = false
		c.ready(l)
		return
	}
	c.line(l)
}

func (c *channel) stats() outbox.ChannelStats {
	return outbox.ChannelStats{Pending: c.pending, Out: c.out, Dead: c.dead, Bytes: c.bytes}
}

// dueHeap holds legs that wait for a time, earliest first.
type dueHeap []*leg

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].Due.Before(h[j].Due) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapAt, h[j].heapAt = i, j
}

// Push and Pop serve container/heap.
func (h *dueHeap) Push(x any) {
	l := x.(*leg)
	l.heapAt = len(*h)
	*h = append(*h, l)
}

func (h *dueHeap) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	l.heapAt = -1
	return l
}
