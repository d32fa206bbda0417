package topology

import (
	"sync"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Consumers is told of consumers' connections. Calls for one connection come in
// order and do not overlap.
type Consumers interface {
	// Joined comes before anything can be sent to the connection. name is that
	// of its CURVE key, empty for none.
	Joined(conn uint64, name, addr string)
	// Left comes once, after the connection has ended.
	Left(conn uint64)
}

// Commands is a PUSH socket whose every connection is addressed by itself, so
// that credit can bound what each holds. Safe for concurrent use.
type Commands struct {
	socket

	mu    sync.RWMutex
	peers map[uint64]*zmq.Peer
}

// NewCommands opens the socket; prefetch is the most a connection may hold.
func NewCommands(o Options, prefetch int, to Consumers) (*Commands, error) {
	c := &Commands{peers: make(map[uint64]*zmq.Peer)}
	zo := c.prepare(o)
	zo.Queue = 2*prefetch + 1 // credit keeps it below; a send that finds it full is taken back
	zo.Up = func(p *zmq.Peer) {
		c.mu.Lock()
		c.peers[p.ID()] = p
		c.mu.Unlock()
		to.Joined(p.ID(), nameOf(p), p.Addr())
	}
	zo.Down = func(p *zmq.Peer, _ error) {
		c.mu.Lock()
		delete(c.peers, p.ID())
		c.mu.Unlock()
		to.Left(p.ID())
	}
	return c, c.begin(zmq.NewPush(zo))
}

// Send hands deliveries to one connection, all or none. It does not block:
// false says that the connection is gone or has no room.
func (c *Commands) Send(conn uint64, deliveries [][][]byte) bool {
	c.mu.RLock()
	p := c.peers[conn]
	c.mu.RUnlock()
	return p != nil && p.Send(deliveries...)
}

// nameOf is the name of a peer's CURVE key, which leases are bound to. A name
// in a certificate is none: [[peers]] does not give it, so it may be anybody's.
func nameOf(p *zmq.Peer) string {
	if p.Facts().Mechanism != "CURVE" {
		return ""
	}
	return p.Name()
}
