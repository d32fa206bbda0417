package consumer_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

const eventType = "com.example.order.created"

var (
	routerKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	otherKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	leaseKey  = bytes.Repeat([]byte{9}, 32)
)

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// router is the side of a router that consumers see.
type router struct {
	t       testing.TB
	channel *zmq.Push
	desk    *zmq.Pull
	at      string // address of the channel
	reply   string // address of replies
	frames  chan []byte
	replies []delivery.Reply // read from frames, not asked for yet
	stop    func()
}

func newRouter(t testing.TB) *router {
	return newRouterAt(t, "tcp://127.0.0.1:0", "tcp://127.0.0.1:0")
}

func newRouterAt(t testing.TB, at, reply string) *router {
	t.Helper()
	r := &router{t: t, channel: zmq.NewPush(zmq.Options{}), desk: zmq.NewPull(zmq.Options{}), frames: make(chan []byte, 1000)}
	r.at, r.reply = listen(t, r.channel, at), listen(t, r.desk, reply)
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() { _ = r.channel.Run(ctx) })
	going.Go(func() { _ = r.desk.Run(ctx) })
	going.Go(func() {
		for {
			got, err := r.desk.Recv(ctx)
			if err != nil {
				return
			}
			r.frames <- got.Frames[0]
		}
	})
	r.stop = sync.OnceFunc(func() {
		cancel()
		going.Wait()
	})
	t.Cleanup(r.stop)
	return r
}

func listen(t testing.TB, s interface{ Listen(string) (string, error) }, at string) string {
	t.Helper()
	bound, err := s.Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

// order is delivery number attempt of event number n.
type order struct {
	n, attempt int
	pad        int                // bytes of data
	event      string             // in place of order number n
	key        ed25519.PrivateKey // routerKey when nil
	change     func(*delivery.Header)
	spoil      func(frames [][]byte) // after it was signed
}

func lease(n, attempt int) string {
	return delivery.NewLeases(leaseKey).Lease(delivery.Grant{Channel: "commands", Seq: uint64(n), Attempt: attempt})
}

func id(n int) string { return fmt.Sprintf("order-%d", n) }

func (r *router) frame(o order) [][]byte {
	r.t.Helper()
	if o.key == nil {
		o.key = routerKey
	}
	o.attempt = max(o.attempt, 1)
	signer := delivery.NewSigner(o.key)
	h := delivery.Header{ID: id(o.n), Source: "//shop.example/till", Channel: "commands", Seq: uint64(o.n), Attempt: o.attempt,
		Lease: lease(o.n, o.attempt), Reply: r.reply, Accepted: time.Now(), Expires: time.Now().Add(time.Hour).Unix(), KeyID: signer.KeyID()}
	topic, event := eventType, o.event
	if event == "" {
		event = fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"//shop.example/till","type":%q,"data":{"n":%d%s}}`, id(o.n), eventType, o.n, strings.Repeat(" ", o.pad))
	} else {
		e, err := sdk.ParseEvent([]byte(event))
		if err != nil {
			r.t.Fatal(err)
		}
		topic, h.ID, h.Source = e.Type, e.ID, e.Source
	}
	if o.change != nil {
		o.change(&h)
	}
	frames := [][]byte{[]byte(topic), h.Append(nil), []byte(event), nil, nil}
	if err := signer.Sign([][][]byte{frames}); err != nil {
		r.t.Fatal(err)
	}
	if o.spoil != nil {
		o.spoil(frames)
	}
	return frames
}

func (r *router) deliver(orders ...order) {
	r.t.Helper()
	for _, o := range orders {
		r.send(r.frame(o))
	}
}

func (r *router) send(frames [][]byte) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.channel.Send(ctx, frames); err != nil {
		r.t.Fatalf("delivery not taken: %v", err)
	}
}

// next waits for the next reply, progress left out.
func (r *router) next() delivery.Reply {
	r.t.Helper()
	for {
		if reply := r.nextOfAll(); reply.Status != delivery.StatusProgress {
			return reply
		}
	}
}

func (r *router) nextOfAll() delivery.Reply {
	r.t.Helper()
	for len(r.replies) == 0 {
		select {
		case frame := <-r.frames:
			replies, err := delivery.ParseReplies(frame)
			if err != nil {
				r.t.Fatalf("%s: %v", frame, err)
			}
			if len(replies) > 1 {
				for _, reply := range replies {
					if reply.Goodbye {
						r.t.Errorf("a goodbye is not alone in its frame: %s", frame)
					}
				}
			}
			r.replies = replies
		case <-time.After(patience):
			r.t.Fatal("no reply")
		}
	}
	reply := r.replies[0]
	r.replies = r.replies[1:]
	return reply
}

// expect waits for the next reply and holds its lease and status against order n.
func (r *router) expect(n, attempt int, status string) delivery.Reply {
	r.t.Helper()
	reply := r.next()
	if reply.ID != id(n) || reply.Source != "//shop.example/till" || reply.Lease != lease(n, attempt) || reply.Status != status || reply.Goodbye {
		r.t.Fatalf("reply is %+v, want %s of order %d, attempt %d", reply, status, n, attempt)
	}
	return reply
}

// silent checks that no reply is there. Call it after the consumer has ended.
func (r *router) silent() {
	r.t.Helper()
	r.stop()
	close(r.frames)
	for frame := range r.frames {
		r.t.Errorf("unwanted reply %s", frame)
	}
}

// options are those of a consumer of r.
func (r *router) options() consumer.Options {
	return consumer.Options{Connect: []string{r.at}, Channel: "commands", Keys: consumer.Pinned(delivery.NewKeys(public(routerKey)))}
}

func start(t testing.TB, o consumer.Options, work consumer.Work) (c *consumer.Consumer, stop func()) {
	t.Helper()
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, run(t, c, work)
}

// run runs c until the test or the returned function ends it.
func run(t testing.TB, c *consumer.Consumer, work consumer.Work) (stop func()) {
	t.Helper()
	return running(t, func(ctx context.Context) error { return c.Run(ctx, work) })
}

func running(t testing.TB, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not return")
		}
	})
	t.Cleanup(stop)
	return stop
}

func await(t testing.TB, what string, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !reached(); {
		if time.Now().After(end) {
			t.Fatalf("still waiting: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// nothing is work that is done at once.
func nothing(context.Context, *delivery.Delivery) (any, error) { return nil, nil }

// recorder gathers what was worked on.
type recorder struct {
	mu  sync.Mutex
	ids []string
}

func (r *recorder) add(d *delivery.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = append(r.ids, d.Event.ID)
}

func (r *recorder) work(_ context.Context, d *delivery.Delivery) (any, error) {
	r.add(d)
	return nil, nil
}

func (r *recorder) worked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.ids...)
}
