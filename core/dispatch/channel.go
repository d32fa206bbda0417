package dispatch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Socket hands deliveries to one consumer's connection. It does not block:
// false says that the connection is gone or has no room, and nothing was taken.
type Socket interface {
	Send(conn uint64, deliveries [][][]byte) bool
}

// Store is what a channel needs of the outbox.
type Store interface {
	outbox.Dispatching
	outbox.Keeping
}

// Options are what a Channel is made of.
type Options struct {
	Settings
	Store      Store
	Transforms *Transforms             // shared by the channels of a router; nil for none
	Signer     func() *delivery.Signer // gives who signs a batch; another one whenever the key has changed
	LeaseKey   []byte
	Reply      string // endpoint consumers are told to reply to
	Log        zerolog.Logger
	Now        func() time.Time // nil for time.Now
	Observe    Observer         // nil for nobody; called while the channel is locked
	Trace      TraceParent      // nil for what the event carries
}

const (
	// maxUnsettled is how many outcomes may wait for the store; replies wait
	// beyond it, and through the reply socket those who send them.
	maxUnsettled = 1 << 16
	// settlePause is the wait after the store refused outcomes.
	settlePause = 100 * time.Millisecond
)

// Channel sees the entries of one command channel to their end. Its methods
// are safe for concurrent use.
type Channel struct {
	o      Options
	way    atomic.Pointer[way]
	socket Socket           // while Run runs
	begin  func(*line)      // while Run runs: one more carrier for a line
	leases *delivery.Leases // the sender's own

	mu       sync.Mutex
	settled  sync.Cond // of mu: outcomes were taken, or settled
	m        *Machine
	outcomes []outbox.Outcome // decided, not taken by the settler yet
	settling int              // taken, not in the store yet
	lines    map[string]*line // by chain of transforms

	kick   chan struct{} // something changed for the sender
	settle chan struct{} // outcomes wait
}

// NewChannel returns a channel that does nothing until Run.
func NewChannel(o Options) *Channel {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Channel{o: o, leases: delivery.NewLeases(o.LeaseKey), m: NewMachine(o.Settings, rand.Float64), lines: make(map[string]*line),
		kick: make(chan struct{}, 1), settle: make(chan struct{}, 1)}
	c.settled.L = &c.mu
	if o.Observe != nil {
		c.m.Observe()
	}
	c.way.Store(&way{reply: o.Reply, original: o.KeepOriginal})
	return c
}

// way is what of a channel's options its deliveries show.
type way struct {
	reply    string // endpoint consumers are told to reply to
	original bool   // as Settings.KeepOriginal
}

// Change puts other settings in place, and another endpoint that consumers are
// told: deliveries that go out from now on have them. The name stays.
func (c *Channel) Change(s Settings, reply string) {
	s.Name = c.o.Name
	c.way.Store(&way{reply: reply, original: s.KeepOriginal})
	c.change(func(time.Time) { c.m.Change(s) })
}

// Run hands out entries through socket and settles them until ctx ends; then it
// settles what was decided and returns nil. What is out at the end stays so in a
// durable store, and the next router goes on with it; what is still at transforms
// goes back. A channel runs once.
func (c *Channel) Run(ctx context.Context, socket Socket) error {
	c.socket = socket
	out, err := c.o.Store.Resume(c.o.Name)
	if err != nil {
		return fmt.Errorf("channel %s: %w", c.o.Name, err)
	}
	c.change(func(now time.Time) { c.m.Adopt(now, out) })
	g, working := errgroup.WithContext(ctx)
	c.begin = func(l *line) { g.Go(func() error { c.carry(working, l); return nil }) }
	g.Go(func() error { return c.send(working) })
	g.Go(func() error { return c.settleLoop(working) })
	err = g.Wait()
	c.change(c.m.Recall)
	if c.o.Store.Stats().Durable {
		c.change(c.m.Suspend)
	}
	if last := c.settleAll(context.WithoutCancel(ctx)); last != nil {
		err = errors.Join(err, fmt.Errorf("channel %s: the last outcomes are not settled: %w", c.o.Name, last))
	}
	return err
}

// send is the straight line of a channel: what is ready goes to who has room.
func (c *Channel) send(ctx context.Context) error {
	wake := c.o.Store.Wake(c.o.Name)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-c.kick:
		case <-timer.C:
		}
		// Whoever is about to accept or to reply goes first: what they bring
		// shares one signature. Nothing waits when nobody is.
		runtime.Gosched()
		for took := true; took && ctx.Err() == nil; {
			var sends []Send
			var next time.Time
			sends, took, next = c.step()
			for batch := range slices.Chunk(sends, delivery.MaxBatch) {
				c.deliver(batch)
			}
			if !took && !next.IsZero() {
				timer.Reset(max(next.Sub(c.o.Now()), minTick))
			}
		}
	}
}

