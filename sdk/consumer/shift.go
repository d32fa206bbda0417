package consumer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

const (
	// maxHeld is the most events that are held: the largest window that a
	// router gives one connection. Beyond it deliveries wait in the socket.
	maxHeld = 4096
	// maxParked is the most bytes of deliveries that wait for their key, each
	// counted with parkedCost for itself.
	maxParked  = 64 << 20
	parkedCost = 512
)

// shift is one Run of a consumer: what is held, and what becomes of it. Its
// fields belong to the goroutine of run.
type shift struct {
	*Consumer
	work    BatchWork
	most    int             // events that are worked on together
	working context.Context // of all work

	held    map[event]*job // begun or waiting
	waiting []*job
	begun   int  // pieces of work
	ending  bool // nothing is begun any more
	replies *replies

	parked     []zmq.Received // their key is not known
	parkedSize int

	arrivals chan zmq.Received
	finished chan []*job
	keysRead chan struct{}
}

// job is an event to work on, with every lease it was delivered under.
type job struct {
	event  event
	d      *delivery.Delivery // the last before the work began
	leases []lease
	reply  delivery.Reply // set by the work
}

// lease is the right to reply, where to, and the connection it came by.
type lease struct {
	token string
	reply string
	from  uint64
}

func newShift(c *Consumer, most int, work BatchWork, working context.Context) *shift {
	return &shift{Consumer: c, work: work, most: most, working: working, held: make(map[event]*job),
		replies:  &replies{log: c.o.Log, security: c.o.Security, tally: c.tally},
		arrivals: make(chan zmq.Received), finished: make(chan []*job), keysRead: make(chan struct{})}
}

// receive passes on what the socket gives until ctx ends.
func (s *shift) receive(ctx context.Context, socket *zmq.Pull) {
	for {
		r, err := socket.Recv(ctx)
		if err != nil {
			return
		}
		select {
		case s.arrivals <- r:
		case <-ctx.Done():
			return
		}
	}
}

// refreshed tells run that the keys were read.
func (s *shift) refreshed(ctx context.Context) {
	select {
	case s.keysRead <- struct{}{}:
	case <-ctx.Done():
	}
}

// run is the straight line of a shift. It returns after ctx has ended and all
// work has; stopWork is called when the grace is over.
func (s *shift) run(ctx context.Context, stopWork func()) {
	progress := time.NewTicker(s.o.ProgressEvery)
	defer progress.Stop()
	done := ctx.Done()
	for !s.ending || s.begun > 0 {
		arrivals := s.arrivals
		if len(s.held) >= maxHeld {
			arrivals = nil
		}
		select {
		case r := <-arrivals:
			s.take(r)
		case jobs := <-s.finished:
			s.finish(jobs)
		case <-progress.C:
			s.report()
		case <-s.keysRead:
			s.unpark()
		case <-done:
			s.ending, done = true, nil
			grace := time.AfterFunc(s.o.Grace, stopWork)
			defer grace.Stop()
		}
		for !s.ending && s.begun < s.o.Parallel && len(s.waiting) > 0 {
			s.begin()
		}
		s.replies.handOver()
	}
}

func (s *shift) take(r zmq.Received) {
	d, err := s.gate.open(r.Frames)
	if err == nil {
		s.hold(d, r.Peer.ID())
		return
	}
	s.gate.refuse(err)
	if errors.Is(err, delivery.ErrKeyID) {
		s.park(r)
	}
}

// hold takes in a delivery that was opened. Of an event that was done it is
// answered again; of one that is held it is answered with the other.
func (s *shift) hold(d *delivery.Delivery, from uint64) {
	h := &d.Header
	if _, err := s.replies.to(h.Reply); err != nil || h.Lease == "" {
		s.gate.refuse(errors.Join(errReply, err))
		return
	}
	e, l := event{h.Source, h.ID}, lease{h.Lease, h.Reply, from}
	if result, done := s.memory.recall(e); done {
		s.count(func(n *Counts) { n.Repeated++ })
		s.answer(e, l, delivery.Reply{Status: delivery.StatusDone, Result: result})
		return
	}
	j := s.held[e]
	if j == nil {
		j = &job{event: e, d: d, leases: []lease{l}}
		s.held[e] = j
		s.waiting = append(s.waiting, j)
		return
	}
	s.count(func(n *Counts) { n.Repeated++ })
	if slices.ContainsFunc(j.leases, func(x lease) bool { return x.token == l.token }) {
		return
	}
	j.leases = append(j.leases, l)
	if slices.Contains(s.waiting, j) {
		j.d = d
	}
}

