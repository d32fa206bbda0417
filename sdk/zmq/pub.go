package zmq

import "fmt"

// Verbs of a subscription message (RFC 29).
const (
	verbCancel    = 0
	verbSubscribe = 1
)

// Pub hands each message to every subscriber, SUB or XSUB sockets, one of
// whose prefixes begins frame 0 (RFC 29).
type Pub struct {
	*socket
	topics trie
	round  uint64 // of Send, so that a subscriber gets a message once
}

// NewPub makes a Pub. It does nothing before Run.
func NewPub(o Options) *Pub {
	s := &Pub{}
	s.socket = newSocket("PUB", o, hooks{sends: true, take: s.take, left: s.left})
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
	var slow []*Peer
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.round++
	s.topics.match(topic, func(p *Peer) {
		if p.round == s.round {
			return
		}
		p.round = s.round
		if p.publish(frames) {
			slow = append(slow, p)
		}
	})
	s.mu.Unlock()
	for _, p := range slow {
		s.observe(Event{Kind: Slow, Endpoint: p.endpoint, Addr: p.addr, Peer: p})
	}
	return nil
}

// take reads subscriptions. Other messages, which an XSUB may send, have no
// receiver and are left out, and so is a subscription beyond what Admit allows.
func (s *Pub) take(p *Peer, batch []Frames) error {
	for _, frames := range batch {
		if len(frames) != 1 || len(frames[0]) == 0 {
			continue
		}
		verb, prefix := frames[0][0], frames[0][1:]
		switch {
		case verb == verbSubscribe && !p.proof.may(prefix):
			p.ignored.Add(1)
		case verb == verbSubscribe:
			if err := s.subscribe(p, prefix); err != nil {
				return err
			}
		case verb == verbCancel:
			s.cancel(p, prefix)
		}
	}
	return nil
}

func (s *Pub) subscribe(p *Peer, prefix []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	l := s.opt.Limits
	if len(prefix) > l.Prefix {
		return fmt.Errorf("%w: prefix of %d bytes, limit %d", ReasonSubscriptions, len(prefix), l.Prefix)
	}
	if p.filter.add(prefix) {
		s.topics.add(prefix, p)
	}
	if n := len(p.filter.sorted); n > l.Subscriptions {
		return fmt.Errorf("%w: limit %d", ReasonSubscriptions, l.Subscriptions)
	}
	if p.filter.bytes > l.SubscriptionBytes {
		return fmt.Errorf("%w: limit %d bytes", ReasonSubscriptions, l.SubscriptionBytes)
	}
	return nil
}

func (s *Pub) cancel(p *Peer, prefix []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.filter.remove(prefix) {
		s.topics.remove(prefix, p)
	}
}

// left forgets what a subscriber wanted.
func (s *Pub) left(p *Peer, _ []Frames) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, want := range p.filter.sorted {
		s.topics.remove(want.prefix, p)
	}
	p.filter = filter{}
}
