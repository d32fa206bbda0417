package tracing_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/core/tracing"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// eager is a consumer that has done what it is given.
type eager struct {
	desk *dispatch.Desk
	work chan [][]byte
}

func (e *eager) Send(_ uint64, deliveries [][][]byte) bool {
	for _, d := range deliveries {
		e.work <- d
	}
	return true
}

// BenchmarkDispatch is an event's way from the store to its reply, without tracing
// and with as much as there is. The spans go nowhere: what is measured is what a
// router pays for them before they are sent.
func BenchmarkDispatch(b *testing.B) {
	for _, c := range []struct {
		name   string
		tracer *tracing.Tracer
	}{
		{"off", nil},
		{"0%", tracing.New(tracing.Options{})},
		{"10%", tracing.New(tracing.Options{Sample: 0.1})},
		{"100%", tracing.New(tracing.Options{Sample: 1})},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkDispatch(b, c.tracer) })
	}
}

func benchmarkDispatch(b *testing.B, tracer *tracing.Tracer) {
	store := memory.New(memory.Options{Remember: time.Hour, MaxIDs: 1 << 24, Capacity: 1 << 40, MaxPending: map[string]int64{"c": 1 << 40}})
	o := dispatch.Options{Settings: dispatch.Settings{Name: "c", Prefetch: 1024, AckTimeout: time.Hour, MaxHold: time.Hour, MaxAttempts: 3},
		Store: store, Signer: signer, LeaseKey: leaseKey, Log: zerolog.Nop()}
	if tracer != nil {
		o.Observe, o.Trace = tracer, tracer.TraceParent
	}
	channel := dispatch.NewChannel(o)
	e := &eager{work: make(chan [][]byte, 1024), desk: &dispatch.Desk{Asking: store, Leases: delivery.NewLeases(leaseKey), Channels: map[string]*dispatch.Channel{"c": channel}, Log: zerolog.Nop()}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- channel.Run(ctx, e) }()
	entries := make([]*outbox.Entry, b.N)
	for i := range entries {
		entries[i] = entry(b, fmt.Sprint(i), "")
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i, a := range store.Append(ctx, entries...) {
		tracer.Taken(&intake.Taken{Submission: &intake.Submission{Ingress: "edge"}, Status: intake.Accepted, Seq: a.Seq, Entry: entries[i], Began: entries[i].Accepted})
	}
	channel.Joined(1, "", "consumer:1")
	for range b.N {
		h, err := delivery.ParseHeader((<-e.work)[1])
		if err != nil {
			b.Fatal(err)
		}
		e.desk.Take(ctx, 7, "", "consumer:1", fmt.Appendf(nil, `{"id":%q,"source":%q,"lease":%q,"status":"done"}`, h.ID, h.Source, h.Lease))
	}
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}
