package zmq

import "fmt"

// Verbs of a subscription message (RFC 29).
const (
	verbCancel    = 0
	verbSubscribe = 1
)

// Pub hands each message to every subscriber, SUB or XSUB sockets, one of
// whose prefixes begins frame 0 (RFC 29).
type Pub struct{ *socket }

// NewPub makes a Pub. It does nothing before Run.
func NewPub(o Options) *Pub {
	s := &Pub{}
	s.socket = newSocket("PUB", o, hooks{take: s.take})
	return s
}

// Send queues frames for every subscriber they match. It never blocks: for a
// subscriber whose queue is full the message is dropped and counted. After the
// end it returns ErrClosed, and no other error ever.
func (s *Pub) Send(frames Frames) error {
	var topic []byte
	if len(frames) > 0 {
		topic = frames[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	for _, p := range s.peers {
		p.publish(frames, topic)
	}
	return nil
}

// take reads subscriptions. Other messages, which an XSUB may send, have no
// receiver and are left out.
func (s *Pub) take(p *Peer, batch []Frames) error {
	for _, frames := range batch {
		if len(frames) != 1 || len(frames[0]) == 0 {
			continue
		}
		verb, prefix := frames[0][0], frames[0][1:]
		switch verb {
		case verbSubscribe:
			if err := p.subscribe(prefix, s.opt.Limits); err != nil {
				return err
			}
		case verbCancel:
			p.cancel(prefix)
		}
	}
	return nil
}

func (p *Peer) subscribe(prefix []byte, l Limits) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.filter.add(prefix)
	if n := len(p.filter.sorted); n > l.Subscriptions {
		return fmt.Errorf("%w: limit %d", ReasonSubscriptions, l.Subscriptions)
	}
	if p.filter.bytes > l.SubscriptionBytes {
		return fmt.Errorf("%w: limit %d bytes", ReasonSubscriptions, l.SubscriptionBytes)
	}
	return nil
}

func (p *Peer) cancel(prefix []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.filter.remove(prefix)
}