// begin starts the work on what has waited longest, as far as it has not expired.
func (s *shift) begin() {
	var jobs []*job
	var batch []*delivery.Delivery
	for len(s.waiting) > 0 && len(jobs) < s.most {
		j := s.waiting[0]
		s.waiting = slices.Delete(s.waiting, 0, 1)
		if s.gate.now().Unix() > j.d.Header.Expires {
			j.reply = delivery.Reply{Status: delivery.StatusRetry, Reason: "expired while it waited"}
			s.settle(j)
			continue
		}
		j.reply = delivery.Reply{Status: delivery.StatusRetry, Reason: "work ended its goroutine"} // unless it returns
		jobs, batch = append(jobs, j), append(batch, j.d)
	}
	if len(jobs) == 0 {
		return
	}
	s.begun++
	go func() {
		defer func() { s.finished <- jobs }() // run waits for it
		for i, reply := range s.perform(s.working, s.work, batch) {
			jobs[i].reply = reply
		}
	}()
}

func (s *shift) finish(jobs []*job) {
	s.begun--
	for _, j := range jobs {
		if j.reply.Status != "" { // else it was stopped, and the goodbye gives it back
			s.settle(j)
		}
	}
}

// settle replies to every lease of a job and forgets it.
func (s *shift) settle(j *job) {
	delete(s.held, j.event)
	for _, l := range j.leases {
		s.answer(j.event, l, j.reply)
	}
	switch j.reply.Status {
	case delivery.StatusDone:
		s.memory.remember(j.event, j.reply.Result)
		s.count(func(n *Counts) { n.Done++ })
	case delivery.StatusFailed:
		s.count(func(n *Counts) { n.Failed++ })
	default:
		s.count(func(n *Counts) { n.Retried++ })
	}
}

// report tells that everything held is in progress, what waits included: its
// clock runs too.
func (s *shift) report() {
	for _, j := range s.held {
		for _, l := range j.leases {
			s.answer(j.event, l, delivery.Reply{Status: delivery.StatusProgress})
		}
	}
}

// park keeps a delivery until the keys have been read again.
func (s *shift) park(r zmq.Received) {
	size := parkedCost
	for _, f := range r.Frames {
		size += len(f)
	}
	if s.parkedSize+size <= maxParked { // else it is dropped: the router delivers again
		s.parked = append(s.parked, r)
		s.parkedSize += size
	}
	s.gate.want()
}

// unpark opens again what waits for its key.
func (s *shift) unpark() {
	parked := s.parked
	s.parked, s.parkedSize = nil, 0
	for _, r := range parked {
		d, err := s.gate.open(r.Frames)
		switch {
		case err == nil:
			s.hold(d, r.Peer.ID())
		case errors.Is(err, delivery.ErrKeyID):
			s.park(r)
		default:
			s.gate.refuse(err)
		}
	}
}

// goodbye gives back what is held, by one lease of each connection, and takes
// leave of the other routers.
func (s *shift) goodbye() {
	left, told := make(map[uint64]bool), make(map[string]bool)
	for _, j := range s.held {
		for _, l := range j.leases {
			if !left[l.from] {
				left[l.from], told[l.reply] = true, true
				s.answer(j.event, l, delivery.Reply{Goodbye: true})
			}
		}
	}
	for _, r := range s.replies.open {
		if !told[r.address] {
			r.put(delivery.Reply{Goodbye: true})
		}
	}
}

func (s *shift) answer(e event, l lease, reply delivery.Reply) {
	reply.ID, reply.Source, reply.Lease = e.id, e.source, l.token
	s.replies.put(l.reply, reply)
}

func (s *shift) count(f func(n *Counts)) { s.tally.add(f) }
