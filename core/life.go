package core

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// life is the running of one part. The zero value is that of one that has not
// begun.
type life struct {
	stop  context.CancelFunc
	ended sync.WaitGroup
}

// end ends a part that runs, and waits until it has.
func (l *life) end() {
	if l.stop != nil {
		l.stop()
	}
	l.ended.Wait()
}

// stage is a router at work: the contexts that its parts live in, by which they
// end in their order.
type stage struct {
	group *errgroup.Group
	drain func() time.Duration // for a door that ends, as it is then

	doors    context.Context // the doors' go first
	work     context.Context // then the sockets'
	replying context.Context // channels outlive the reply socket, so that its last replies are settled
	keeping  context.Context // the store and the plugins outlive the channels, so that their last outcomes are kept, and what is at a transform comes back from it

	shut, replied, kept context.CancelFunc // end doors, replying, keeping

	open     sync.WaitGroup // doors
	settling sync.WaitGroup // channels
}

// newStage is one that ends with ctx, or when one of its parts fails.
func newStage(ctx context.Context, drain func() time.Duration) *stage {
	s := &stage{drain: drain}
	s.group, s.work = errgroup.WithContext(ctx)
	s.doors, s.shut = context.WithCancel(s.work)
	s.replying, s.replied = context.WithCancel(context.WithoutCancel(ctx))
	s.keeping, s.kept = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// closeDoors ends the doors, and waits until they have ended or ctx has.
func (s *stage) closeDoors(ctx context.Context) {
	s.shut()
	ended := make(chan struct{})
	s.group.Go(func() error { s.open.Wait(); close(ended); return nil })
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// live runs one part in a context that ends with in, or with the part.
func (s *stage) live(l *life, in context.Context, run func(context.Context) error) {
	ctx, stop := context.WithCancel(in)
	l.stop = stop
	l.ended.Add(1)
	s.group.Go(func() error {
		defer l.ended.Done()
		defer stop()
		return run(ctx)
	})
}

func (s *stage) door(d *door) {
	s.open.Add(1)
	s.live(&d.life, s.doors, func(ctx context.Context) error {
		defer s.open.Done()
		return d.Run(ctx, s.drain)
	})
}

func (s *stage) command(ch *command) {
	socket, closeSocket := context.WithCancel(s.work)
	s.settling.Add(1)
	s.live(&ch.life, s.replying, func(ctx context.Context) error {
		defer s.settling.Done()
		defer closeSocket()
		return ch.Run(ctx, ch.socket)
	})
	ch.ended.Add(1)
	s.group.Go(func() error { defer ch.ended.Done(); return ch.socket.Run(socket) })
}

func (s *stage) telemetry(t *telemetry) {
	// The socket outlives the ring, so that the ring's last events go out.
	socket, closeSocket := context.WithCancel(context.WithoutCancel(s.work))
	s.settling.Add(1)
	s.live(&t.life, s.work, func(ctx context.Context) error {
		defer s.settling.Done()
		defer closeSocket()
		return t.Run(ctx)
	})
	t.ended.Add(1)
	s.group.Go(func() error { defer t.ended.Done(); return t.socket.Run(socket) })
}

func (s *stage) transform(t *transform) { s.live(&t.life, s.keeping, t.Run) }

func (s *stage) provider(p *provider) { s.live(&p.life, s.keeping, p.Run) }

// end ends parts side by side.
func end[P any](parts []P, one func(P)) {
	var ending sync.WaitGroup
	for _, p := range parts {
		ending.Go(func() { one(p) })
	}
	ending.Wait()
}
