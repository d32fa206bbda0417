package dispatch

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Publisher hands deliveries to every subscriber that asked for their topic.
// It does not block.
type Publisher interface {
	Publish(deliveries [][][]byte)
}

// Telemetry publishes events on one telemetry channel: best effort, counted.
// Between acceptance and publishing lies a bounded ring.
type Telemetry struct {
	name   string
	signer *delivery.Signer
	to     Publisher
	log    zerolog.Logger
	ring   chan *outbox.Entry

	held          atomic.Int64 // bytes of events in the ring
	sent, dropped atomic.Uint64
}

// maxRingBytes bounds the ring beside its number of events.
const maxRingBytes = 64 << 20

// TelemetryOptions are what a Telemetry is made of.
type TelemetryOptions struct {
	Name   string
	Ring   int // events held at most
	Signer *delivery.Signer
	To     Publisher
	Log    zerolog.Logger
}

// NewTelemetry returns a channel that publishes nothing until Run.
func NewTelemetry(o TelemetryOptions) *Telemetry {
	return &Telemetry{name: o.Name, signer: o.Signer, to: o.To, log: o.Log, ring: make(chan *outbox.Entry, o.Ring)}
}

// Publish puts an event into the ring. It does not block.
func (t *Telemetry) Publish(e *outbox.Entry) {
	size := int64(len(e.Event.Raw))
	if t.held.Add(size) <= maxRingBytes {
		select {
		case t.ring <- e:
			return
		default: // the ring is full: telemetry is best effort, the newest goes, and is counted
		}
	}
	t.held.Add(-size)
	t.dropped.Add(1)
}

// Run publishes until ctx ends, then publishes what is left in the ring.
func (t *Telemetry) Run(ctx context.Context) error {
	for {
		select {
		case e := <-t.ring:
			t.publish(e)
		case <-ctx.Done():
			for {
				select {
				case e := <-t.ring:
					t.publish(e)
				default:
					return nil
				}
			}
		}
	}
}

// publish signs and sends e with whatever else waits.
func (t *Telemetry) publish(e *outbox.Entry) {
	// Whoever is about to publish goes first: what they bring shares one
	// signature. Nothing waits when nobody is.
	runtime.Gosched()
	now := time.Now()
	batch := make([][][]byte, 0, 16)
	batch = append(batch, t.frames(e, now))
	for more := true; more && len(batch) < delivery.MaxBatch; {
		select {
		case e := <-t.ring:
			batch = append(batch, t.frames(e, now))
		default:
			more = false
		}
	}
	if err := t.signer.Sign(batch); err != nil {
		t.dropped.Add(uint64(len(batch)))
		t.log.Error().Err(err).Msg("telemetry cannot be signed")
		return
	}
	t.to.Publish(batch)
	t.sent.Add(uint64(len(batch)))
}

// frames are those of an event that has left the ring.
func (t *Telemetry) frames(e *outbox.Entry, now time.Time) [][]byte {
	t.held.Add(-int64(len(e.Event.Raw)))
	h := delivery.Header{ID: e.Event.ID, Source: e.Event.Source, Channel: t.name, Accepted: e.Accepted,
		Expires: now.Add(minExpiry).Unix(), KeyID: t.signer.KeyID()}
	h.TraceParent, _ = e.Event.Extension("traceparent")
	return [][]byte{[]byte(e.Event.Type), h.Append(make([]byte, 0, 256)), e.Event.Raw, nil, nil}
}

// Counts gives how many events were published, and how many the ring dropped.
func (t *Telemetry) Counts() (sent, dropped uint64) { return t.sent.Load(), t.dropped.Load() }
