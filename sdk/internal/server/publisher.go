package server

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// publisher sends snapshots on a stream, the next when the one before is
// answered.
type publisher struct {
	stream  grpc.BidiStreamingServer[pb.WatchTrustRequest, pb.WatchTrustResponse]
	answers chan *pb.WatchTrustRequest // closed when the router leaves
	watch   context.Context

	mu   sync.Mutex // publish may be called by several goroutines
	owed bool       // an answer is due that nobody waited for
}

// receive passes the router's answers on until the stream ends, which it does
// when its call returns: so nobody can wait for it there.
func (p *publisher) receive() {
	defer close(p.answers)
	for {
		answer, err := p.stream.Recv()
		if err != nil {
			return
		}
		select {
		case p.answers <- answer:
		case <-p.stream.Context().Done():
			return
		}
	}
}

// publish sends a snapshot and waits for the router's answer to it.
func (p *publisher) publish(ctx context.Context, b sdk.TrustBundle) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.owed {
		if _, err := p.answer(ctx); err != nil {
			return err
		}
	}
	m, err := wire.ToTrust(b)
	if err != nil {
		return err
	}
	if err := p.watch.Err(); err != nil {
		return err
	}
	if err := p.stream.Send(m); err != nil {
		return err
	}
	p.owed = true
	answer, err := p.answer(ctx)
	switch {
	case err != nil:
		return err
	case answer.GetVersion() != b.Version:
		return fmt.Errorf("%w: the router answered snapshot %d where %d was sent", wire.ErrBreach, answer.GetVersion(), b.Version)
	case answer.GetRefused() != "":
		return fmt.Errorf("the router refused the snapshot: %s", answer.GetRefused())
	}
	return nil
}

func (p *publisher) answer(ctx context.Context) (*pb.WatchTrustRequest, error) {
	select {
	case answer, ok := <-p.answers:
		if !ok {
			return nil, context.Canceled
		}
		p.owed = false
		return answer, nil
	case <-p.watch.Done():
		return nil, p.watch.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
