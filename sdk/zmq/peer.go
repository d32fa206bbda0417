package zmq

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/sdk/curve"
)

// maxControl bounds the commands that wait for a peer that takes nothing.
// Overflow policy: further PINGs and PONGs are left out; the write timeout
// ends such a peer.
const maxControl = 4 << 10

// Peer is one connection that is ready. It is safe for concurrent use.
type Peer struct {
	id       uint64
	addr     string
	endpoint string
	kind     string
	minor    uint8
	identity string
	proof    proof
	since    time.Time
	conn     net.Conn // seals what is written
	raw      net.Conn // below it
	queue    int      // high-water mark
	dialled  bool
	takes    bool   // Send may be used
	freed    func() // called without locks when the queue has got room; may be nil

	heard  atomic.Int64 // Unix nanoseconds of the last bytes received
	paused atomic.Bool  // its reader waits for Recv, so silence means nothing
	beats  atomic.Bool  // it understands PING
	urgent atomic.Bool  // control is not empty

	received atomic.Uint64
	ignored  atomic.Uint64

	mu      sync.Mutex
	work    sync.Cond // for the writer: something to write, or a new state
	state   state
	cause   error // why it ended
	control []byte
	waiting []item
	spare   []item // an emptied batch, to be filled again
	counts  Counts
	filter  filter // what a subscriber wants
	round   uint64 // the last Send of a Pub that reached it; guarded by the socket
	slow    bool   // messages were dropped since the queue was last empty
}

type state uint8

const (
	open     state = iota
	draining       // nothing new is queued; what is there is written
	gone
)

// item is one queued message.
type item struct {
	frames Frames
	bound  bool // for this peer and no other
}

// Counts account for messages on their way out. At any moment
// Matched = Sent + Dropped + Queued.
type Counts struct {
	Matched uint64 // taken by Send; for a Pub, times the subscribers that match
	Sent    uint64 // handed to the kernel
	Dropped uint64 // over the high-water mark, or queued when the connection ended
	Queued  uint64
}

func (c *Counts) add(other Counts) {
	c.Matched += other.Matched
	c.Sent += other.Sent
	c.Dropped += other.Dropped
	c.Queued += other.Queued
}

// Facts describe a peer at one moment.
type Facts struct {
	Counts
	Since      time.Time // when it became ready
	Heard      time.Time // when bytes last came from it
	SocketType string    // as it announced itself, for example "PULL"
	Minor      uint8     // of the ZMTP version it announced: 0 for 3.0, 1 for 3.1
	Mechanism  string    // "NULL", "CURVE" or "TLS"
	Received   uint64    // messages that came from it, subscriptions included
	Ignored    uint64    // subscriptions that it may not make
	Topics     int       // different prefixes it subscribes to
	Slow       bool      // messages were dropped since its queue was last empty
	Paused     bool      // nothing is read from it until Recv has made room
}

func newPeer(l link, g *guard, o Options) *Peer {
	p := &Peer{
		id:       rand.Uint64(),
		addr:     addrOf(l.Conn, l.name),
		endpoint: l.name,
		kind:     g.hello.kind,
		minor:    g.hello.minor,
		identity: g.hello.identity,
		proof:    g.proof,
		since:    time.Now(),
		conn:     g.Conn,
		raw:      l.Conn,
		queue:    o.Queue,
		dialled:  l.guest == nil,
	}
	p.work.L = &p.mu
	p.heard.Store(p.since.UnixNano())
	p.beats.Store(p.minor >= 1)
	return p
}

// ID is a number that no other peer of this process has (64 random bits).
func (p *Peer) ID() uint64 { return p.id }

// Addr is the peer's address: ip:port, or the endpoint for ipc.
func (p *Peer) Addr() string { return p.addr }

// Endpoint is what was given to Connect or returned by Listen.
func (p *Peer) Endpoint() string { return p.endpoint }

// Identity is what the peer calls itself (RFC 28); empty for nothing. No two
// peers of a Router with the same key have the same.
func (p *Peer) Identity() string { return p.identity }

// Name is what Admit calls the peer, or the name in its certificate; empty for
// a peer that has proven nothing.
func (p *Peer) Name() string { return p.proof.Name }

// Admitted is what Admit made of the peer's key; of a peer that proved itself
// otherwise, only its Name.
func (p *Peer) Admitted() Admitted { return p.proof.Admitted }

// Dialled reports whether this side connected to the peer.
func (p *Peer) Dialled() bool { return p.dialled }

// Key is the CURVE key that the peer has proven; zero for none.
func (p *Peer) Key() curve.Public { return p.proof.key }

