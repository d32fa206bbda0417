//go:build unix

package zmq_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Two thousand handshakes that go on for ever, a byte now and then or nothing
// at all, neither keep an honest peer out nor cost more than the limit says.
func TestACrowdOfSlowHandshakes(t *testing.T) {
	crowd := 2000
	if testing.Short() {
		crowd = 400
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < uint64(2*crowd+500) {
		t.Skipf("%d connections need more descriptors than %d, %v", crowd, files.Cur, err)
	}
	const handshakes = 128
	for name, sealed := range map[string]bool{"NULL": false, "CURVE": true} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			s := newSubject(t, "PULL", true, sealed, zmq.Options{Limits: zmq.Limits{Handshakes: handshakes, HandshakeTimeout: time.Hour}})
			pull := s.socket.(*zmq.Pull)
			hello := join(s.greet(1), rawCommand("READY", "")[:3])
			if sealed {
				hello = join(s.greet(1), command("HELLO", string(newHand(raw{}, s.server.Public(), nil, nil).hello()))[:150])
			}
			var going sync.WaitGroup
			var here atomic.Int64 // of the crowd, not yet cut
			most := 0
			for i := range crowd {
				r := dialRaw(t, s.endpoint)
				here.Add(1)
				going.Go(func() {
					defer here.Add(-1)
					if i%4 == 0 { // says nothing
						r.ended()
						return
					}
					for at := 0; ; at++ {
						if at < len(hello) {
							if _, err := r.Write(hello[at : at+1]); err != nil {
								return
							}
						}
						_ = r.SetReadDeadline(time.Now().Add(time.Duration(20+rand.IntN(60)) * time.Millisecond))
						if _, err := r.Read(make([]byte, 64)); err != nil && !timedOut(err) {
							return
						}
					}
				})
				if i%100 == 0 {
					most = max(most, pull.Guests())
					s.pass(10)
				}
			}
			await(t, "the crowd to be within the limit", func() bool { return here.Load() <= handshakes })
			// Another one, in the thick of it.
			o := zmq.Options{Identity: "late", Heartbeat: zmq.Heartbeat{Interval: -1}}
			if sealed {
				o.Security = curveClient(s.client, s.server.Public())
			}
			late := zmq.NewPush(o)
			connect(t, late, s.endpoint)
			run(t, late)
			if err := late.Send(soon(t), message("late")); err != nil {
				t.Fatal(err)
			}
			if got, err := pull.Recv(soon(t)); err != nil || text(got.Frames) != `["late"]` || got.Peer.Identity() != "late" {
				t.Fatal(got, err)
			}
			if refused := late.Stats().Refused; refused != 0 {
				t.Errorf("it needed %d attempts more", refused)
			}
			s.pass(300)
			runtime.GC()
			runtime.ReadMemStats(&after)
			// Two read buffers at most for each that is in the handshake, and a
			// stack and a connection at both ends for each there is.
			if grown := int(after.HeapInuse) - int(before.HeapInuse); grown > handshakes*(2*32<<10)+crowd*(8<<10) {
				t.Errorf("the heap has grown by %d KiB", grown>>10)
			}
			if limit := handshakes + 2 + 1; most > limit { // the honest peer, and the one address
				t.Errorf("%d connections were held, not %d", most, limit)
			}
			stats := pull.Stats()
			if cut := stats.Reasons[zmq.ReasonHandshakes]; cut < uint64(crowd-handshakes) || stats.Accepted != 2 {
				t.Errorf("%+v", stats)
			}
			s.survived()
			s.stop()
			going.Wait()
			if left := pull.Guests(); left != 0 {
				t.Errorf("%d connections are remembered", left)
			}
		})
	}
}