// step asks the store for as much as there is room for, and decides. took tells
// that the store gave something, so that there may be more; next is when there
// will be something to do without being woken.
func (c *Channel) step() (sends []Send, took bool, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.o.Now()
	next = c.m.Next()
	if !next.IsZero() && !now.Before(next) {
		c.m.Tick(now)
	}
	c.m.Advance(now)
	sends = c.flush() // what comes off a shelf is handed out below
	var due time.Time
	if room := min(c.m.Room(), delivery.MaxBatch); room > 0 {
		var items []outbox.Item
		var err error
		items, due, err = c.o.Store.Ready(c.o.Name, now, room)
		if err != nil {
			c.o.Log.Error().Err(err).Msg("outbox hands nothing out")
			due = now.Add(settlePause)
		}
		took = len(items) > 0
		c.m.Offer(now, items)
	}
	sends = append(sends, c.flush()...)
	next = c.m.Next()
	if next.IsZero() || !due.IsZero() && due.Before(next) {
		next = due
	}
	return sends, took, next
}

// flush takes the machine's output: outcomes to the settler, shelves to the
// store, passages to their lines, notices to the log, what is over to who
// observes, sends to the caller.
// Callers hold mu.
func (c *Channel) flush() []Send {
	out := c.m.Take()
	for _, p := range out.Begun {
		c.enter(p)
	}
	for _, s := range out.Shelve {
		c.o.Store.Shelve(c.o.Name, s.Shelf, s.Items)
	}
	for _, shelf := range out.Unshelve {
		c.o.Store.Unshelve(c.o.Name, shelf)
	}
	if len(out.Outcomes) > 0 {
		c.outcomes = append(c.outcomes, out.Outcomes...)
		signal(c.settle)
	}
	for _, n := range out.Notices {
		c.tell(n)
	}
	for i := range out.Delivered {
		c.o.Observe.Delivered(&out.Delivered[i])
	}
	return out.Sends
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default: // a signal is waiting already; one is enough
	}
}

func (c *Channel) tell(n Notice) {
	switch n.Kind {
	case Mute:
		c.o.Log.Warn().Uint64("conn", n.Conn).Str("addr", c.m.addr(n.Conn)).
			Str("should_send", `{"id":"`+n.Item.Entry.Event.ID+`","source":"`+n.Item.Entry.Event.Source+`","lease":"<lease of the header>","status":"done"}`).
			Str("to", c.way.Load().reply).Msg("mute: a consumer took a delivery and never replied")
	case Died:
		c.o.Log.Warn().Str("id", n.Item.Entry.Event.ID).Str("source", n.Item.Entry.Event.Source).
			Int("attempt", n.Item.Attempt).Str("reason", n.Reason).Msg("dead letter: out of attempts")
	case BrakeOn:
		c.o.Log.Warn().Msg("most deliveries fail: going slow")
	case BrakeOff:
		c.o.Log.Info().Msg("deliveries succeed again: full speed")
	}
}

// deliver builds, signs and hands over deliveries, as many as one signature covers.
func (c *Channel) deliver(sends []Send) {
	signer, deliveries := c.o.Signer(), make([][][]byte, len(sends))
	for i := range sends {
		deliveries[i] = c.frames(&sends[i], signer.KeyID())
	}
	if err := signer.Sign(deliveries); err != nil {
		c.o.Log.Error().Err(err).Msg("deliveries cannot be signed")
		c.takeBack(sends)
		return
	}
	perConn := make(map[uint64][]int)
	for i := range sends {
		perConn[sends[i].Conn] = append(perConn[sends[i].Conn], i)
	}
	for conn, of := range perConn {
		batch := make([][][]byte, len(of))
		for i, at := range of {
			batch[i] = deliveries[at]
		}
		if !c.socket.Send(conn, batch) {
			back := make([]Send, len(of))
			for i, at := range of {
				back[i] = sends[at]
			}
			c.takeBack(back)
		}
	}
}

func (c *Channel) takeBack(sends []Send) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range sends {
		c.m.Undelivered(c.o.Now(), s.Item)
	}
	c.flush()
}

// frames are a delivery's first four.
func (c *Channel) frames(s *Send, kid string) [][]byte {
	e, way := s.Item.Entry, c.way.Load()
	h := delivery.Header{
		ID: e.Event.ID, Source: e.Event.Source, Channel: c.o.Name, Seq: s.Item.Seq, Attempt: s.Item.Attempt,
		Lease: c.leases.Lease(delivery.Grant{Channel: c.o.Name, Seq: s.Item.Seq, Attempt: s.Item.Attempt, Peer: s.Peer}),
		Reply: way.reply, Accepted: e.Accepted, Expires: s.Expires.Unix(), Principal: &e.Principal, Proof: &e.Proof, KeyID: kid,
	}
	h.TraceParent = c.o.Trace.of(e, c.o.Name, s.Item.Attempt)
	event, original := e.Event.Raw, []byte(nil)
	keep := way.original
	if s.Passage != nil {
		event, h.Transforms = s.Passage.Event.Raw, s.Passage.Applied
		keep = keep && !s.Passage.Redacts // its hash stays too: few originals are hard to guess
	}
	if keep {
		original = e.Event.Raw
	}
	if keep && len(h.Transforms) > 0 {
		h.In = fmt.Sprintf("sha256:%x", sha256.Sum256(original))
	}
	return [][]byte{[]byte(e.Event.Type), h.Append(make([]byte, 0, 512)), event, original, nil}
}

