package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// demoLimit ends a demo that hangs.
const demoLimit = 20 * time.Second

func (a *app) demoCommand() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it all happen: a router, its consumers and an edge, on this machine, in seconds",
		Long: `demo makes keys and a router in a temporary directory, two verifying consumers on
its command channel and a subscriber on its telemetry channel, and sends signed
events: good ones, a tampered one, a replayed one, one that its consumer fails,
and one that goes to a consumer which never replies. It needs nothing and ends by
itself; --keep leaves everything running for you to try.`,
		Args: cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) }),
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave it running, and print how to send with curl")
	return cmd
}

func (a *app) demo(ctx context.Context, keep bool) error {
	dir, err := os.MkdirTemp("", "headgate-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, end := context.WithCancel(ctx)
	defer end()
	s := &stage{tell: newTeller(a.out), seen: make(chan string, 64), played: make(chan struct{})}
	if err := s.build(ctx, dir); err != nil {
		return err
	}
	s.group, ctx = errgroup.WithContext(ctx)
	routerCtx, endRouter := context.WithCancel(context.WithoutCancel(ctx))
	defer endRouter()
	consumersGone := make(chan struct{})
	s.group.Go(func() error { return s.router.Run(routerCtx) })
	consumers, consumersCtx := errgroup.WithContext(ctx)
	if err := s.people(consumersCtx, consumers); err != nil {
		return err
	}
	s.group.Go(func() error { defer close(consumersGone); return consumers.Wait() })
	s.group.Go(func() error { <-consumersGone; endRouter(); return nil })

	err = s.play(ctx)
	close(s.played)
	if err == nil {
		err = s.summary(ctx)
	}
	if err == nil && keep {
		a.printf("\nStill running; Ctrl-C ends it. Send with curl:\n\n%s\n", curlLines(s.producer.to, s.keyFile, s.producer.key.id))
		<-ctx.Done()
	}
	end()
	if werr := s.group.Wait(); err == nil && !keep {
		err = werr
	}
	return err
}

// play sends the events and waits for what must happen to each.
func (s *stage) play(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoLimit-5*time.Second)
	defer cancel()
	if err := s.ready(ctx, 2, 1); err != nil {
		return err
	}

	s.tell.act("Signed events go to verified consumers; telemetry goes to whoever listens")
	for _, id := range []string{"order-1", "order-2", "order-3"} {
		if err := s.sendAndAwait(ctx, "com.example.order.created", id, "done "+id, "telemetry "+id); err != nil {
			return err
		}
	}
	if err := s.sendAndAwait(ctx, "com.example.reading.temperature", "reading-1", "telemetry reading-1"); err != nil {
		return err
	}

	s.tell.act("A tampered event: one digit changed after it was signed")
	forged := s.event("com.example.order.created", "order-4")
	req, err := s.signed(ctx, "order-4", forged)
	if err != nil {
		return err
	}
	tampered := bytes.Replace(forged, []byte("12.5"), []byte("92.5"), 1)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(tampered)), int64(len(tampered))
	if err := s.show(req, "order-4, tampered"); err != nil {
		return err
	}

	s.tell.act("A replayed event: the very same request a second time")
	if err := s.sendAndAwait(ctx, "com.example.order.created", "order-5", "done order-5", "telemetry order-5"); err != nil {
		return err
	}
	if err := s.send(ctx, "com.example.order.created", "order-5", "order-5, again"); err != nil {
		return err
	}

	s.tell.act("A consumer fails an event for good: it is kept as a dead letter")
	if err := s.sendAndAwait(ctx, "com.example.order.impossible", "order-6", "failed order-6", "telemetry order-6"); err != nil {
		return err
	}

	s.tell.act("A third consumer takes one event and never replies")
	return s.mute(ctx)
}

// mute adds a consumer that never replies, and sends until it holds an event:
// that event must come again elsewhere.
func (s *stage) mute(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pull := zmq.NewPull(zmq.Options{})
	if err := pull.Connect(s.top.Commands[0].Address); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- pull.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if err := s.ready(ctx, 3, 1); err != nil {
		return err
	}
	want := map[string]bool{}
	held := ""
	for n := 7; held == "" && n < 40; n++ {
		id := fmt.Sprintf("order-%d", n)
		want["done "+id], want["telemetry "+id] = true, true
		if err := s.send(ctx, "com.example.order.created", id, id); err != nil {
			return err
		}
		try, stop := context.WithTimeout(ctx, 100*time.Millisecond)
		got, err := pull.Recv(try)
		stop()
		if err == nil {
			h, err := delivery.ParseHeader(got.Frames[delivery.FrameHeader])
			if err != nil {
				return err
			}
			held = h.ID
			s.tell.say("consumer C", "takes %s and says nothing", held)
		}
	}
	return s.await(ctx, want)
}

func (s *stage) summary(ctx context.Context) error {
	for _, c := range s.top.Commands {
		if err := s.settled(ctx, c.Name); err != nil {
			return err
		}
	}
	top, err := s.router.Top(ctx)
	if err != nil {
		return err
	}
	dead, err := s.router.Events(ctx, outbox.Filter{State: outbox.StateFailed})
	if err != nil {
		return err
	}
	c, t := top.Commands[0].Counts, top.Telemetry[0]
	s.tell.act("Summary")
	s.tell.line("accepted %d, duplicates recognised %d, refused %d", top.Intake.Accepted, top.Intake.Duplicate, top.Intake.Refused)
	s.tell.line("commands: %d deliveries, %d done, %d lapsed and delivered again, %d dead, %d pending", c.Sent, c.Done, c.Lapsed, top.Commands[0].Dead, top.Commands[0].Pending)
	for _, e := range dead {
		s.tell.line("dead letter: %s, because %q", e.ID, e.Channels[0].Reason)
	}
	s.tell.line("telemetry: %d published, %d deliveries sent, %d dropped", t.Published, t.Sent, t.Dropped)
	return nil
}
