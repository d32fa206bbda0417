package zmq

// Router receives from all its peers, DEALER, REQ or ROUTER sockets, fairly, and
// answers each by its Peer (RFC 28): Recv gives messages without the identity
// that libzmq puts before them, and Received.Peer.Send answers. The identity that a peer declares has no
// part in that, so claiming another's gains nothing.
type Router struct {
	*socket
	gather
}

// NewRouter makes a Router. It does nothing before Run.
func NewRouter(o Options) *Router {
	s := &Router{}
	s.socket = newSocket("ROUTER", o, hooks{sends: true, take: s.take, closed: s.end})
	s.inbox = newInbox(s.opt.Queue)
	return s
}