// Facts describes the peer as it is now.
func (p *Peer) Facts() Facts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Facts{
		Counts:     p.counts,
		Since:      p.since,
		Heard:      time.Unix(0, p.heard.Load()),
		SocketType: p.kind,
		Minor:      p.minor,
		Mechanism:  p.proof.mechanism,
		Received:   p.received.Load(),
		Ignored:    p.ignored.Load(),
		Topics:     len(p.filter.sorted),
		Slow:       p.slow,
		Paused:     p.paused.Load(),
	}
}

// Send queues the whole batch for this peer, in order, and reports whether it
// did. It does not block. False means that nothing was queued: the peer is
// gone, its queue has no room for all of them, or the socket is none that sends
// to single peers: a Push, Router or Dealer. What the connection has not taken
// when it ends is dropped, and goes to no other peer.
func (p *Peer) Send(batch ...Frames) bool {
	if !p.takes {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != open || p.room() < len(batch) {
		return false
	}
	for _, frames := range batch {
		p.enqueue(item{frames, true})
	}
	return true
}

// offer queues one message that may go to another peer later.
func (p *Peer) offer(frames Frames) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != open || p.room() < 1 {
		return false
	}
	p.enqueue(item{frames, false})
	return true
}

// publish queues frames and reports whether the subscriber has just become
// slow. Overflow policy: the newest message is dropped, for this subscriber
// alone.
func (p *Peer) publish(frames Frames) (slow bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != open {
		return false
	}
	if p.room() < 1 {
		p.counts.Matched++
		p.counts.Dropped++
		slow, p.slow = !p.slow, true
		return slow
	}
	if p.counts.Queued == 0 {
		p.slow = false
	}
	p.enqueue(item{frames, true})
	return false
}

func (p *Peer) room() int { return p.queue - int(p.counts.Queued) }

func (p *Peer) enqueue(i item) {
	if len(p.waiting) == 0 {
		p.work.Signal()
	}
	p.waiting = append(p.waiting, i)
	p.counts.Matched++
	p.counts.Queued++
}

// command queues a command to go out before the next message.
func (p *Peer) command(name string, data []byte) {
	p.order(appendCommand(nil, name, data))
}

// order queues encoded frames to go out before the next message.
func (p *Peer) order(encoded []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == gone {
		return
	}
	p.control = append(p.control, encoded...)
	p.urgent.Store(true)
	p.work.Signal()
}

func (p *Peer) crowded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.control) > maxControl
}

// ping asks for a sign of life, telling the peer to expect one from this side
// at least every ttl (RFC 37; tenths of a second).
func (p *Peer) ping(ttl time.Duration) {
	if p.crowded() {
		return
	}
	tenths := min(max(ttl/(100*time.Millisecond), 1), 0xFFFF)
	p.command("PING", binary.BigEndian.AppendUint16(nil, uint16(tenths)))
}

// pong answers a PING with its context.
func (p *Peer) pong(context []byte) {
	p.beats.Store(true)
	if p.crowded() {
		return
	}
	p.command("PONG", context)
}

// silent reports whether a peer that should have been heard of was not.
func (p *Peer) silent(timeout time.Duration) bool {
	return p.beats.Load() && !p.paused.Load() && time.Since(time.Unix(0, p.heard.Load())) > timeout
}

func (p *Peer) pause() { p.paused.Store(true) }

func (p *Peer) resume() {
	p.heard.Store(time.Now().UnixNano())
	p.paused.Store(false)
}

// drain lets the writer end once everything queued is written.
func (p *Peer) drain(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == open {
		p.state, p.cause = draining, cause
		p.work.Signal()
	}
}

// cut ends the connection. The first cause stands.
func (p *Peer) cut(cause error) {
	p.mu.Lock()
	if p.cause == nil {
		p.cause = cause
	}
	p.state = gone
	p.work.Signal()
	p.mu.Unlock()
	_ = p.raw.Close() // it is of no use any more, whatever Close says
}

// Cut ends the connection. What is queued for the peer alone is dropped.
func (p *Peer) Cut(why error) { p.cut(fmt.Errorf("%w: %w", ReasonCut, why)) }

// end takes back what can go to another peer, drops the rest, and returns why
// the connection ended. Reader and writer have ended.
func (p *Peer) end() (back []Frames, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.waiting {
		if i.bound {
			p.counts.Dropped++
		} else {
			p.counts.Matched--
			back = append(back, i.frames)
		}
	}
	p.waiting, p.spare, p.control, p.counts.Queued = nil, nil, nil, 0
	return back, p.cause
}
