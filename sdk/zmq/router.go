package zmq

import "context"

// Router receives from all its peers, DEALER, REQ or ROUTER sockets, fairly, and
// answers each by its Peer (RFC 28). The identity that a peer declares has no
// part in that, so claiming another's gains nothing.
type Router struct {
	*socket
	inbox *inbox
}

// NewRouter makes a Router. It does nothing before Run.
func NewRouter(o Options) *Router {
	s := &Router{}
	s.socket = newSocket("ROUTER", o, hooks{sends: true, take: s.take, closed: s.end})
	s.inbox = newInbox(s.opt.Queue)
	return s
}

// Recv returns the next message, as it came: without the identity that libzmq
// puts before it. Received.Peer.Send answers it. After the end it returns what
// was received before, then ErrClosed.
func (s *Router) Recv(ctx context.Context) (Received, error) { return s.inbox.recv(ctx) }

func (s *Router) take(p *Peer, batch []Frames) error {
	s.inbox.put(p, batch)
	return nil
}

func (s *Router) end() { s.inbox.close() }