// settleLoop gives outcomes to the store, all that wait at a time. Outcomes the
// store refuses stay and are tried again: their entries remain out meanwhile.
func (c *Channel) settleLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil // Run settles what is left
		case <-c.settle:
		}
		if err := c.settleAll(ctx); err != nil {
			c.o.Log.Error().Err(err).Msg("outbox settles nothing: trying again")
			select {
			case <-ctx.Done():
			case <-time.After(settlePause):
				signal(c.settle)
			}
		}
	}
}

func (c *Channel) settleAll(ctx context.Context) error {
	c.mu.Lock()
	batch := c.outcomes
	c.outcomes = nil
	c.settling = len(batch)
	c.settled.Broadcast()
	c.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := c.o.Store.Settle(ctx, batch)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settling = 0
	if err != nil {
		c.outcomes = append(batch, c.outcomes...)
	} else {
		c.m.Settled(batch)
	}
	c.settled.Broadcast()
	return err
}

// Joined takes in a consumer's connection.
func (c *Channel) Joined(conn uint64, name, addr string) {
	c.change(func(now time.Time) { c.m.Connect(now, Peer{ID: conn, Name: name, Addr: addr}) })
}

// Left notes the end of a consumer's connection.
func (c *Channel) Left(conn uint64) {
	c.change(func(now time.Time) { c.m.Disconnect(now, conn) })
}

// Pause stops handing out, or starts it again; what is out goes on.
func (c *Channel) Pause(on bool) {
	c.change(func(time.Time) { c.m.Pause(on) })
}

// Forget keeps an entry that an operator has ended from being sent, if it is not
// out yet.
func (c *Channel) Forget(seq uint64) {
	c.change(func(time.Time) { c.m.Forget(seq) })
}

// Replied takes replies whose leases have been checked. It blocks while too
// many outcomes wait for the store; when ctx ends meanwhile it takes nothing.
func (c *Channel) Replied(ctx context.Context, replies ...Reply) {
	c.change(func(now time.Time) {
		if len(c.outcomes) > maxUnsettled {
			defer c.wakeWith(ctx)()
		}
		for len(c.outcomes) > maxUnsettled && ctx.Err() == nil {
			c.settled.Wait()
		}
		if len(c.outcomes) > maxUnsettled {
			return
		}
		for _, r := range replies {
			if r.Status != "" {
				c.m.Reply(now, r)
			}
			if r.Goodbye {
				c.m.Goodbye(now, r.Seq, r.Attempt, r.From)
			}
		}
	})
}

// wakeWith wakes who waits on settled when ctx ends.
func (c *Channel) wakeWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.settled.Broadcast()
	})
}

// Farewell takes a goodbye that names no delivery. It reports whether the reply
// connection from has spoken for any consumer of this channel.
func (c *Channel) Farewell(from uint64) (known bool) {
	c.change(func(now time.Time) { known = c.m.Goodbye(now, 0, 0, from) })
	return known
}

// change gives the machine an input and acts on what follows.
func (c *Channel) change(f func(now time.Time)) {
	c.mu.Lock()
	f(c.o.Now())
	c.flush()
	c.settled.Broadcast()
	c.mu.Unlock()
	signal(c.kick)
}

// Facts gives the channel's state as values.
func (c *Channel) Facts() Facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.m.Facts()
	if len(f.Chains) > 0 { // what an operator ended or held on a shelf waits for no transform
		shelved := c.o.Store.Stats().Channels[c.o.Name].Shelved
		for i := range f.Chains {
			f.Chains[i].Shelved = min(f.Chains[i].Shelved, shelved)
		}
	}
	return f
}

// Quiet waits until nothing is out and every outcome is in the store, or ctx
// ends. With all it also waits for what is pending, as long as a consumer has
// room for it and its transforms are there.
func (c *Channel) Quiet(ctx context.Context, all bool) error {
	defer c.wakeWith(ctx)()
	c.mu.Lock()
	defer c.mu.Unlock()
	for ctx.Err() == nil && c.busy(all) {
		c.settled.Wait()
	}
	return ctx.Err()
}

// busy tells whether anything is left to wait for. Callers hold mu.
func (c *Channel) busy(all bool) bool {
	if len(c.m.live) > 0 || c.m.ahead() > 0 || len(c.outcomes) > 0 || c.settling > 0 {
		return true
	}
	if !all || c.m.Room() == 0 {
		return false
	}
	st := c.o.Store.Stats().Channels[c.o.Name]
	return st.Pending > st.Held+min(st.Shelved, c.m.stuck()) // what is held, or has no plugin, does not go
}
