package zmq

// Dealer hands each message to one of its peers, ROUTER, REP or DEALER sockets,
// in turn, as a Push does, and receives from all of them, fairly (RFC 28).
type Dealer struct {
	spread
	gather
}

// NewDealer makes a Dealer. It does nothing before Run.
func NewDealer(o Options) *Dealer {
	s := &Dealer{}
	s.socket = newSocket("DEALER", o, hooks{sends: true, joined: s.joined, left: s.left, freed: s.freed, take: s.take, closed: s.end})
	s.inbox = newInbox(s.opt.Queue)
	return s
}

func (s *Dealer) end() {
	s.freed()
	s.gather.end()
}
