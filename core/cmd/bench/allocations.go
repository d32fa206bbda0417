package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/sdk/zmq"
)

const (
	// allocationLimit is what a message may allocate on its way out.
	allocationLimit = 1
	// allocationMessages are enough that what is allocated now and then, such
	// as by the end of a wait, counts for what it is.
	allocationMessages = 10_000
	// fullPause is the wait of who finds a peer's queue full.
	fullPause = 50 * time.Microsecond
)

// way is one of the ways to send that allocations are counted of.
type way struct {
	name  string
	sizes string // of the frames
	send  func(ctx context.Context, s *zmq.Push, p *zmq.Peer, frames zmq.Frames) error
}

func ways() []way {
	const one, five = "512", "26,430,480,0,329"
	return []way{
		{"Push.Send, 1 frame", one, sendPush}, {"Push.Send, 5 frames", five, sendPush},
		{"Peer.Send, 1 frame", one, sendPeer}, {"Peer.Send, 5 frames", five, sendPeer},
		{"one at a time, 1 frame", one, sendAlone}, {"one at a time, 5 frames", five, sendAlone},
	}
}

func sendPush(ctx context.Context, s *zmq.Push, _ *zmq.Peer, frames zmq.Frames) error {
	return s.Send(ctx, frames)
}

func sendPeer(ctx context.Context, _ *zmq.Push, p *zmq.Peer, frames zmq.Frames) error {
	for !p.Send(frames) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(fullPause)
	}
	return nil
}

// sendAlone waits until the kernel has the message, so that nothing is shared
// with the next one.
func sendAlone(ctx context.Context, s *zmq.Push, p *zmq.Peer, frames zmq.Frames) error {
	if err := s.Send(ctx, frames); err != nil {
		return err
	}
	for p.Facts().Queued > 0 {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		runtime.Gosched()
	}
	return nil
}

// allocations gives what the sender's process allocates per message.
func (b *bench) allocations(ctx context.Context) ([]*row, error) {
	var rows []*row
	for _, m := range []mechanism{{}, newCurve()} {
		first := len(rows)
		for _, w := range ways() {
			r := &row{What: fmt.Sprintf("allocations per message, %s (%s)", w.name, m), Unit: "allocations"}
			if m.secret == "" {
				r.Aim = atMostValue(allocationLimit)
			}
			rows = append(rows, r)
		}
		err := b.each(func() error {
			figures, err := b.figures(ctx, gathering{mechanism: m, role: []string{"allocations"}, mode: "pull", consumers: 1})
			if err != nil {
				return err
			}
			if len(figures) != len(ways()) {
				return fmt.Errorf("allocations: %d figures", len(figures))
			}
			for i, f := range figures {
				rows[first+i].Measured = append(rows[first+i].Measured, f)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	rows[0].Note = fmt.Sprintf("of everything in the sender's process until the kernel has the last of %d messages; frames are made before", allocationMessages)
	return rows, nil
}

// playAllocations counts for every way what a message to one consumer allocates.
func playAllocations(ctx context.Context, args []string, say func(string)) error {
	security, err := listeningSecurity(args)
	if err != nil {
		return err
	}
	push := zmq.NewPush(zmq.Options{Linger: -1, Security: security})
	bound, err := push.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	say(bound)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return push.Run(ctx) })
	g.Go(func() error {
		if err := gathered(ctx, push, 1, false); err != nil {
			return unlessEnded(ctx, err)
		}
		var figures []float64
		for _, w := range ways() {
			f, err := w.allocated(ctx, push, push.Peers()[0])
			if err != nil {
				return unlessEnded(ctx, err)
			}
			figures = append(figures, f)
		}
		sayFigures(say, figures...)
		return nil
	})
	return g.Wait()
}

// allocated counts, after as many messages that fill pools and queues.
func (w way) allocated(ctx context.Context, s *zmq.Push, p *zmq.Peer) (float64, error) {
	frames, err := parseFrames(w.sizes)
	if err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	for range 2 {
		runtime.ReadMemStats(&before)
		for range allocationMessages {
			if err := w.send(ctx, s, p, frames); err != nil {
				return 0, err
			}
		}
		if err := until(ctx, func() bool { return p.Facts().Queued == 0 }); err != nil {
			return 0, err
		}
		runtime.ReadMemStats(&after)
	}
	return float64(after.Mallocs-before.Mallocs) / allocationMessages, nil
}
