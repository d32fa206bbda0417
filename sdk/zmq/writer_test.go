package zmq_test

import (
	"bytes"
	"net"
	"os"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// sluggish takes a few bytes per deadline, and after a while none.
type sluggish struct {
	net.Conn
	takes int // bytes per Write
	until int // bytes in all
	got   bytes.Buffer
}

func (s *sluggish) SetWriteDeadline(time.Time) error { return nil }

func (s *sluggish) Write(p []byte) (int, error) {
	n := min(len(p), s.takes, s.until-s.got.Len())
	s.got.Write(p[:n])
	if n < len(p) {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

// The write timeout ends a peer that takes nothing, not one that takes little.
func TestWriteGoesOnWhileSomethingIsTaken(t *testing.T) {
	parts := [][]byte{[]byte("hello, "), nil, []byte("world, how are you")}
	want := string(bytes.Join(parts, nil))
	slow := &sluggish{takes: 3, until: 1000}
	if n, err := zmq.Hand(slow, time.Second, parts...); err != nil || n != int64(len(want)) || slow.got.String() != want {
		t.Errorf("wrote %d, %q, %v", n, &slow.got, err)
	}
	parts = [][]byte{[]byte("hello, "), nil, []byte("world, how are you")}
	stuck := &sluggish{takes: 3, until: 11}
	if n, err := zmq.Hand(stuck, time.Second, parts...); zmq.ReasonOf(err) != zmq.ReasonWrite || n != 11 {
		t.Errorf("wrote %d, %v", n, err)
	}
}

func TestWhole(t *testing.T) {
	batch := []zmq.Frames{message("a", "bc"), nil, {make([]byte, 255)}, {make([]byte, 256), nil}}
	end, ends := 0, []int{}
	for _, frames := range batch {
		if got := len(zmq.Encode(frames)); got != zmq.MessageSize(frames) {
			t.Fatalf("%d bytes, foretold %d", got, zmq.MessageSize(frames))
		}
		end += zmq.MessageSize(frames)
		ends = append(ends, end)
	}
	for n := range int64(end + 1) {
		want := 0
		for want < len(ends) && int64(ends[want]) <= n {
			want++
		}
		if got := zmq.Whole(batch, n); got != want {
			t.Fatalf("%d bytes hold %d messages, not %d", n, want, got)
		}
	}
	if zmq.Whole(batch, -1) != 0 {
		t.Error("not even the commands before the batch were written")
	}
}
