package zmq

import "context"

// Dealer hands each message to one of its peers, ROUTER, REP or DEALER sockets,
// in turn, as a Push does, and receives from all of them, fairly (RFC 28).
type Dealer struct {
	spread
	inbox *inbox
}

// NewDealer makes a Dealer. It does nothing before Run.
func NewDealer(o Options) *Dealer {
	s := &Dealer{}
	s.socket = newSocket("DEALER", o, hooks{sends: true, joined: s.joined, left: s.left, freed: s.freed, take: s.take, closed: s.end})
	s.inbox = newInbox(s.opt.Queue)
	return s
}

// Recv returns the next message. After the end it returns what was received
// before, then ErrClosed.
func (s *Dealer) Recv(ctx context.Context) (Received, error) { return s.inbox.recv(ctx) }

func (s *Dealer) take(p *Peer, batch []Frames) error {
	s.inbox.put(p, batch)
	return nil
}

func (s *Dealer) end() {
	s.freed()
	s.inbox.close()
}
