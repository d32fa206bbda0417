package dispatch

import (
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Machine decides for one command channel who gets what, for how long, and
// what a reply or its absence means. It does nothing itself: inputs carry their
// time, and what follows from them gathers in an [Output]. It is not safe for
// concurrent use.
//
// Credit: a connection starts with a window of one delivery, doubled by each it
// settles, up to prefetch. A delivery takes credit until it is replied to or
// its connection ends; a lapsed lease gives none back, so that a mute consumer
// holds one event and not a windowful. Entries with transforms go through them
// first, some beyond what there is credit for, and then wait their turn.
type Machine struct {
	s      Settings
	jitter func() float64

	conns  []*conn
	away   *away               // what was out before the router started; nil for nothing
	turn   int                 // whose turn it is
	grants map[grantID]*grant  // every one that holds credit
	live   map[uint64]*grant   // by sequence: the newest lease while its clock runs
	ended  map[uint64]struct{} // done, and not yet in the store
	brake  brake
	paused bool
	ticked time.Time

	at      map[uint64]*Passage // by sequence: at transforms
	waiting []*Passage          // for credit, in turn
	chains  []*share
	byName  map[string]*share

	out      Output
	counts   Counts
	observed bool // somebody wants to be told of Delivered
}

type grantID struct {
	seq     uint64
	attempt int
}

// grant is one delivery that holds credit.
type grant struct {
	item  outbox.Item
	conn  *conn
	sent  time.Time
	clock time.Time // when it started: at the hand-over, by progress, by work on an earlier one
	hold  time.Time // never beyond
}

func (g *grant) id() grantID { return grantID{g.item.Seq, g.item.Attempt} }

// deadline is when the lease lapses.
func (g *grant) deadline(timeout time.Duration) time.Time {
	start := g.clock
	if g.conn.clock.After(start) {
		start = g.conn.clock
	}
	return earlier(start.Add(timeout), g.hold)
}

// Output is what follows from the inputs since it was last taken.
type Output struct {
	Sends    []Send
	Begun    []*Passage // to go through their transforms
	Shelve   []Shelving
	Unshelve []string // shelves, after Shelve
	Outcomes []outbox.Outcome
	Notices  []Notice

	Delivered []Delivered // with Observe
}

// Send is one delivery to hand to a connection.
type Send struct {
	Conn    uint64
	Peer    string // name of the peer's key, for the lease
	Item    outbox.Item
	Passage *Passage // nil for an event that goes as it was accepted
	Expires time.Time
}

// Reply is a reply whose lease has been checked.
type Reply struct {
	Seq     uint64
	Attempt int
	Newest  bool   // no later attempt was ever handed out
	Final   bool   // the entry has ended already
	From    uint64 // reply connection it came by
	delivery.Reply
}

// NewMachine returns a machine without connections. jitter gives numbers in [0, 1).
func NewMachine(s Settings, jitter func() float64) *Machine {
	return &Machine{s: s, jitter: jitter, grants: make(map[grantID]*grant), live: make(map[uint64]*grant), ended: make(map[uint64]struct{}),
		at: make(map[uint64]*Passage), byName: make(map[string]*share)}
}

// Change puts other settings in place. What is out stays out, under them.
func (m *Machine) Change(s Settings) {
	m.s = s
	for _, c := range m.conns {
		c.window = min(c.window, s.Prefetch)
	}
}

// Take returns the output so far and starts a new one.
func (m *Machine) Take() Output {
	out := m.out
	m.out = Output{}
	return out
}

// Room is how many entries can be taken in hand now.
func (m *Machine) Room() int { return m.room(m.free()) }

func (m *Machine) room(free int) int {
	if m.ahead() == 0 || m.paused {
		return free
	}
	if m.full() {
		return 0 // it goes on as soon as consumers do
	}
	room := max(free+lookahead-m.ahead(), 0)
	if awaited, coming := m.aside(); awaited {
		return min(room, coming)
	}
	return room
}

// free is how many entries can be sent now.
func (m *Machine) free() int {
	if m.paused {
		return 0
	}
	free := 0
	for _, c := range m.conns {
		free += c.free()
	}
	if !m.brake.off() {
		free = min(free, m.brake.limit(m.window())-len(m.live))
	}
	return max(free, 0)
}

// Offer takes items in hand: they are sent, go to their transforms, or wait for
// credit. One there is no room for goes back unharmed.
func (m *Machine) Offer(now time.Time, items []outbox.Item) {
	free := m.free()
	room := m.room(free)
	for _, c := range m.chains {
		c.came = false
	}
	for _, i := range items {
		switch {
		case m.expired(now, i):
			m.expire(now, i)
		case room == 0:
			m.unsent(now, i)
		case len(i.Target.Transforms) > 0:
			if m.begin(now, i, free) {
				room--
			}
		case free > 0:
			m.send(now, i, nil)
			free--
			room--
		default:
			m.waiting = append(m.waiting, newPassage(i))
			room--
		}
	}
	for _, c := range m.chains {
		if !c.came {
			c.coming = 0 // whatever else lay there is held, or has ended
		}
	}
}

// send gives an item to the connection whose turn it is. There is credit.
func (m *Machine) send(now time.Time, i outbox.Item, p *Passage) {
	c := m.pick()
	if c == nil {
		m.unsent(now, i)
		return
	}
	g := &grant{item: i, conn: c, sent: now, clock: now, hold: now.Add(m.s.MaxHold)}
	c.held = append(c.held, g)
	c.sent++
	m.grants[g.id()] = g
	m.live[i.Seq] = g
	m.counts.Sent++
	m.out.Sends = append(m.out.Sends, Send{Conn: c.id, Peer: c.peer, Item: i, Passage: p, Expires: m.s.expiry(now)})
}

func (m *Machine) expire(now time.Time, i outbox.Item) {
	m.settle(i, outbox.Outcome{Action: outbox.Dead, Unsent: true, Failures: i.Failures, At: now, What: "expired", Reason: "expired before a consumer took it"})
	m.counts.Dead++
	m.unsentEnd(i, now, "expired")
}

func (m *Machine) expired(now time.Time, i outbox.Item) bool {
	e := i.Entry
	return !e.Expires.IsZero() && now.After(e.Expires) || m.s.MaxAge > 0 && now.Sub(i.Since) > m.s.MaxAge
}

// pick gives the connections with credit their turns.
func (m *Machine) pick() *conn {
	for range m.conns {
		m.turn = (m.turn + 1) % len(m.conns)
		if c := m.conns[m.turn]; c.free() > 0 {
			return c
		}
	}
	return nil
}

// Undelivered takes back a delivery that could not be handed to its connection.
func (m *Machine) Undelivered(now time.Time, i outbox.Item) {
	g := m.grants[grantID{i.Seq, i.Attempt}]
	if g == nil {
		return
	}
	m.drop(g)
	m.unsent(now, i)
}

func (m *Machine) unsent(now time.Time, i outbox.Item) {
	m.settle(i, outbox.Outcome{Action: outbox.Retry, Unsent: true, Failures: i.Failures, At: now})
}

// Reply takes a reply whose lease has been checked. A done counts for any lease
// ever given for an entry that has not ended; the others need the newest.
func (m *Machine) Reply(now time.Time, r Reply) {
	g := m.grants[grantID{r.Seq, r.Attempt}]
	if g != nil {
		m.link(g, r.From)
	}
	live := g != nil && m.live[r.Seq] == g
	if r.Status == delivery.StatusProgress {
		if live {
			g.clock = now
		}
		return
	}
	if g != nil {
		m.credit(now, g)
	}
	if _, ended := m.ended[r.Seq]; ended || r.Final {
		m.counts.Repeated++
		if live {
			m.over(g, Delivered{At: now, End: EndSuperseded, Reply: r.Status})
		}
		return
	}
	o := outbox.Outcome{Seq: r.Seq, Channel: m.s.Name, Attempt: r.Attempt, At: now, Reason: r.Reason}
	switch {
	case r.Status == delivery.StatusDone:
		if other := m.live[r.Seq]; other != nil { // who holds it now works for nothing
			m.over(other, Delivered{At: now, End: EndSuperseded})
			delete(m.live, r.Seq)
		}
		if g != nil {
			m.over(g, Delivered{At: now, End: EndDone, Reply: r.Status, Late: !live})
		}
		m.Forget(r.Seq)
		m.ended[r.Seq] = struct{}{}
		o.Action, o.Result = outbox.Done, r.Result
		m.counts.Done++
		if !live {
			m.counts.Late++
		}
		m.record(true)
	case !r.Newest:
		m.counts.Stale++
		return
	case r.Status == delivery.StatusFailed:
		o.Action, o.What = outbox.Dead, "failed"
		if live {
			o.Failures = g.item.Failures
		}
		if g != nil {
			m.over(g, Delivered{At: now, End: EndDead, Why: o.What, Reply: r.Status, Late: !live})
		}
		m.counts.Dead++
		m.record(false)
	default:
		if !live {
			m.counts.Stale++
			return // its lease has lapsed: it comes again by itself
		}
		o.Action, o.What, o.Failures = outbox.Retry, "retry", g.item.Failures
		o.Due = now.Add(r.Delay())
		if r.RetryAfter == 0 {
			o.Due = now.Add(m.s.backoff(g.item.Failures+1, m.jitter()))
		}
		m.counts.Retried++
		m.over(g, Delivered{At: now, End: EndRetry, Why: o.What, Reply: r.Status})
	}
	m.out.Outcomes = append(m.out.Outcomes, o)
}

// credit ends a grant that was replied to: its connection has room again, a
// wider window, and a fresh clock for what it was given later.
func (m *Machine) credit(now time.Time, g *grant) {
	c := g.conn
	at := m.drop(g)
	if at == 0 {
		c.clock = now // all that is left came later
	} else {
		for _, later := range c.held[at:] {
			later.clock = now
		}
	}
	c.settled++
	c.mute = false
	if !c.left {
		c.window = min(2*c.window, m.s.Prefetch)
	}
}

// drop forgets a grant and gives its place among those its connection held;
// what becomes of its entry is the caller's.
func (m *Machine) drop(g *grant) (at int) {
	delete(m.grants, g.id())
	if m.live[g.item.Seq] == g {
		delete(m.live, g.item.Seq)
	}
	c := g.conn
	at = slices.Index(c.held, g)
	if at == 0 { // the common case: consumers work in order
		c.held[0] = nil
		c.held = c.held[1:]
	} else {
		c.held = slices.Delete(c.held, at, at+1)
	}
	return at
}

// Settled notes that outcomes are in the store.
func (m *Machine) Settled(outcomes []outbox.Outcome) {
	for i := range outcomes {
		if outcomes[i].Action == outbox.Done {
			delete(m.ended, outcomes[i].Seq)
		}
	}
}

// Tick looks at the deadlines.
func (m *Machine) Tick(now time.Time) {
	m.ticked = now
	for _, c := range slices.Clone(m.conns) {
		for _, g := range slices.Clone(c.held) {
			if m.live[g.item.Seq] == g && !now.Before(g.deadline(m.s.AckTimeout)) {
				m.lapse(now, g)
			}
		}
		if !c.gone.IsZero() && now.Sub(c.gone) >= grace {
			m.bury(now, c)
		}
	}
}

// Next is when Tick or Advance has something to look at, zero for never.
func (m *Machine) Next() time.Time {
	var next time.Time
	if len(m.live) > 0 || slices.ContainsFunc(m.conns, func(c *conn) bool { return !c.gone.IsZero() }) {
		next = m.ticked.Add(m.s.tick())
	}
	for _, c := range m.chains {
		if until := c.busy.Add(busyTime); c.awaited() && (next.IsZero() || until.Before(next)) {
			next = until
		}
	}
	return next
}

// lapse ends a lease nobody replied to. Its connection's credit stays taken.
func (m *Machine) lapse(now time.Time, g *grant) {
	if m.adopted(g) {
		m.giveBack(now, g)
		return
	}
	delete(m.live, g.item.Seq)
	m.counts.Lapsed++
	m.over(g, ended(m.fail(now, g.item, "lapsed", "no reply within ack_timeout")))
	if c := g.conn; c.settled == 0 && !c.mute {
		c.mute = true
		m.notice(Notice{Kind: Mute, Conn: c.id, Item: g.item})
	}
}

// fail counts a failed delivery.
func (m *Machine) fail(now time.Time, i outbox.Item, what, why string) outbox.Outcome {
	o := m.again(now, i, outbox.Outcome{What: what, Reason: why})
	m.record(false)
	return o
}

// again counts a failure: another try at o.Due, or after the backoff where that
// is zero; or the dead letters.
func (m *Machine) again(now time.Time, i outbox.Item, o outbox.Outcome) outbox.Outcome {
	o.Action, o.At, o.Failures = outbox.Retry, now, i.Failures+1
	switch {
	case o.Failures >= m.s.MaxAttempts:
		o.Action, o.Due = outbox.Dead, time.Time{}
		m.counts.Dead++
		m.notice(Notice{Kind: Died, Item: i, Reason: o.Reason})
	case o.Due.IsZero():
		o.Due = now.Add(m.s.backoff(o.Failures, m.jitter()))
	}
	m.settle(i, o)
	return o
}

// settle files an outcome of a hand-over.
func (m *Machine) settle(i outbox.Item, o outbox.Outcome) {
	o.Seq, o.Channel, o.Attempt = i.Seq, m.s.Name, i.Attempt
	m.out.Outcomes = append(m.out.Outcomes, o)
}

// window is how much all connections together may hold.
func (m *Machine) window() int {
	n := 0
	for _, c := range m.conns {
		n += c.room()
	}
	return n
}

// Pause stops handing out; what is out goes on.
func (m *Machine) Pause(on bool) { m.paused = on }

func (m *Machine) notice(n Notice) { m.out.Notices = append(m.out.Notices, n) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
