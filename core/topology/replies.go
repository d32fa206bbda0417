package topology

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Desk takes what consumers report.
type Desk interface {
	// Take reads one frame from a connection. While it blocks, consumers wait.
	Take(ctx context.Context, conn uint64, addr string, frame []byte)
	// Gone comes once, after the connection has ended.
	Gone(conn uint64)
}

// Replies is the PULL socket that consumers report to.
type Replies struct {
	socket *zmq.Pull
	bound  string
	desk   Desk
}

// repliesQueued is how many frames of replies, each of up to the largest frame,
// wait for the desk; beyond it consumers wait.
const repliesQueued = 64

// NewReplies opens the socket.
func NewReplies(o Options, desk Desk) (*Replies, error) {
	zo := o.ZMQ
	zo.Queue = repliesQueued
	zo.Limits.Message = zo.Limits.Frame // a reply is one frame
	zo.Observe = observe(o.Log)
	zo.Down = func(p *zmq.Peer, _ error) { desk.Gone(p.ID()) }
	r := &Replies{socket: zmq.NewPull(zo), desk: desk}
	var err error
	r.bound, err = open(r.socket, o)
	return r, err
}

// Bound is the endpoint it listens on, with the real port.
func (r *Replies) Bound() string { return r.bound }

// Run takes replies until ctx ends.
func (r *Replies) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.socket.Run(ctx) })
	g.Go(func() error {
		for {
			got, err := r.socket.Recv(ctx)
			if errors.Is(err, zmq.ErrClosed) || ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			for _, frame := range got.Frames { // one each; a peer that sends more is read all the same
				r.desk.Take(ctx, got.Peer.ID(), got.Peer.Addr(), frame)
			}
		}
	})
	return g.Wait()
}
