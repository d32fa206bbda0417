package zmq_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// link is a pair that has met.
type link struct {
	testing.TB
	meeting
	we   native
	they foreign
	seen observed // at our side
}

func (l *link) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *link) send(frames zmq.Frames) {
	l.Helper()
	l.must(l.they.send(frames))
}

func (l *link) equal(want, got zmq.Frames) {
	l.Helper()
	if !slices.EqualFunc(want, got, bytes.Equal) {
		l.Fatalf("want %.80s, got %.80s", text(want), text(got))
	}
}

// theyGet checks what comes next at their side.
func (l *link) theyGet(want zmq.Frames) {
	l.Helper()
	got, err := l.they.recv()
	l.must(err)
	l.equal(want, got)
}

// weGet checks what comes next at our side.
func (l *link) weGet(ctx context.Context, want zmq.Frames) zmq.Received {
	l.Helper()
	got, err := l.we.(interface {
		Recv(context.Context) (zmq.Received, error)
	}).Recv(ctx)
	l.must(err)
	l.equal(want, got.Frames)
	return got
}

func theyPush(l *link, all []zmq.Frames) {
	for _, m := range all {
		l.send(m)
	}
	ctx := soon(l)
	for _, m := range all {
		l.weGet(ctx, m)
	}
}

func wePush(l *link, all []zmq.Frames) {
	ctx := soon(l)
	for _, m := range all {
		l.must(l.we.(*zmq.Push).Send(ctx, m))
	}
	for _, m := range all {
		l.theyGet(m)
	}
}

// wePublish to a SUB that begins with a. and b., then cancels b. and asks for
// c. Orders are carried out in order: once c. comes, b. is cancelled.
func wePublish(l *link, all []zmq.Frames) {
	pub := l.we.(*zmq.Pub)
	matched := func() uint64 { return pub.Stats().Matched }
	probe := func(topic string) {
		before := matched()
		await(l, "the subscription to "+topic, func() bool {
			l.must(pub.Send(message(topic)))
			return matched() > before
		})
		l.theyGet(message(topic))
	}
	probe("b.")
	l.must(l.they.cancel("b."))
	l.must(l.they.subscribe("c."))
	probe("c.")
	before := matched()
	for _, m := range all {
		for _, topic := range []string{"b.", "other", "a"} {
			l.must(pub.Send(message(topic, "unwanted")))
		}
		l.must(pub.Send(about("a.", m)))
	}
	for _, m := range all {
		l.theyGet(about("a.", m))
	}
	if n := matched() - before; n != uint64(len(all)) {
		l.Errorf("%d messages matched, want %d", n, len(all))
	}
	balanced(l, pub.Stats().Counts)
}

// theyPublish is wePublish with the roles exchanged. A Sub leaves out what it
// did not ask for; the count of what it received tells what they sent.
func theyPublish(l *link, all []zmq.Frames) {
	sub := l.we.(*zmq.Sub)
	ctx := soon(l)
	probe := func(topic string) {
		// A publisher drops what it sends before it has read the subscription.
		for came := false; !came; {
			l.must(ctx.Err())
			l.send(message(topic))
			short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
			_, err := sub.Recv(short)
			cancel()
			came = err == nil
		}
		l.send(message(topic, "last"))
		for last := false; !last; {
			got, err := sub.Recv(ctx)
			l.must(err)
			last = len(got.Frames) == 2
		}
	}
	sub.Subscribe("a.")
	sub.Subscribe("b.")
	probe("b.")
	sub.Unsubscribe("b.")
	sub.Subscribe("c.")
	probe("c.")
	before := sub.Stats().Received
	for _, m := range all {
		for _, topic := range []string{"b.", "other", "a"} {
			l.send(message(topic, "unwanted"))
		}
		l.send(about("a.", m))
	}
	for _, m := range all {
		l.weGet(ctx, about("a.", m))
	}
	if n := sub.Stats().Received - before; n != uint64(len(all)) {
		l.Errorf("they sent %d messages, want %d", n, len(all))
	}
}

func theyDeal(l *link, all []zmq.Frames) {
	for _, m := range all {
		l.send(m)
	}
	ctx := soon(l)
	for _, m := range all {
		l.answer(l.weGet(ctx, m))
	}
	for _, m := range all {
		l.theyGet(m)
	}
}

// answer sends back what a Router received.
func (l *link) answer(r zmq.Received) {
	l.Helper()
	if got := string(r.Peer.Identity()); got != theirIdentity {
		l.Fatalf("identity %q, want %q", got, theirIdentity)
	}
	if !r.Peer.Send(r.Frames) {
		l.Fatal("the answer is not queued")
	}
}

func weDeal(l *link, all []zmq.Frames) {
	ctx := soon(l)
	for _, m := range all {
		l.must(l.we.(*zmq.Dealer).Send(ctx, m))
	}
	for _, m := range all {
		got, err := l.they.recv() // after the identity that their ROUTER gave us
		l.must(err)
		l.equal(m, got[1:])
		l.send(got)
	}
	for _, m := range all {
		l.weGet(ctx, m)
	}
}

// theyRequest: a REQ puts an empty frame before its request, takes it from
// the answer, and waits for that before the next request.
func theyRequest(l *link, all []zmq.Frames) {
	ctx := soon(l)
	for _, m := range all {
		l.send(m)
		l.answer(l.weGet(ctx, about("", m)))
		l.theyGet(m)
	}
}

func weRequest(l *link, all []zmq.Frames) {
	ctx := soon(l)
	for _, m := range all {
		l.must(l.we.(*zmq.Dealer).Send(ctx, about("", m)))
		l.theyGet(m)
		l.send(m)
		l.weGet(ctx, about("", m))
	}
}

// about puts one frame before the others.
func about(topic string, m zmq.Frames) zmq.Frames {
	return append(message(topic), m...)
}

// stream is n messages of one to seven frames, of the sizes where framing
// changes and a large one, of all bytes there are.
func stream(n int) []zmq.Frames {
	const large, largest = 70_000, 1 << 20
	noise := make([]byte, n+largest)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // it never fails
	sizes := []int{0, 1, 255, 256}
	all := make([]zmq.Frames, n)
	for i := range all {
		for k := range i % 6 {
			all[i] = append(all[i], noise[i:i+sizes[(i/6+k)%len(sizes)]])
		}
		if i%25 == 24 {
			all[i] = append(all[i], noise[i:i+large])
		}
		if i == 400 {
			all[i] = append(all[i], noise[i:i+largest])
		}
		if i%6 != 1 { // those are lone frames, the empty one among them
			all[i] = append(all[i], fmt.Append(nil, i))
		}
	}
	return all
}
