package topology

import (
	"context"
	"math"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Requests is the ROUTER socket of a ZeroMQ ingress. Run it until nobody answers
// any more. Safe for concurrent use.
type Requests struct {
	socket
	router *zmq.Router
}

// RequestLimits bound what waits at the socket, in addition to Options.ZMQ: a
// body is at most one frame of Limits.Frame.
type RequestLimits struct {
	Headers int // bytes of the headers frame
	// Queue is how many requests of all peers wait for Recv, and how many
	// answers wait for one peer. A door that has more of a peer's requests
	// under way than that may lose answers.
	Queue int
}

const (
	// requestFrames is twice what a request has, so that a wrong number of them
	// is answered and costs nobody a connection.
	requestFrames = 8
	maxRequestID  = 64 // bytes of the request id
)

// Sender is the connection that a request came by: a [zmq.Peer], spelt out so
// that a door need not import it.
type Sender = interface {
	ID() uint64
	Addr() string
	Name() string
	Send(answers ...[][]byte) bool
	Cut(why error)
}

// NewRequests opens the socket.
func NewRequests(o Options, l RequestLimits) (*Requests, error) {
	r := &Requests{}
	zo := r.prepare(o)
	zo.Queue = l.Queue
	zo.Limits.Frame = max(zo.Limits.Frame, l.Headers)
	zo.Limits.Message = min(orNone(zo.Limits.Message), zo.Limits.Frame+l.Headers+maxRequestID)
	zo.Limits.FramesPerMessage = min(orNone(zo.Limits.FramesPerMessage), requestFrames)
	r.router = zmq.NewRouter(zo)
	return r, r.begin(r.router)
}

// orNone is a limit that binds nobody where none is set.
func orNone(limit int) int {
	if limit <= 0 {
		return math.MaxInt
	}
	return limit
}

// Recv waits for the next request, whatever its frames, and says whom to
// answer. It errs when ctx has ended, and with [zmq.ErrClosed] when Run has and
// all that was received is taken.
func (r *Requests) Recv(ctx context.Context) (frames [][]byte, from Sender, err error) {
	got, err := r.router.Recv(ctx)
	if err != nil {
		return nil, nil, err
	}
	return got.Frames, got.Peer, nil
}
