package topology

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Desk takes what consumers report.
type Desk interface {
	// Take reads one frame from a connection, whose CURVE key has a name or
	// not. While it blocks, consumers wait.
	Take(ctx context.Context, conn uint64, name, addr string, frame []byte)
	// Gone comes once, after the connection has ended.
	Gone(conn uint64)
}

// Replies is the PULL socket that consumers report to.
type Replies struct {
	socket
	pull *zmq.Pull
	desk Desk
}

// repliesQueued is how many frames of replies, each of up to the largest frame,
// wait for the desk; beyond it consumers wait.
const repliesQueued = 64

// NewReplies opens the socket.
func NewReplies(o Options, desk Desk) (*Replies, error) {
	r := &Replies{desk: desk}
	zo := r.prepare(o)
	zo.Queue = repliesQueued
	zo.Limits.Message = zo.Limits.Frame // a reply is one frame
	zo.Down = func(p *zmq.Peer, _ error) { desk.Gone(p.ID()) }
	r.pull = zmq.NewPull(zo)
	return r, r.begin(r.pull)
}

// lastReplies is how long the desk may take for what has come before the end.
const lastReplies = time.Second

// Run takes replies until ctx ends, and then those that consumers had sent by
// then: what is lost here would be done twice.
func (r *Replies) Run(ctx context.Context) error {
	taking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer time.AfterFunc(lastReplies, stop) // a desk that is stuck holds nobody up
		return r.pull.Run(ctx)
	})
	g.Go(func() error {
		for {
			got, err := r.pull.Recv(taking)
			if errors.Is(err, zmq.ErrClosed) || taking.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			for _, frame := range got.Frames { // one each; a peer that sends more is read all the same
				r.desk.Take(taking, got.Peer.ID(), nameOf(got.Peer), got.Peer.Addr(), frame)
			}
		}
	})
	return g.Wait()
}
