package topology

import (
	"context"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Publications is a PUB socket. Safe for concurrent use.
type Publications struct {
	socket *zmq.Pub
	bound  string
}

// NewPublications opens the socket; highWaterMark bounds each subscriber's queue.
func NewPublications(o Options, highWaterMark int) (*Publications, error) {
	zo := o.ZMQ
	zo.Queue = highWaterMark
	zo.Observe = observe(o.Log)
	p := &Publications{socket: zmq.NewPub(zo)}
	var err error
	p.bound, err = open(p.socket, o)
	return p, err
}

// Bound is the endpoint it listens on, with the real port; empty when it connects.
func (p *Publications) Bound() string { return p.bound }

// Run serves subscribers until ctx ends.
func (p *Publications) Run(ctx context.Context) error { return p.socket.Run(ctx) }

// Publish hands deliveries to every subscriber of their topics. It does not
// block: what a subscriber's queue cannot hold is dropped for it and counted.
func (p *Publications) Publish(deliveries [][][]byte) {
	for _, d := range deliveries {
		_ = p.socket.Send(d) // errs only after the end, when nobody listens
	}
}

// Subscribers counts the connections, and what they were sent.
func (p *Publications) Subscribers() (connections int, counts zmq.Counts) {
	return len(p.socket.Peers()), p.socket.Stats().Counts
}
