package dispatch

import (
	"context"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Publisher hands deliveries to every subscriber that asked for their topic.
// It does not block, and is safe for concurrent use.
type Publisher interface {
	Publish(deliveries [][][]byte)
}

// Telemetry publishes events on one telemetry channel: best effort, counted.
// Between acceptance and publishing lies a bounded ring. Events with transforms
// go through them on the way; one that cannot, now, is dropped and counted: it
// neither waits nor goes out untransformed.
type Telemetry struct {
	o    TelemetryOptions
	ring chan published

	held          atomic.Int64 // bytes of events in the ring
	sent, dropped atomic.Uint64
	unready       atomic.Uint64
	ended         atomic.Uint64
}

// published is an event with the transforms it goes through.
type published struct {
	entry      *outbox.Entry
	transforms []string
}

// maxRingBytes bounds the ring beside its number of events.
const maxRingBytes = 64 << 20

// TelemetryOptions are what a Telemetry is made of.
type TelemetryOptions struct {
	Name       string
	Ring       int // events held at most
	Transforms *Transforms
	Patience   time.Duration           // for a batch at its transforms; 0 for 5 s
	Signer     func() *delivery.Signer // as in Options
	To         Publisher
	Log        zerolog.Logger
	Observe    Observer    // as in Options, and without a lock
	Trace      TraceParent // as in Options
}

// patience is what telemetry has for its transforms: events older than that are
// of little use to who watches.
const patience = 5 * time.Second

// NewTelemetry returns a channel that publishes nothing until Run.
func NewTelemetry(o TelemetryOptions) *Telemetry {
	if o.Patience == 0 {
		o.Patience = patience
	}
	return &Telemetry{o: o, ring: make(chan published, o.Ring)}
}

// Publish puts an event that goes through these transforms into the ring. It
// does not block.
func (t *Telemetry) Publish(e *outbox.Entry, transforms []string) {
	size := int64(len(e.Event.Raw))
	if t.held.Add(size) <= maxRingBytes {
		select {
		case t.ring <- published{e, transforms}:
			return
		default: // the ring is full: telemetry is best effort, the newest goes, and is counted
		}
	}
	t.held.Add(-size)
	t.dropped.Add(1)
}

// Run publishes until ctx ends, then publishes what is left in the ring and, within
// Patience, what is at transforms.
func (t *Telemetry) Run(ctx context.Context) error {
	late, cancel := lateBy(ctx, t.o.Patience)
	defer cancel()
	var carrying sync.WaitGroup
	lines := make(map[string]*telemetryLine)
	route := func(p published) {
		now, name := time.Now(), chainName(p.transforms)
		l := lines[name]
		if l == nil {
			maps.DeleteFunc(lines, func(_ string, l *telemetryLine) bool { return l.rests(now) })
			l = newTelemetryLine(t, p.transforms)
			lines[name] = l
		}
		l.used = now
		l.enter(p.entry)
		if l.wanting() {
			carrying.Go(func() { l.run(late) })
		}
	}
	for ctx.Err() == nil {
		select {
		case p := <-t.ring:
			t.publish(p, route)
		case <-ctx.Done():
		}
	}
	for len(t.ring) > 0 {
		t.publish(<-t.ring, route)
	}
	carrying.Wait()
	return nil
}

// lateBy is a context that ends so long after ctx.
func lateBy(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-late.Done():
		case <-time.After(by):
			cancel()
		}
	})
	return late, func() { stop(); cancel() }
}

// publish signs and sends p with whatever else waits.
func (t *Telemetry) publish(p published, route func(published)) {
	// Whoever is about to publish goes first: what they bring shares one
	// signature. Nothing waits when nobody is.
	runtime.Gosched()
	now, signer := time.Now(), t.o.Signer()
	batch, entries := make([][][]byte, 0, 16), make([]*outbox.Entry, 0, 16)
	for more := true; more && len(batch) < delivery.MaxBatch; {
		t.held.Add(-int64(len(p.entry.Event.Raw)))
		if len(p.transforms) > 0 {
			route(p)
		} else {
			batch, entries = append(batch, t.frames(p.entry, nil, now, signer.KeyID())), append(entries, p.entry)
		}
		if more = len(batch) < delivery.MaxBatch; more {
			select {
			case p = <-t.ring:
			default:
				more = false
			}
		}
	}
	t.send(batch, entries, now, signer)
}

// send signs and sends a batch that was begun at now, with the entry of each.
func (t *Telemetry) send(batch [][][]byte, entries []*outbox.Entry, now time.Time, signer *delivery.Signer) {
	if len(batch) == 0 {
		return
	}
	if err := signer.Sign(batch); err != nil {
		t.dropped.Add(uint64(len(batch)))
		t.o.Log.Error().Err(err).Msg("telemetry cannot be signed")
		return
	}
	t.o.To.Publish(batch)
	t.sent.Add(uint64(len(batch)))
	if t.o.Observe == nil {
		return
	}
	at := time.Now()
	for _, e := range entries {
		t.o.Observe.Delivered(&Delivered{Channel: t.o.Name, Entry: e, Sent: now, At: at, End: EndPublished})
	}
}

// frames are those of an event that has left the ring; p is nil for one that
// goes as it was accepted.
func (t *Telemetry) frames(e *outbox.Entry, p *Passage, now time.Time, kid string) [][]byte {
	h := delivery.Header{ID: e.Event.ID, Source: e.Event.Source, Channel: t.o.Name, Accepted: e.Accepted,
		Expires: now.Add(minExpiry).Unix(), KeyID: kid}
	h.TraceParent = t.o.Trace.of(e, t.o.Name, 0)
	event := e.Event.Raw
	if p != nil {
		event, h.Transforms = p.Event.Raw, p.Applied
	}
	return [][]byte{[]byte(e.Event.Type), h.Append(make([]byte, 0, 256)), event, nil, nil}
}

// TelemetryFacts count what became of a telemetry channel's events.
type TelemetryFacts struct {
	Sent    uint64 `json:"sent"`
	Dropped uint64 `json:"dropped"` // the ring, or the line of their transforms, was full
	Unready uint64 `json:"unready"` // dropped because a transform was away, failed, or took too long
	Ended   uint64 `json:"ended"`   // dropped by a transform, on purpose
}

// Facts gives the counts. Their sum is how many events have left the ring or
// never got into it.
func (t *Telemetry) Facts() TelemetryFacts {
	return TelemetryFacts{Sent: t.sent.Load(), Dropped: t.dropped.Load(), Unready: t.unready.Load(), Ended: t.ended.Load()}
}

// Counts gives how many events were published, and how many were not.
func (t *Telemetry) Counts() (sent, dropped uint64) {
	f := t.Facts()
	return f.Sent, f.Dropped + f.Unready + f.Ended
}
