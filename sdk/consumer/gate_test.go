package consumer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// vectors is what this package reads of sdk/testdata/vectors/delivery.json.
type vectors struct {
	Keys     delivery.Keys `json:"keys"`
	Channels []string      `json:"channels"`
	Now      int64         `json:"now"`
	Open     []struct {
		Name    string   `json:"name"`
		Frames  []string `json:"frames_base64"`
		Outcome string   `json:"outcome"`
	} `json:"open"`
}

func TestVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", "delivery.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	// The vectors' reply address is fixed; without it their silence shows nothing.
	const replyAddress = "tcp://127.0.0.1:5557"
	probe := zmq.NewPull(zmq.Options{})
	if _, err := probe.Listen(replyAddress); err != nil {
		t.Skipf("%s is taken: %v", replyAddress, err)
	}
	release, cancel := context.WithCancel(context.Background())
	cancel()
	_ = probe.Run(release)

	r := newRouterAt(t, "tcp://127.0.0.1:0", replyAddress)
	o := r.options()
	o.Keys, o.Channel = consumer.Pinned(v.Keys), v.Channels[0]
	for _, vector := range v.Open {
		t.Run(vector.Name, func(t *testing.T) {
			frames := make([][]byte, len(vector.Frames))
			for i, f := range vector.Frames {
				if frames[i], err = base64.StdEncoding.DecodeString(f); err != nil {
					t.Fatal(err)
				}
			}
			// Each has its own consumer: one that knows a root asks for no signature of it.
			c, err := consumer.New(o)
			if err != nil {
				t.Fatal(err)
			}
			c.SetClock(func() time.Time { return time.Unix(v.Now, 0) })
			var worked recorder
			stop := run(t, c, worked.work)
			r.send(frames)
			if vector.Outcome == "ok" {
				if reply := r.next(); reply.Status != delivery.StatusDone || !slices.Equal(worked.worked(), []string{reply.ID}) {
					t.Errorf("reply is %+v, worked on %v", reply, worked.worked())
				}
			} else {
				await(t, vector.Outcome, func() bool { return maps.Equal(c.Counts().Refused, map[string]uint64{vector.Outcome: 1}) })
			}
			stop()
			if vector.Outcome == "ok" {
				if last := r.next(); !last.Goodbye || last.Lease != "" {
					t.Errorf("leave taken by %+v", last)
				}
			} else if got := worked.worked(); len(got) > 0 {
				t.Errorf("worked on %v", got)
			}
			await(t, "the connection's end", func() bool { return len(r.channel.Peers()) == 0 })
		})
	}
	r.silent()
}

func TestTamperedIsNeitherWorkedOnNorAcknowledged(t *testing.T) {
	r := newRouter(t)
	var text bytes.Buffer
	o := r.options()
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	var worked recorder
	c, stop := start(t, o, worked.work)
	want := map[string]uint64{}
	for name, bad := range map[string]order{
		"root":    {n: 1, spoil: func(f [][]byte) { f[2] = bytes.Replace(f[2], []byte(`"n":1`), []byte(`"n":9`), 1) }},
		"block":   {n: 2, spoil: func(f [][]byte) { f[4] = append(f[4], 0) }},
		"frames":  {n: 3, spoil: func(f [][]byte) { f[1] = []byte("{}") }},
		"channel": {n: 4, change: func(h *delivery.Header) { h.Channel = "billing" }},
		"kid":     {n: 5, key: otherKey},
		"expired": {n: 6, change: func(h *delivery.Header) { h.Expires = time.Now().Unix() - 1 }},
		"reply":   {n: 7, change: func(h *delivery.Header) { h.Lease = "" }},
	} {
		r.deliver(bad)
		want[name]++
	}
	r.deliver(order{n: 8, change: func(h *delivery.Header) { h.Reply = "tcp://nowhere" }})
	want["reply"]++
	r.deliver(order{n: 9})
	r.expect(9, 1, "done")
	stop()
	if n := c.Counts(); !maps.Equal(n.Refused, want) {
		t.Errorf("refused %v, want %v", n.Refused, want)
	}
	for name := range want {
		if !strings.Contains(text.String(), "check="+name) {
			t.Errorf("%s is not in the log", name)
		}
	}
	if got := worked.worked(); !slices.Equal(got, []string{id(9)}) {
		t.Errorf("worked on %v", got)
	}
	r.next() // goodbye
	r.silent()
}

