package zmq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

func TestPushPullCarriesFramesOfEverySize(t *testing.T) {
	push, pull := zmq.NewPush(zmq.Options{}), zmq.NewPull(zmq.Options{})
	connect(t, push, listen(t, pull))
	run(t, pull)
	run(t, push)
	ctx := soon(t)
	for _, sizes := range [][]int{{0}, {1}, {255}, {256}, {65535}, {65536}, {1 << 20}, {0, 0, 0}, {5, 300, 0, 70000, 4}, {4 << 20, 4 << 20}} {
		sent := make(zmq.Frames, len(sizes))
		for i, n := range sizes {
			sent[i] = bytes.Repeat([]byte{byte('a' + i)}, n)
		}
		if err := push.Send(ctx, sent); err != nil {
			t.Fatal(err)
		}
		got, err := pull.Recv(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Frames) != len(sent) {
			t.Fatalf("%v: %d frames", sizes, len(got.Frames))
		}
		for i := range sent {
			if !bytes.Equal(got.Frames[i], sent[i]) {
				t.Fatalf("%v: frame %d differs", sizes, i)
			}
		}
		if got.Peer.Facts().SocketType != "PUSH" || got.Peer.Facts().Minor != 1 {
			t.Fatalf("peer is %+v", got.Peer.Facts())
		}
	}
}

func TestNoFramesAreOneEmptyFrame(t *testing.T) {
	push, pull := zmq.NewPush(zmq.Options{}), zmq.NewPull(zmq.Options{})
	connect(t, push, listen(t, pull))
	run(t, pull)
	run(t, push)
	if err := push.Send(soon(t), nil); err != nil {
		t.Fatal(err)
	}
	if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != `[""]` {
		t.Fatal(got, err)
	}
}

