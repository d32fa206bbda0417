package memory

import (
	"container/heap"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// channel orders the legs of one channel. A leg that may be handed out is
// fresh, due, or off its shelf; one behind another of its lane is in neither.
type channel struct {
	most  int64
	bytes int64
	fresh queue[*leg]
	due   dueHeap
	lanes map[string]*lane
	wake  chan struct{}

	shelves map[string]*shelf
	opened  queue[*shelf] // none of them empty

	dueNext bool // whose turn it is: a due one's, or a fresh one's
	stale   int  // places among the fresh whose legs were withdrawn

	pending, out, dead, held, shelved int

	eldest uint64 // no leg with a lower sequence is pending and not held
}

// lane is what shares an order key: only its head is handed out.
type lane struct {
	legs   queue[*leg] // the head included
	parked bool        // the head is a dead letter that keeps it closed
}

func newChannel(most int64) *channel {
	return &channel{most: most, lanes: make(map[string]*lane), shelves: make(map[string]*shelf), wake: make(chan struct{}, 1)}
}

// enter takes in a leg that is pending now.
func (c *channel) enter(l *leg) {
	c.pending++
	c.bytes += l.record.size
	c.line(l)
}

// line puts a leg at the end of its lane, or among the fresh without one.
func (c *channel) line(l *leg) {
	order := l.target.Order
	if order == "" {
		c.ready(l)
		return
	}
	ln := c.lanes[order]
	if ln == nil {
		ln = &lane{}
		c.lanes[order] = ln
	}
	ln.legs.push(l)
	if ln.legs.len() == 1 {
		c.ready(l)
	}
}

// ready lets a leg that heads its lane be handed out, unless it is held.
func (c *channel) ready(l *leg) {
	l.due = 0
	if l.held {
		return
	}
	l.queued = true
	c.fresh.push(l)
	c.signal()
}

// wait lets a leg that heads its lane be handed out once its due time has come,
// unless it is held.
func (c *channel) wait(l *leg) {
	if l.held {
		return
	}
	heap.Push(&c.due, l)
	c.signal()
}

// withdraw takes a leg out of line: it is not handed out any more.
func (c *channel) withdraw(l *leg) {
	if l.heapAt >= 0 {
		heap.Remove(&c.due, int(l.heapAt))
	}
	if l.queued {
		l.queued = false
		c.stale++
		c.sweep()
	}
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
	for len(items) < most {
		l := c.next(outbox.Nanos(now))
		if l == nil {
			break
		}
		l.out, l.due = true, 0
		l.attempt++
		c.out++
		items = append(items, outbox.Item{Seq: l.record.seq, Target: *l.target, Entry: l.record.entry, Attempt: int(l.attempt), Failures: int(l.failures), Since: l.since()})
	}
	if len(c.due) > 0 {
		return items, outbox.Instant(c.due[0].due)
	}
	return items, time.Time{}
}

func (c *channel) next(now int64) *leg {
	isDue := len(c.due) > 0 && c.due[0].due <= now
	if !isDue || !c.dueNext {
		if l := c.unshelved(); l != nil {
			c.dueNext = true
			return l
		}
	}
	for c.fresh.len() > 0 && !(isDue && c.dueNext) {
		l := c.fresh.pop()
		if l.queued {
			l.queued = false
			c.dueNext = true
			return l
		}
		c.stale-- // it was withdrawn while it waited
	}
	if isDue {
		c.dueNext = false
		return heap.Pop(&c.due).(*leg)
	}
	return nil
}

// maxStale is how many withdrawn legs may lie among the fresh ones before they
// are swept out, if they are most of them.
const maxStale = 1024

func (c *channel) sweep() {
	if c.stale < maxStale || c.stale < c.fresh.len()/2 {
		return
	}
	var kept queue[*leg]
	for c.fresh.len() > 0 {
		if l := c.fresh.pop(); l.queued {
			l.queued = false // one that came back has two places, and keeps one
			kept.push(l)
		}
	}
	for _, l := range kept.items {
		l.queued = true
	}
	c.fresh, c.stale = kept, 0
}

// settle applies an outcome and reports whether it changed anything.
func (c *channel) settle(l *leg, o *outbox.Outcome) bool {
	switch o.Action {
	case outbox.Done:
		if l.state != pending {
			return false
		}
		c.end(l, o, done)
	case outbox.Dead:
		if l.state != pending || o.Attempt != 0 && o.Attempt != int(l.attempt) {
			return false
		}
		l.failures = max(l.failures, int32(o.Failures))
		if o.Unsent {
			l.attempt--
		}
		c.end(l, o, failed)
	case outbox.Dropped:
		if l.state != pending && l.state != failed {
			return false
		}
		c.end(l, o, dropped)
	case outbox.Retry:
		if l.state != pending || !l.out || o.Attempt != int(l.attempt) {
			return false
		}
		c.again(l, o)
	case outbox.Redrive:
		if l.state != failed {
			return false
		}
		c.redrive(l, o)
	case outbox.Hold:
		if l.state != pending || l.held {
			return false
		}
		c.hold(l, o)
	case outbox.Release:
		if !l.held {
			return false
		}
		c.release(l, o)
	case outbox.Lease:
		return false // what is out stays out, and nothing outlives the process
	}
	return true
}

func (c *channel) hold(l *leg, o *outbox.Outcome) {
	c.weigh(l, -1)
	l.held = true
	c.held++
	c.withdraw(l)
	l.note(o)
}

// release lets a held leg go on: at once if it heads its lane, or when it is due.
func (c *channel) release(l *leg, o *outbox.Outcome) {
	c.unpass(l)
	c.unhold(l)
	c.weigh(l, 1)
	l.note(o)
	switch {
	case l.out || l.shelf != nil || !c.heads(l):
	case l.due > 0:
		c.wait(l)
	default:
		c.ready(l)
	}
}

func (c *channel) unhold(l *leg) {
	if l.held {
		l.held = false
		c.held--
	}
}

// heads tells whether no other leg has to end before l may be handed out.
func (c *channel) heads(l *leg) bool {
	ln := c.lanes[l.target.Order]
	return l.target.Order == "" || ln == nil || *ln.legs.front() == l
}

// again makes a leg that was out ready for another hand-over. It still heads its lane.
func (c *channel) again(l *leg, o *outbox.Outcome) {
	l.out = false
	c.out--
	if o.Unsent {
		l.attempt--
	}
	l.failures = int32(o.Failures)
	l.note(o)
	if o.Due.After(o.At) {
		l.due = outbox.Nanos(o.Due)
		c.wait(l)
		return
	}
	c.ready(l)
}

// end makes a leg final and opens its lane.
func (c *channel) end(l *leg, o *outbox.Outcome, to state) {
	was := l.state
	if l.out {
		l.out = false
		c.out--
	}
	c.withdraw(l)
	c.weigh(l, -1)
	c.unhold(l)
	if was == failed {
		c.dead--
	} else {
		c.pending--
	}
	if to == failed {
		c.dead++
	} else {
		c.bytes -= l.record.size
	}
	l.state, l.due = to, 0
	l.note(o)
	c.open(l, was)
}

// open lets the next of a lane go, unless a dead letter parks it.
func (c *channel) open(l *leg, was state) {
	order := l.target.Order
	ln := c.lanes[order]
	if order == "" || ln == nil {
		return
	}
	if was == failed && !ln.isParkedBy(l) {
		return // it left the lane when it died
	}
	if ln.legs.len() == 0 || *ln.legs.front() != l {
		return // it waited behind the head; skipped when its turn comes
	}
	if l.state == failed && l.target.Park {
		ln.parked = true
		return
	}
	ln.parked = false
	ln.legs.pop()
	c.advance(order, ln)
}

// advance readies the first of a lane that is still pending.
func (c *channel) advance(order string, ln *lane) {
	for ln.legs.len() > 0 {
		if head := *ln.legs.front(); head.state == pending {
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
// else at the lane's end. One that lies on a shelf does so still.
func (c *channel) redrive(l *leg, o *outbox.Outcome) {
	c.unpass(l)
	c.dead--
	c.pending++
	l.state, l.failures, l.redriven = pending, 0, outbox.Nanos(o.At)
	l.note(o)
	c.weigh(l, 1)
	ln := c.lanes[l.target.Order]
	parked := l.target.Order != "" && ln != nil && ln.isParkedBy(l)
	if parked {
		ln.parked = false
	}
	switch {
	case l.shelf != nil:
	case parked:
		c.ready(l)
	default:
		c.line(l)
	}
}

func (c *channel) stats() outbox.ChannelStats {
	return outbox.ChannelStats{Pending: c.pending, Out: c.out, Dead: c.dead, Held: c.held, Shelved: c.shelved, Bytes: c.bytes}
}

// dueHeap holds legs that wait for a time, earliest first.
type dueHeap []*leg

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapAt, h[j].heapAt = int32(i), int32(j)
}

// Push and Pop serve container/heap.
func (h *dueHeap) Push(x any) {
	l := x.(*leg)
	l.heapAt = int32(len(*h))
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