// source counts its readings and gives the keys of a switch.
type source struct {
	read    atomic.Int32
	rotated atomic.Bool
	broken  atomic.Bool
}

func (s *source) Keys(context.Context) (delivery.Keys, error) {
	s.read.Add(1)
	if s.broken.Load() {
		return nil, errors.New("no keys today")
	}
	if s.rotated.Load() {
		return delivery.NewKeys(public(otherKey)), nil
	}
	return delivery.NewKeys(public(routerKey)), nil
}

func TestUnknownKeyIsFetchedAndTheDeliveryOpened(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	keys := new(source)
	o.Keys = keys
	c, _ := start(t, o, nothing)
	r.deliver(order{n: 1})
	r.expect(1, 1, "done")
	keys.rotated.Store(true)
	r.deliver(order{n: 2, key: otherKey})
	r.expect(2, 1, "done")
	if got := keys.read.Load(); got != 2 {
		t.Errorf("keys were read %d times", got)
	}
	// The key that is gone opens nothing more, and the next reading has to wait.
	for n := 3; n < 10; n++ {
		r.deliver(order{n: n})
	}
	await(t, "refusals", func() bool { return c.Counts().Refused["kid"] == 8 })
	r.deliver(order{n: 10, key: otherKey})
	r.expect(10, 1, "done")
	if got := keys.read.Load(); got != 2 {
		t.Errorf("keys were read %d times", got)
	}
}

func TestUnknownKeyIsAskedForUntilItIsThere(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	keys := new(source)
	o.Keys = keys
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.SetKeyPause(time.Millisecond)
	run(t, c, nothing)
	r.deliver(order{n: 1, key: otherKey})
	await(t, "readings", func() bool { return keys.read.Load() > 3 })
	keys.broken.Store(true)
	before := keys.read.Load()
	await(t, "failed readings", func() bool { return keys.read.Load() > before+3 })
	r.deliver(order{n: 2}) // the known key stays
	r.expect(2, 1, "done")
	keys.rotated.Store(true)
	keys.broken.Store(false)
	r.expect(1, 1, "done")
}

func TestParkedIsBounded(t *testing.T) {
	r := newRouter(t)
	o := r.options()
	keys := new(source)
	o.Keys = keys
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.SetKeyPause(time.Millisecond)
	run(t, c, nothing)
	const size = 4_000_000
	const parked, sent = consumer.MaxParked / size, consumer.MaxParked/size + 2
	for n := range sent {
		r.deliver(order{n: n, key: otherKey, pad: size})
	}
	await(t, "refusals", func() bool { return c.Counts().Refused["kid"] == sent })
	keys.rotated.Store(true)
	for range parked {
		r.next()
	}
	r.deliver(order{n: sent, key: otherKey})
	r.expect(sent, 1, "done")
	if n := c.Counts(); n.Opened != parked+1 {
		t.Errorf("counts are %+v", n)
	}
}

func TestRefusalsDoNotFloodTheLog(t *testing.T) {
	r := newRouter(t)
	var text bytes.Buffer
	o := r.options()
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	c, err := consumer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.SetClock(func() time.Time { return now })
	stop := run(t, c, nothing)
	for n := range 10 {
		r.deliver(order{n: n, change: func(h *delivery.Header) { h.Channel = strings.Repeat("x", 10_000) }})
	}
	await(t, "refusals", func() bool { return c.Counts().Refused["channel"] == 10 })
	stop()
	if n := strings.Count(text.String(), "check=channel"); n != 1 || text.Len() > 5_000 {
		t.Errorf("%d lines, %d bytes", n, text.Len())
	}
}
