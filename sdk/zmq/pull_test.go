package zmq_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// A PUSH never learns what of it has arrived, so a Pull that ends takes what
// was sent before its peers heard of the end.
func TestPullTakesWhatWasOnItsWay(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{Queue: 10, Linger: patience})
	endpoint := listen(t, pull)
	stop := run(t, pull)
	r := dialRaw(t, endpoint)
	r.handshake(0, "PUSH")
	await(t, "the peer is ready", func() bool { return pull.Stats().Peers == 1 })
	var stopping sync.WaitGroup
	stopping.Go(stop)
	r.ended() // it says that it ends
	r.write([]byte{0, 4, 'l', 'a', 's', 't'})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	stopping.Wait()
	got, err := pull.Recv(soon(t))
	if err != nil || string(got.Frames[0]) != "last" {
		t.Fatalf("received %q, %v", got.Frames, err)
	}
	if _, err := pull.Recv(soon(t)); !errors.Is(err, zmq.ErrClosed) {
		t.Fatalf("after the last one: %v", err)
	}
}

// With a Linger of none it does not wait for them.
func TestPullWithoutLinger(t *testing.T) {
	pull := zmq.NewPull(zmq.Options{Queue: 10, Linger: -1})
	endpoint := listen(t, pull)
	stop := run(t, pull)
	r := dialRaw(t, endpoint)
	r.handshake(0, "PUSH")
	await(t, "the peer is ready", func() bool { return pull.Stats().Peers == 1 })
	stop() // though the peer says nothing and stays
	r.ended()
}