func TestPushSpreadsMessages(t *testing.T) {
	push := zmq.NewPush(zmq.Options{})
	endpoint := listen(t, push)
	run(t, push)
	pulls := []*zmq.Pull{zmq.NewPull(zmq.Options{}), zmq.NewPull(zmq.Options{})}
	for _, p := range pulls {
		connect(t, p, endpoint)
		run(t, p)
	}
	await(t, "two peers", func() bool { return push.Stats().Peers == 2 })
	const each = 50
	for i := range 2 * each {
		if err := push.Send(soon(t), message(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, p := range pulls {
		for range each {
			got, err := p.Recv(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			seen[text(got.Frames)] = true
		}
	}
	if len(seen) != 2*each {
		t.Fatalf("%d different messages", len(seen))
	}
}

func TestPushSendWaits(t *testing.T) {
	push := zmq.NewPush(zmq.Options{Queue: 3})
	endpoint := listen(t, push)
	run(t, push)
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := push.Send(short, message("nobody")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("with no peer: %v", err)
	}
	if c := push.Stats().Counts; c != (zmq.Counts{}) {
		t.Fatalf("counted: %+v", c)
	}

	sent := make(chan error, 1)
	go func() { sent <- push.Send(soon(t), message("somebody")) }()
	pull := zmq.NewPull(zmq.Options{})
	connect(t, pull, endpoint)
	run(t, pull)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != `["somebody"]` {
		t.Fatal(got, err)
	}
}

// A consumer that stops reading makes Send wait; nothing is lost or doubled
// once it goes on.
func TestPushWaitsForASlowPull(t *testing.T) {
	push, pull := zmq.NewPush(zmq.Options{Queue: 8}), zmq.NewPull(zmq.Options{Queue: 8})
	connect(t, push, listen(t, pull))
	run(t, pull)
	run(t, push)
	const total = 400
	big := bytes.Repeat([]byte("x"), 64<<10)
	sent := make(chan error, 1)
	go func() {
		for i := range total {
			if err := push.Send(soon(t), zmq.Frames{fmt.Append(nil, i), big}); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	await(t, "a full queue", func() bool { return push.Stats().Queued == 8 })
	for i := range total {
		got, err := pull.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Frames[0]) != fmt.Sprint(i) {
			t.Fatalf("message %d is %q", i, got.Frames[0])
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	await(t, "all sent", func() bool { return push.Stats().Sent == total })
	balanced(t, push.Stats().Counts)
}

// What a lost connection had not taken goes to another peer.
func TestPushMovesWhatALostPeerLeft(t *testing.T) {
	push := zmq.NewPush(zmq.Options{Queue: 64})
	endpoint := listen(t, push)
	run(t, push)
	mute := zmq.NewPull(zmq.Options{Queue: 1})
	connect(t, mute, endpoint)
	stop := run(t, mute)
	await(t, "a peer", func() bool { return push.Stats().Peers == 1 })
	big := bytes.Repeat([]byte("x"), 1<<20)
	const total = 40
	for i := range total {
		if err := push.Send(soon(t), zmq.Frames{fmt.Append(nil, i), big}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the kernel to be full", func() bool {
		before := push.Stats().Queued
		time.Sleep(50 * time.Millisecond)
		return before == push.Stats().Queued
	})
	stop()
	await(t, "the peer to be gone", func() bool { return push.Stats().Peers == 0 })
	left := push.Stats()
	if left.Queued == 0 || left.Matched != total || left.Dropped != 0 {
		t.Fatalf("after the loss: %+v", left)
	}
	balanced(t, left.Counts)
	other := zmq.NewPull(zmq.Options{})
	connect(t, other, endpoint)
	run(t, other)
	for i := total - left.Queued; i < total; i++ {
		got, err := other.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if string(got.Frames[0]) != fmt.Sprint(i) {
			t.Fatalf("want message %d, got %q", i, got.Frames[0])
		}
	}
	await(t, "all sent", func() bool { return push.Stats().Sent == total })
	balanced(t, push.Stats().Counts)
}

func TestPeerSendIsAllOrNothing(t *testing.T) {
	up, down := make(chan *zmq.Peer, 1), make(chan error, 1)
	push := zmq.NewPush(zmq.Options{
		Queue: 4,
		Up: func(p *zmq.Peer) {
			if p.Send(message("1"), message("2"), message("3"), message("4"), message("5")) {
				t.Error("five messages fit a queue of four")
			}
			if !p.Send(message("1"), message("2")) || !p.Send(message("3")) || p.Send(message("4"), message("5")) {
				t.Error("room was not counted")
			}
			if f := p.Facts(); f.Queued != 3 || f.Matched != 3 {
				t.Errorf("facts: %+v", f)
			}
			up <- p
		},
		Down: func(_ *zmq.Peer, err error) { down <- err },
	})
	endpoint := listen(t, push)
	run(t, push)
	pull := zmq.NewPull(zmq.Options{})
	connect(t, pull, endpoint)
	stop := run(t, pull)
	p := <-up
	for _, want := range []string{`["1"]`, `["2"]`, `["3"]`} {
		got, err := pull.Recv(soon(t))
		if err != nil || text(got.Frames) != want {
			t.Fatal(got, err)
		}
	}
	stop()
	if err := <-down; zmq.ReasonOf(err) != zmq.ReasonEnded {
		t.Errorf("down: %v", err)
	}
	if p.Send(message("late")) {
		t.Error("a peer that is gone took a message")
	}
	if f := p.Facts(); f.Sent != 3 || f.Dropped != 0 || f.SocketType != "PULL" || p.Addr() == "" || p.ID() == 0 {
		t.Errorf("facts: %+v", f)
	}
}

// What Peer.Send queued goes to no other peer.
func TestPeerSendStaysWithThePeer(t *testing.T) {
	up := make(chan *zmq.Peer, 2)
	push := zmq.NewPush(zmq.Options{Queue: 64, Up: func(p *zmq.Peer) { up <- p }})
	endpoint := listen(t, push)
	run(t, push)
	first := zmq.NewPull(zmq.Options{Queue: 1})
	connect(t, first, endpoint)
	stop := run(t, first)
	p := <-up
	big := bytes.Repeat([]byte("x"), 1<<20)
	for range 40 {
		if !p.Send(zmq.Frames{big}) {
			t.Fatal("no room")
		}
	}
	stop()
	await(t, "the peer to be gone", func() bool { return push.Stats().Peers == 0 })
	s := push.Stats()
	if s.Dropped == 0 || s.Queued != 0 {
		t.Fatalf("%+v", s)
	}
	balanced(t, s.Counts)
}

func TestLingerSendsWhatIsQueued(t *testing.T) {
	for _, size := range []int{10, 100_000} {
		push, pull := zmq.NewPush(zmq.Options{Linger: patience}), zmq.NewPull(zmq.Options{Queue: 10})
		connect(t, push, listen(t, pull))
		run(t, pull)
		stop := run(t, push)
		const total = 500
		for i := range total {
			if err := push.Send(soon(t), zmq.Frames{fmt.Append(nil, i), make([]byte, size)}); err != nil {
				t.Fatal(err)
			}
		}
		var stopping sync.WaitGroup
		stopping.Go(stop)
		for i := range total {
			got, err := pull.Recv(soon(t))
			if err != nil || string(got.Frames[0]) != fmt.Sprint(i) {
				t.Fatal(i, err)
			}
		}
		stopping.Wait()
		if s := push.Stats(); s.Sent != total || s.Dropped != 0 {
			t.Fatalf("%+v", s)
		}
		if err := push.Send(soon(t), message("late")); !errors.Is(err, zmq.ErrClosed) {
			t.Fatalf("after the end: %v", err)
		}
	}
}

func TestLingerEnds(t *testing.T) {
	push, pull := zmq.NewPush(zmq.Options{Linger: 50 * time.Millisecond}), zmq.NewPull(zmq.Options{Queue: 1})
	connect(t, push, listen(t, pull))
	run(t, pull)
	stop := run(t, push)
	for range 40 {
		if err := push.Send(soon(t), zmq.Frames{make([]byte, 1<<20)}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	s := push.Stats()
	if s.Queued != 0 || s.Dropped == 0 || s.Matched != 40 {
		t.Fatalf("%+v", s)
	}
	balanced(t, s.Counts)
}

func TestSendEndsWithTheSocket(t *testing.T) {
	push, pull := zmq.NewPush(zmq.Options{}), zmq.NewPull(zmq.Options{})
	stopPush, stopPull := run(t, push), run(t, pull)
	errs := make(chan error, 2)
	go func() { errs <- push.Send(soon(t), message("x")) }()
	go func() { _, err := pull.Recv(soon(t)); errs <- err }()
	stopPush()
	stopPull()
	for range 2 {
		if err := <-errs; !errors.Is(err, zmq.ErrClosed) {
			t.Error(err)
		}
	}
	if err := push.Run(soon(t)); err == nil {
		t.Error("Run ran twice")
	}
	if _, err := push.Listen("tcp://127.0.0.1:0"); !errors.Is(err, zmq.ErrClosed) {
		t.Error(err)
	}
	if err := push.Connect("tcp://127.0.0.1:1"); !errors.Is(err, zmq.ErrClosed) {
		t.Error(err)
	}
}

// A receiver gets what had come in before the end.
func TestRecvEmptiesTheQueueAfterTheEnd(t *testing.T) {
	push, pull := zmq.NewPush(zmq.Options{}), zmq.NewPull(zmq.Options{Queue: 4})
	connect(t, push, listen(t, pull))
	stop := run(t, pull)
	run(t, push)
	for i := range 4 {
		if err := push.Send(soon(t), message(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "all received", func() bool { return pull.Stats().Received == 4 })
	stop()
	for i := range 4 {
		got, err := pull.Recv(soon(t))
		if err != nil || text(got.Frames) != fmt.Sprintf("[%q]", fmt.Sprint(i)) {
			t.Fatal(got, err)
		}
	}
	if _, err := pull.Recv(soon(t)); !errors.Is(err, zmq.ErrClosed) {
		t.Fatal(err)
	}
}

// The connecting side finds the listening side again, whichever came first.
func TestReconnects(t *testing.T) {
	push := zmq.NewPush(zmq.Options{Backoff: zmq.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}})
	pull := zmq.NewPull(zmq.Options{})
	endpoint := listen(t, pull)
	connect(t, push, endpoint)
	run(t, push)
	stop := run(t, pull)
	for i := range 5 {
		if err := push.Send(soon(t), message(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != fmt.Sprintf("[%q]", fmt.Sprint(i)) {
			t.Fatal(got, err)
		}
		stop()
		await(t, "the loss to be seen", func() bool { return push.Stats().Peers == 0 })
		pull = zmq.NewPull(zmq.Options{})
		if _, err := pull.Listen(endpoint); err != nil {
			t.Fatal(err)
		}
		stop = run(t, pull)
	}
}
