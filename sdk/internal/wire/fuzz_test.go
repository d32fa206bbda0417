package wire_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// FuzzOutcomes reads any answer: it is refused as a breach, or what was read can
// be sent and read again.
func FuzzOutcomes(f *testing.F) {
	for _, o := range []sdk.Outcome{{}, {Verdict: sdk.Replace, Event: full()}, {Verdict: sdk.Drop, Reason: "r"}, {Verdict: sdk.Fail, Retry: true, After: 5}} {
		out, err := wire.ToOutcomes([]sdk.Outcome{o}, 1)
		if err != nil {
			f.Fatal(err)
		}
		b, err := proto.Marshal(&pb.TransformResponse{Outcomes: out})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m pb.TransformResponse
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		outcomes, err := wire.FromOutcomes(m.Outcomes, len(m.Outcomes))
		if err != nil {
			if !errors.Is(err, wire.ErrBreach) {
				t.Fatal(err)
			}
			return
		}
		out, err := wire.ToOutcomes(outcomes, len(outcomes))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.FromOutcomes(out, len(out)); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzDescription reads any description: what is taken passes the plugin's own
// check.
func FuzzDescription(f *testing.F) {
	p := sdk.TransformFunc("t", "1.0.0", func(_ context.Context, _ struct{}, _ *sdk.Event) error { return nil })
	b, err := proto.Marshal(wire.ToDescription(&p))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var m pb.DescribeResponse
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		p, err := wire.FromDescription(&m)
		if err != nil {
			if !errors.Is(err, wire.ErrBreach) {
				t.Fatal(err)
			}
			return
		}
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
