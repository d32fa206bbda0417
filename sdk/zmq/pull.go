package zmq

// Pull receives from all its peers, PUSH sockets, fairly (RFC 30).
type Pull struct {
	*socket
	gather
}

// NewPull makes a Pull. It does nothing before Run.
func NewPull(o Options) *Pull {
	s := &Pull{}
	s.socket = newSocket("PULL", o, hooks{take: s.take, closed: s.end})
	s.inbox = newInbox(s.opt.Queue)
	return s
}
