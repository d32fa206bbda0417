package zmq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// A subscriber that stalls, twice, loses messages alone and is told of once
// each time; another gets every message in order meanwhile.
func TestStalledSubscriberIsAlone(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprint("CURVE ", sealed), func(t *testing.T) {
			s := newSubject(t, "PUB", true, sealed, zmq.Options{Queue: 16})
			pub, sub := s.socket.(*zmq.Pub), s.honest.(*zmq.Sub)
			peer := s.enter(s.arrive(), "")
			if _, err := peer.Write(rawCommand("SUBSCRIBE", "n")); err != nil {
				t.Fatal(err)
			}
			var stalled *zmq.Peer
			await(t, "the subscription", func() bool {
				for _, p := range pub.Peers() {
					if p != s.friend() && p.Facts().Topics == 1 {
						stalled = p
					}
				}
				return stalled != nil
			})
			body := make([]byte, 128<<10)
			sent := 0
			publish := func() {
				if err := pub.Send(zmq.Frames{fmt.Append(nil, "n", sent), body}); err != nil {
					t.Fatal(err)
				}
				got, err := sub.Recv(soon(t))
				for err == nil && bytes.HasPrefix(got.Frames[0], []byte("settle")) {
					got, err = sub.Recv(soon(t))
				}
				if want := fmt.Sprint("n", sent); err != nil || string(got.Frames[0]) != want {
					t.Fatalf("want %s, got %q, %v", want, got.Frames[0], err)
				}
				sent++
			}
			last, taken := -1, uint64(0)
			for episode := 1; episode <= 2; episode++ {
				// First the kernel's buffers: until they are full, it is not slow.
				for stuck := false; !stuck; {
					publish()
					stuck = true
					for end := time.Now().Add(100 * time.Millisecond); stuck && time.Now().Before(end); {
						stuck = stalled.Facts().Queued > 0
						time.Sleep(100 * time.Microsecond)
					}
				}
				for from := stalled.Facts().Dropped; stalled.Facts().Dropped < from+50; {
					publish()
				}
				if n := s.tally.of(zmq.Slow, ""); n != episode || !stalled.Facts().Slow {
					t.Fatalf("told of %d times in episode %d", n, episode)
				}
				// It reads again, and what it gets is in order.
				for stalled.Facts().Queued > 0 || taken < stalled.Facts().Sent {
					_, name, err := frameFrom(peer)
					if err != nil {
						t.Fatal(err)
					}
					if _, _, err := frameFrom(peer); err != nil {
						t.Fatal(err)
					}
					n, err := strconv.Atoi(string(name[1:]))
					if err != nil || n <= last {
						t.Fatalf("%q after %d, %v", name, last, err)
					}
					last = n
					taken++
				}
				publish() // the end of the episode
				if stalled.Facts().Slow {
					t.Error("it has caught up, and still is slow")
				}
			}
			f := stalled.Facts()
			balanced(t, f.Counts)
			if f.Matched != uint64(sent) || f.Dropped < 100 {
				t.Errorf("%d messages: %+v", sent, f.Counts)
			}
			s.survived()
		})
	}
}

// spreader is a socket that spreads messages over its peers.
type spreader interface {
	anySocket
	Send(context.Context, zmq.Frames) error
}

// What a dead peer did not take goes to the others. Each connection keeps its
// order, and every message arrives once: what the kernel had whole at the dead
// one, all the rest elsewhere.
func TestDeadPeerLosesNothing(t *testing.T) {
	for _, kind := range []string{"PUSH", "DEALER"} {
		for _, sealed := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, ", CURVE ", sealed), func(t *testing.T) {
				s := newSubject(t, kind, true, sealed, zmq.Options{Queue: 8})
				r := s.arrive()
				peer := s.enter(r, "")
				await(t, "both peers", func() bool { return len(s.socket.Peers()) == 2 })
				socket := s.socket.(spreader)
				recv := recvOf(s.honest)
				body := make([]byte, 200_000)
				order := map[string][]int{} // by who got it
				sent := 0
				// The honest peer takes its turn each time; the dead one's share
				// fills the kernel, then its queue.
				var dead *zmq.Peer
				for _, p := range socket.Peers() {
					if p != s.friend() {
						dead = p
					}
				}
				took := func(b []byte, by string) {
					n, err := strconv.Atoi(string(b))
					if err != nil {
						t.Fatalf("%q: %v", b, err)
					}
					order[by] = append(order[by], n)
				}
				// Full for so many turns on end: the kernel takes no more.
				const stable = 50
				for full, last := 0, dead.Facts(); full < stable; {
					now := dead.Facts()
					if full++; now.Queued < 8 || now.Sent != last.Sent {
						full = 0
					}
					last = now
					if err := socket.Send(soon(t), zmq.Frames{strconv.AppendInt(nil, int64(sent), 10), body}); err != nil {
						t.Fatal(err)
					}
					sent++
					for s.friend().Facts().Matched > uint64(len(order["honest"])) {
						got, err := recv(soon(t))
						if err != nil {
							t.Fatal(err)
						}
						took(got.Frames[0], "honest")
					}
				}
				before := socket.Stats()
				balanced(t, before.Counts)
				if before.Matched != uint64(sent) || before.Dropped != 0 {
					t.Fatalf("%d sent: %+v", sent, before.Counts)
				}
				// It ends what it says, which is the end of the connection; what
				// the kernel has is still there to be read.
				if err := r.Conn.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				await(t, "the dead peer to be gone", func() bool { return len(socket.Peers()) == 1 })
				for {
					_, name, err := frameFrom(peer)
					if err == nil {
						var rest []byte
						if _, rest, err = frameFrom(peer); err == nil && len(rest) == len(body) {
							took(name, "dead")
							continue
						}
					}
					if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
						break
					}
					t.Fatal(err)
				}
				direct := len(order["honest"])
				for len(order["honest"])+len(order["dead"]) < sent {
					got, err := recv(soon(t))
					if err != nil {
						t.Fatalf("%d of %d arrived: %v", len(order["honest"])+len(order["dead"]), sent, err)
					}
					took(got.Frames[0], "honest")
				}
				seen := make([]bool, sent)
				for _, all := range order {
					for _, n := range all {
						if seen[n] {
							t.Errorf("message %d arrived twice", n)
						}
						seen[n] = true
					}
				}
				for who, all := range map[string][]int{"directly": order["honest"][:direct], "in place of another": order["honest"][direct:], "before its death": order["dead"]} {
					for i := 1; i < len(all); i++ {
						if all[i] <= all[i-1] {
							t.Errorf("what came %s is out of order: %d after %d", who, all[i], all[i-1])
						}
					}
				}
				if len(order["honest"]) == direct {
					t.Error("nothing was moved")
				}
				await(t, "all to be counted as sent", func() bool { return socket.Stats().Queued == 0 })
				end := socket.Stats()
				balanced(t, end.Counts)
				if end.Matched != uint64(sent) || end.Sent != uint64(sent) || end.Dropped != 0 {
					t.Errorf("%d sent: %+v", sent, end.Counts)
				}
				if got := dead.Facts().Sent; got != uint64(len(order["dead"])) {
					t.Errorf("%d counted as sent to the dead peer, which read %d", got, len(order["dead"]))
				}
			})
		}
	}
}

func recvOf(s anySocket) func(context.Context) (zmq.Received, error) {
	return s.(interface {
		Recv(context.Context) (zmq.Received, error)
	}).Recv
}
