package zmq

import (
	"slices"
	"sync"
)

// Sub receives from its peers, PUB or XPUB sockets, the messages whose frame 0
// begins with one of the prefixes it subscribes to (RFC 29).
type Sub struct {
	*socket
	gather

	wants  sync.RWMutex // inside of mu
	filter filter
}

// NewSub makes a Sub with no subscription. It does nothing before Run.
func NewSub(o Options) *Sub {
	s := &Sub{}
	s.socket = newSocket("SUB", o, hooks{joined: s.joined, take: s.take, closed: s.end})
	s.inbox = newInbox(s.opt.Queue)
	return s
}

// Subscribe asks for messages whose frame 0 begins with prefix; the empty one
// asks for all. Every peer is told, those to come as well. It counts: two
// calls need two of Unsubscribe.
func (s *Sub) Subscribe(prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wants.Lock()
	first := s.filter.add([]byte(prefix))
	s.wants.Unlock()
	if !first {
		return
	}
	for _, p := range s.peers {
		p.order(topicOrder(p, verbSubscribe, []byte(prefix)))
	}
}

// Unsubscribe takes one Subscribe back. A prefix that was not subscribed to
// changes nothing. Recv may still return what was received before.
func (s *Sub) Unsubscribe(prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wants.Lock()
	last := s.filter.remove([]byte(prefix))
	s.wants.Unlock()
	if !last {
		return
	}
	for _, p := range s.peers {
		p.order(topicOrder(p, verbCancel, []byte(prefix)))
	}
}

// joined tells a new peer all there is, before anything newer.
func (s *Sub) joined(p *Peer) {
	for _, want := range s.filter.sorted {
		p.order(topicOrder(p, verbSubscribe, want.prefix))
	}
}

// take leaves out what nobody asked for: a publisher may not filter, or may
// not have read the cancellation yet.
func (s *Sub) take(p *Peer, batch []Frames) error {
	s.wants.RLock()
	wanted := slices.DeleteFunc(batch, func(frames Frames) bool { return !s.filter.match(frames[0]) })
	s.wants.RUnlock()
	return s.gather.take(p, wanted)
}

// topicOrder encodes a subscription as the peer understands it: a command
// since ZMTP 3.1 (RFC 37), a message before (RFC 29).
func topicOrder(p *Peer, verb byte, prefix []byte) []byte {
	if p.minor == 0 {
		return append(append(appendHeader(nil, 0, 1+len(prefix)), verb), prefix...)
	}
	if verb == verbSubscribe {
		return appendCommand(nil, "SUBSCRIBE", prefix)
	}
	return appendCommand(nil, "CANCEL", prefix)
}
