package zmq_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/sdk/zmq"
)

func TestMain(m *testing.M) {
	// A PUB of zmq4, the peer in one test, leaves its writer behind.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/go-zeromq/zmq4.(*pubMWriter).run"))
}

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// requirePeers is set where every peer must be there, as in CI.
const requirePeers = "HEADGATE_REQUIRE_PEERS"

// ours is a socket of this package.
type ours interface {
	Listen(string) (string, error)
	Connect(string) error
}

type runner interface{ Run(context.Context) error }

// run serves a socket until the test or the returned function ends it.
func run(t testing.TB, s runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
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

func listen(t testing.TB, s interface{ Listen(string) (string, error) }) string {
	t.Helper()
	bound, err := s.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

func connect(t testing.TB, s interface{ Connect(string) error }, endpoint string) {
	t.Helper()
	if err := s.Connect(endpoint); err != nil {
		t.Fatal(err)
	}
}

func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); {
		if time.Now().After(end) {
			t.Fatalf("still waiting for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func message(frames ...string) zmq.Frames {
	m := make(zmq.Frames, len(frames))
	for i, f := range frames {
		m[i] = []byte(f)
	}
	return m
}

// samples have frames of the sizes where framing changes.
func samples() []zmq.Frames {
	var all []zmq.Frames
	for i, n := range []int{0, 1, 255, 256, 65536, 1 << 20} {
		all = append(all, zmq.Frames{fmt.Append(nil, "t", i), make([]byte, n), nil, []byte("end")})
	}
	return all
}

func text(frames zmq.Frames) string { return fmt.Sprintf("%q", frames) }

// observed gathers the events of a socket.
type observed struct {
	mu     sync.Mutex
	events []zmq.Event
}

func (o *observed) add(e zmq.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, e)
}

func (o *observed) has(kind zmq.Kind, reason zmq.Reason) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.events {
		if e.Kind == kind && (reason == "" || errors.Is(e.Err, reason)) {
			return true
		}
	}
	return false
}

func (o *observed) all() []zmq.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.events)
}

func (o *observed) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := ""
	for _, e := range o.events {
		s += fmt.Sprintf("%s %s: %v\n", e.Socket, e.Kind, e.Err)
	}
	return s
}

// balanced checks that counts account for every message.
func balanced(t testing.TB, c zmq.Counts) {
	t.Helper()
	if c.Matched != c.Sent+c.Dropped+c.Queued {
		t.Errorf("counts do not add up: %+v", c)
	}
}
