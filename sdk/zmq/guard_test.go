package zmq_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// script is a connection whose other end says fixed bytes, a few at a time,
// and hears nothing.
type script struct {
	net.Conn
	bytes.Reader
	step int
	past int // reads after the end
}

func (s *script) Read(p []byte) (int, error) {
	if s.Len() == 0 {
		if s.past++; s.past > 100 {
			panic("it reads on and on after the end")
		}
	}
	return s.Reader.Read(p[:min(len(p), s.step)])
}

func (s *script) Write(p []byte) (int, error) { return len(p), nil }
func (s *script) Close() error                { return nil }

func (s *script) SetDeadline(time.Time) error { return nil }

func say(b []byte, step int) net.Conn {
	s := &script{step: step}
	s.Reset(b)
	return s
}

// small has limits within reach of a few bytes.
func small() zmq.Limits {
	return zmq.Limits{Frame: 100, Message: 200, FramesPerMessage: 5, SubscriptionBytes: 50, Subscriptions: 5}
}

// Whatever a peer says to begin with, the codec neither panics nor fails for
// a reason that the guard did not find first.
func FuzzHandshake(f *testing.F) {
	f.Add(join(rawGreeting(0), ready("PUSH")))
	f.Add(join(rawGreeting(1), rawCommand("READY", property("Identity", "me")+property("Socket-Type", "PUSH")+property("X-y", ""))))
	f.Add(join(rawGreeting(1), rawCommand("READY", property("sOCKET-type", "PUSH"))))
	f.Add(join(rawGreeting(1), rawCommand("ERROR", "\x03bad")))
	f.Add(join(rawGreeting(1), rawCommand("READY", property("Socket-Type", "PUSH")[:14])))
	f.Fuzz(func(t *testing.T, b []byte) {
		messages, err := zmq.Reading{Kind: "PULL", Limits: small()}.All(say(b, 7))
		if err == nil {
			t.Fatal("it ended for no reason")
		}
		if zmq.ReasonOf(err) == zmq.ReasonFailed {
			t.Fatalf("the codec failed by itself: %v", err)
		}
		within(t, messages)
	})
}

// Whatever follows a good handshake, messages stay within the limits, and they
// are the same however the bytes are cut into reads.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x02hi\x01\x01a\x00\x01b"))
	f.Add(join(rawCommand("PING", "\x00\x0actx"), []byte("\x00\x00"), rawCommand("SUBSCRIBE", "a"), rawCommand("CANCEL", "a")))
	f.Add(join([]byte("\x01\x01a"), rawCommand("PING", "\x00\x0a"), []byte("\x00\x01b")))
	f.Add(join(long(0, 3), []byte("abc"), long(0, 1<<62)))
	f.Add(bytes.Repeat([]byte{1, 0}, 10))
	f.Fuzz(func(t *testing.T, b []byte) {
		for kind, peer := range map[string]string{"PULL": "PUSH", "PUB": "SUB"} {
			reading := zmq.Reading{Kind: kind, Limits: small()}
			all := join(rawGreeting(1), ready(peer), b)
			atOnce, err := reading.All(say(all, len(all)))
			if err == nil {
				t.Fatal("it ended for no reason")
			}
			within(t, atOnce)
			bytewise, again := reading.All(say(all, 1))
			if len(atOnce) != len(bytewise) || zmq.ReasonOf(err) != zmq.ReasonOf(again) {
				t.Fatalf("%d messages, %v; byte by byte %d, %v", len(atOnce), err, len(bytewise), again)
			}
			for i := range atOnce {
				if text(atOnce[i]) != text(bytewise[i]) {
					t.Fatalf("%q; byte by byte %q", atOnce[i], bytewise[i])
				}
			}
		}
	})
}

func within(t *testing.T, messages []zmq.Frames) {
	t.Helper()
	for _, frames := range messages {
		if len(frames) == 0 || len(frames) > 5 {
			t.Fatalf("%d frames", len(frames))
		}
		size := 0
		for _, frame := range frames {
			if len(frame) > 100 {
				t.Fatalf("a frame of %d bytes", len(frame))
			}
			size += len(frame)
		}
		if size > 200 {
			t.Fatalf("a message of %d bytes", size)
		}
	}
}
