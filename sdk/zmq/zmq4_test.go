package zmq_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// The sockets of zmq4 are an independent peer that speaks ZMTP 3.0.

func TestPushToZmq4(t *testing.T) {
	push := zmq.NewPush(zmq.Options{})
	endpoint := listen(t, push)
	run(t, push)
	pull := zmq4.NewPull(context.Background())
	defer func() { _ = pull.Close() }()
	if err := pull.Dial(endpoint); err != nil {
		t.Fatal(err)
	}
	for _, want := range samples() {
		if err := push.Send(soon(t), want); err != nil {
			t.Fatal(err)
		}
		if got, err := pull.Recv(); err != nil || text(got.Frames) != text(want) {
			t.Fatalf("%.80s, %v", got, err)
		}
	}
	if f := push.Peers()[0].Facts(); f.Minor != 0 {
		t.Errorf("%+v", f)
	}
}

func TestPullFromZmq4(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{})
	endpoint := listen(t, pull)
	run(t, pull)
	push := zmq4.NewPush(context.Background())
	defer func() { _ = push.Close() }()
	if err := push.Dial(endpoint); err != nil {
		t.Fatal(err)
	}
	for _, want := range samples() {
		if err := push.Send(zmq4.NewMsgFrom(want...)); err != nil {
			t.Fatal(err)
		}
		if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != text(want) {
			t.Fatalf("%.80s, %v", text(got.Frames), err)
		}
	}
}

func TestPubToZmq4(t *testing.T) {
	pub := zmq.NewPub(zmq.Options{})
	endpoint := listen(t, pub)
	run(t, pub)
	sub := zmq4.NewSub(context.Background())
	defer func() { _ = sub.Close() }()
	if err := sub.Dial(endpoint); err != nil {
		t.Fatal(err)
	}
	if err := sub.SetOption(zmq4.OptionSubscribe, "t"); err != nil {
		t.Fatal(err)
	}
	await(t, "the subscription", func() bool {
		_ = pub.Send(message("t-first"))
		return pub.Stats().Matched > 0
	})
	for _, want := range samples() {
		_ = pub.Send(message("other"))
		_ = pub.Send(want)
		got, err := sub.Recv()
		for err == nil && len(got.Frames) == 1 && string(got.Frames[0]) == "t-first" {
			got, err = sub.Recv()
		}
		if err != nil || text(got.Frames) != text(want) {
			t.Fatalf("%.80s, %v", got, err)
		}
	}
}

func TestSubFromZmq4(t *testing.T) {
	pub := zmq4.NewPub(context.Background())
	defer func() { _ = pub.Close() }()
	if err := pub.Listen("tcp://127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	sub := zmq.NewSub(zmq.Options{})
	sub.Subscribe("t")
	connect(t, sub, fmt.Sprintf("tcp://%s", pub.Addr()))
	run(t, sub)
	got := make(chan string, 1)
	go func() {
		r, err := sub.Recv(soon(t))
		got <- fmt.Sprint(text(r.Frames), err)
	}()
	await(t, "the subscription", func() bool {
		if err := pub.Send(zmq4.NewMsgString("other")); err != nil {
			t.Fatal(err)
		}
		if err := pub.Send(zmq4.NewMsgString("t1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		return len(got) > 0
	})
	if s := <-got; s != `["t1"]<nil>` {
		t.Fatal(s)
	}
}
