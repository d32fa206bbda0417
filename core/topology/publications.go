package topology

import (
	"github.com/headgate-io/headgate/sdk/zmq"
)

// Publications is a PUB socket. Safe for concurrent use.
type Publications struct {
	socket
	pub *zmq.Pub
}

// NewPublications opens the socket; highWaterMark bounds each subscriber's queue.
func NewPublications(o Options, highWaterMark int) (*Publications, error) {
	p := &Publications{}
	zo := p.prepare(o)
	zo.Queue = highWaterMark
	p.pub = zmq.NewPub(zo)
	return p, p.begin(p.pub)
}

// Publish hands deliveries to every subscriber of their topics. It does not
// block: what a subscriber's queue cannot hold is dropped for it and counted.
func (p *Publications) Publish(deliveries [][][]byte) {
	for _, d := range deliveries {
		_ = p.pub.Send(d) // errs only after the end, when nobody listens
	}
}

// Published counts what subscribers were sent, those that are gone included.
func (p *Publications) Published() zmq.Counts { return p.Stats().Counts }
