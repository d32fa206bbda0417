package topology

import (
	"context"
	"sync"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Consumers is told of consumers' connections. Calls for one connection come in
// order and do not overlap.
type Consumers interface {
	// Joined comes before anything can be sent to the connection.
	Joined(conn uint64, addr string)
	// Left comes once, after the connection has ended.
	Left(conn uint64)
}

// Commands is a PUSH socket whose every connection is addressed by itself, so
// that credit can bound what each holds. Safe for concurrent use.
type Commands struct {
	socket *zmq.Push
	bound  string

	mu    sync.RWMutex
	peers map[uint64]*zmq.Peer
}

// NewCommands opens the socket; prefetch is the most a connection may hold.
func NewCommands(o Options, prefetch int, to Consumers) (*Commands, error) {
	c := &Commands{peers: make(map[uint64]*zmq.Peer)}
	zo := o.ZMQ
	zo.Queue = 2*prefetch + 1 // credit keeps it below; a send that finds it full is taken back
	zo.Observe = observe(o.Log)
	zo.Up = func(p *zmq.Peer) {
		c.mu.Lock()
		c.peers[p.ID()] = p
		c.mu.Unlock()
		to.Joined(p.ID(), p.Addr())
	}
	zo.Down = func(p *zmq.Peer, _ error) {
		c.mu.Lock()
		delete(c.peers, p.ID())
		c.mu.Unlock()
		to.Left(p.ID())
	}
	c.socket = zmq.NewPush(zo)
	var err error
	c.bound, err = open(c.socket, o)
	return c, err
}

// Bound is the endpoint it listens on, with the real port; empty when it connects.
func (c *Commands) Bound() string { return c.bound }

// Run serves connections until ctx ends.
func (c *Commands) Run(ctx context.Context) error { return c.socket.Run(ctx) }

// Send hands deliveries to one connection, all or none. It does not block:
// false says that the connection is gone or has no room.
func (c *Commands) Send(conn uint64, deliveries [][][]byte) bool {
	c.mu.RLock()
	p := c.peers[conn]
	c.mu.RUnlock()
	return p != nil && p.Send(deliveries...)
}
