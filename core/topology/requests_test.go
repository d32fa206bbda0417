package topology_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/zmq"
)

const (
	body    = 4096
	headers = 512
)

func requests(t *testing.T, to topology.Setting) *topology.Requests {
	t.Helper()
	r, err := topology.NewRequests(topology.Options{Name: "ingress edge", Setting: to, ZMQ: zmq.Options{Limits: zmq.Limits{Frame: body}}, Log: zerolog.Nop()},
		topology.RequestLimits{Headers: headers, Queue: 4})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	return r
}

func dealer(t *testing.T, to string, security zmq.Security) *zmq.Dealer {
	t.Helper()
	d := zmq.NewDealer(zmq.Options{Security: security})
	if err := d.Connect(to); err != nil {
		t.Fatal(err)
	}
	run(t, d)
	return d
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestRequestIsAnsweredByItsConnection(t *testing.T) {
	r := requests(t, topology.Setting{Listen: anywhere})
	one, two := dealer(t, r.Bound(), zmq.Security{}), dealer(t, r.Bound(), zmq.Security{})
	ctx := within(t)
	for _, d := range []*zmq.Dealer{one, two} {
		if err := d.Send(ctx, [][]byte{[]byte("same id"), make([]byte, headers), make([]byte, body)}); err != nil {
			t.Fatal(err)
		}
		frames, from, err := r.Recv(ctx)
		if err != nil || len(frames) != 3 || len(frames[2]) != body || from.Name() != "" || from.Addr() == "" {
			t.Fatalf("got %d frames of %v: %v", len(frames), from, err)
		}
		if !from.Send([][]byte{frames[0], []byte("answer")}) {
			t.Fatal("the answer is not taken")
		}
		if got, err := d.Recv(ctx); err != nil || string(bytes.Join(got.Frames, []byte("|"))) != "same id|answer" {
			t.Errorf("got %q, %v", got.Frames, err)
		}
	}
}

// TestRequestBeyondItsBoundsCostsItsConnectionAlone: what is far too much is not
// held in memory.
func TestRequestBeyondItsBoundsCostsItsConnectionAlone(t *testing.T) {
	for name, frames := range map[string][][]byte{
		"a large body":   {{1}, {2}, make([]byte, body+1)},
		"large together": {{1}, make([]byte, body), make([]byte, body)},
		"many frames":    {{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}},
	} {
		t.Run(name, func(t *testing.T) {
			r := requests(t, topology.Setting{Listen: anywhere})
			bad, good := dealer(t, r.Bound(), zmq.Security{}), dealer(t, r.Bound(), zmq.Security{})
			ctx := within(t)
			if err := bad.Send(ctx, frames); err != nil {
				t.Fatal(err)
			}
			await(t, "the cut", func() bool { return r.Counts().Cut == 1 })
			if err := good.Send(ctx, [][]byte{{1}, {2}, {3}}); err != nil {
				t.Fatal(err)
			}
			if got, _, err := r.Recv(ctx); err != nil || len(got) != 3 {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestWrongNumberOfFramesIsForTheDoorToRefuse(t *testing.T) {
	r := requests(t, topology.Setting{Listen: anywhere})
	d := dealer(t, r.Bound(), zmq.Security{})
	ctx := within(t)
	for n := 1; n <= 8; n++ {
		frames := make([][]byte, n)
		for i := range frames {
			frames[i] = []byte{byte(i)}
		}
		if err := d.Send(ctx, frames); err != nil {
			t.Fatal(err)
		}
		if got, _, err := r.Recv(ctx); err != nil || len(got) != n {
			t.Fatalf("%d frames: got %q, %v", n, got, err)
		}
	}
}

func TestSenderHasTheNameOfItsKey(t *testing.T) {
	router, till := curve.NewSecret(), curve.NewSecret()
	r := requests(t, server(topology.Guests{till.Public(): {Name: "till"}}, router))
	d := dealer(t, r.Bound(), zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{till}, Server: router.Public()}})
	ctx := within(t)
	if err := d.Send(ctx, [][]byte{{1}, {2}, {3}}); err != nil {
		t.Fatal(err)
	}
	if _, from, err := r.Recv(ctx); err != nil || from.Name() != "till" {
		t.Errorf("got %v, %v", from, err)
	}
	dealer(t, r.Bound(), zmq.Security{Curve: &zmq.Curve{Secrets: []*curve.Secret{curve.NewSecret()}, Server: router.Public()}})
	await(t, "the refusal", func() bool { return r.Counts().Reasons[string(zmq.ReasonKey)] > 0 })
}

func TestRecvEnds(t *testing.T) {
	r := requests(t, topology.Setting{Listen: anywhere})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := r.Recv(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
