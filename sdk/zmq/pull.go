package zmq

import "context"

// Pull receives from all its peers, PUSH sockets, fairly (RFC 30).
type Pull struct {
	*socket
	inbox *inbox
}

// NewPull makes a Pull. It does nothing before Run.
func NewPull(o Options) *Pull {
	s := &Pull{}
	s.socket = newSocket("PULL", o, hooks{take: s.take, closed: s.end})
	s.inbox = newInbox(s.opt.Queue)
	return s
}

// Recv returns the next message. After the end it returns what was received
// before, then ErrClosed.
func (s *Pull) Recv(ctx context.Context) (Received, error) { return s.inbox.recv(ctx) }

func (s *Pull) take(p *Peer, batch []Frames) error {
	s.inbox.put(p, batch)
	return nil
}

func (s *Pull) end() { s.inbox.close() }
