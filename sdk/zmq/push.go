package zmq

// Push hands each message to one of its peers, PULL sockets, in turn (RFC 30).
type Push struct{ spread }

// NewPush makes a Push. It does nothing before Run.
func NewPush(o Options) *Push {
	s := &Push{}
	s.socket = newSocket("PUSH", o, hooks{sends: true, mute: true, joined: s.joined, left: s.left, freed: s.freed, closed: s.freed})
	return s
}
