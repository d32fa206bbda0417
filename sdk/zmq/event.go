package zmq

// Kind is what an Event tells of.
type Kind uint8

// The kinds.
const (
	Connected   Kind = iota // a peer is ready
	Refused                 // a connection ended before it was ready
	Gone                    // a peer, or the end of this socket, ended the connection
	Cut                     // this side ended it: a limit, a broken rule, a dead peer
	Slow                    // a subscriber's queue is full and messages are dropped for it; once until it has caught up
	Unreachable             // an address could not be dialled; it will be tried again
	Unaccepted              // accept failed, for example for lack of descriptors; tried again
)

// String returns the kind's name in lower case.
func (k Kind) String() string {
	switch k {
	case Connected:
		return "connected"
	case Refused:
		return "refused"
	case Gone:
		return "gone"
	case Cut:
		return "cut"
	case Slow:
		return "slow"
	case Unreachable:
		return "unreachable"
	case Unaccepted:
		return "unaccepted"
	}
	return "unknown"
}

// Event is something that happened to a connection.
type Event struct {
	Kind     Kind
	Socket   string // its type, as in "PUSH"
	Endpoint string // as given to Connect or returned by Listen
	Addr     string // of the peer, as far as known
	Peer     *Peer  // nil before the handshake is done
	Err      error  // nil for Connected and Slow; ReasonOf tells why
}
