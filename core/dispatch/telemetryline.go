package dispatch

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const (
	// maxLine and maxLineBytes bound what waits for one chain of transforms, so
	// that a slow one takes nothing from the others.
	maxLine      = 4 * delivery.MaxBatch
	maxLineBytes = 16 << 20
)

// telemetryLine takes a channel's events through one chain of transforms. It is
// carried while something waits: a chain that no route names any more costs nothing.
type telemetryLine struct {
	t        *Telemetry
	names    []string
	chain    chain
	passages chan *Passage
	held     atomic.Int64 // bytes of events in passages
	carried  atomic.Bool
	used     time.Time // when something came last

	failing  bool // the last batch came to nothing
	refusing bool // the last batch had events that a transform could not take
}

func newTelemetryLine(t *Telemetry, names []string) *telemetryLine {
	return &telemetryLine{t: t, names: names, chain: chain{names, t.o.Transforms, told(t.o.Observe, t.o.Name)}, passages: make(chan *Passage, maxLine)}
}

// enter puts an event into the line. It does not block.
func (l *telemetryLine) enter(e *outbox.Entry) {
	size := int64(len(e.Event.Raw))
	if l.held.Add(size) <= maxLineBytes {
		select {
		case l.passages <- newPassage(outbox.Item{Entry: e}):
			return
		default: // the line is full: the newest goes, and is counted
		}
	}
	l.held.Add(-size)
	l.t.dropped.Add(1)
}

// wanting reports whether something waits that nobody carries; then it is the
// caller's.
func (l *telemetryLine) wanting() bool {
	return len(l.passages) > 0 && l.carried.CompareAndSwap(false, true)
}

// rests reports whether nothing has come for so long that what is known of the
// line is of no use.
func (l *telemetryLine) rests(now time.Time) bool {
	return now.Sub(l.used) >= restTime && !l.carried.Load()
}

// run publishes what comes through, until the line is empty.
func (l *telemetryLine) run(ctx context.Context) {
	for more := true; more; more = l.wanting() {
		for batch := l.batch(); len(batch) > 0; batch = l.batch() {
			l.carry(ctx, batch)
		}
		l.carried.Store(false)
	}
}

// batch takes what may go together.
func (l *telemetryLine) batch() (batch []*Passage) {
	for bytes := 0; len(batch) < delivery.MaxBatch && bytes < maxBatchBytes; {
		select {
		case p := <-l.passages:
			l.held.Add(-int64(len(p.Item.Entry.Event.Raw)))
			batch, bytes = append(batch, p), bytes+len(p.Event.Data)
		default:
			return batch
		}
	}
	return batch
}

func (l *telemetryLine) carry(ctx context.Context, batch []*Passage) {
	ctx, cancel := context.WithTimeout(ctx, l.t.o.Patience)
	defer cancel()
	results, stuck, err := l.chain.apply(ctx, batch)
	l.t.unready.Add(uint64(len(stuck)))
	l.tell(err)
	now, signer := time.Now(), l.t.o.Signer()
	refused := 0
	through := make([][][]byte, 0, len(results))
	var entries []*outbox.Entry
	for i := range results {
		switch r := &results[i]; r.Verdict {
		case sdk.Drop:
			l.t.ended.Add(1)
		case sdk.Fail:
			l.t.unready.Add(1)
			if refused++; !l.refusing {
				l.refusing = true // one stands for all, until a batch has none
				r.tell(l.t.o.Log.Warn()).Msg("dropped: a transform cannot take it")
			}
		default:
			through = append(through, l.t.frames(r.Item.Entry, r.Passage, now, signer.KeyID()))
			entries = append(entries, r.Item.Entry)
		}
	}
	l.refusing = refused > 0
	l.t.send(through, entries, now, signer)
}

// tell logs the beginning and the end of a failure.
func (l *telemetryLine) tell(err error) {
	if l.failing == (err != nil) {
		return
	}
	l.failing = err != nil
	log := l.t.o.Log.With().Strs("transforms", l.names).Logger()
	switch {
	case err == nil:
		log.Info().Msg("transforms are there again")
	case errors.Is(err, errUnknown):
		log.Error().Err(err).Msg("events are dropped, for nothing leaves untransformed: put the transform back into the configuration")
	default:
		log.Warn().Err(err).Msg("events are dropped while their transforms are away")
	}
}
