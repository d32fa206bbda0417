package dispatch

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const (
	// carriers is how many batches of one chain of a channel are at its
	// transforms at once: enough to keep a plugin busy while others travel.
	carriers = 4

	// maxBatchBytes bounds the data of a batch, well below what one call may
	// carry; an event that is larger goes alone.
	maxBatchBytes = 4 << 20

	// After failures of a whole batch a chain is left alone for that long.
	awayMin = 100 * time.Millisecond
	awayMax = 30 * time.Second

	// The same refusal of whole batches is logged no more often: it may last, and
	// come and go with single batches.
	refusalPause = 10 * time.Minute

	// restTime is how long a chain that nothing comes for is remembered: longer
	// than any pause that hangs on what it did last.
	restTime = refusalPause
)

// line is what waits for one chain of transforms on one channel. It has carriers
// while something does: a chain that no route names any more costs nothing. All but
// its constants belong to Channel.mu.
type line struct {
	names []string
	chain chain

	passages []*Passage
	carriers int       // at work
	called   bool      // one of them has begun, and has not looked yet
	used     time.Time // when something came last
	awaited  bool      // somebody waits for the chain to be there
	outages  int       // so far
	failures int       // outages in a row without a batch that came through
	refusal  string    // the last of a whole batch that was logged
	refused  time.Time
}

// rests reports whether nothing has come for so long that what is known of the
// line is of no use.
func (l *line) rests(now time.Time) bool {
	return l.carriers == 0 && len(l.passages) == 0 && now.Sub(l.used) >= restTime
}

// batch is what goes through the transforms of a line together, and what became of
// it there.
type batch struct {
	passages []*Passage
	outages  int // that the line had seen when it began

	results []result
	stuck   []*Passage
	err     error
}

// enter puts a passage into the line of its chain. Callers hold mu.
func (c *Channel) enter(p *Passage) {
	names := p.Item.Target.Transforms
	now := c.o.Now()
	l := c.lines[chainName(names)]
	if l == nil {
		maps.DeleteFunc(c.lines, func(_ string, l *line) bool { return l.rests(now) })
		l = &line{names: names, chain: chain{names, c.o.Transforms, told(c.o.Observe, c.o.Name)}}
		c.lines[chainName(names)] = l
	}
	l.used = now
	l.passages = append(l.passages, p)
	c.call(l)
}

// call has one more carrier look at a line, if there may be more. Callers hold mu.
func (c *Channel) call(l *line) {
	if l.called || l.carriers == carriers {
		return
	}
	l.called = true
	l.carriers++
	c.begin(l)
}

// carry takes what is in a line through its transforms, a batch at a time, until
// nothing is.
func (c *Channel) carry(ctx context.Context, l *line) {
	for b := c.batch(l); len(b.passages) > 0 && ctx.Err() == nil; b = c.batch(l) {
		b.results, b.stuck, b.err = l.chain.apply(ctx, b.passages)
		if c.arrived(ctx, l, &b) {
			c.await(ctx, l, b.err)
		}
	}
}

// batch takes from a line what may go together. With nothing the carrier is at its
// end.
func (c *Channel) batch(l *line) batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.called = false
	b := batch{outages: l.outages}
	now, bytes := c.o.Now(), 0
	for len(l.passages) > 0 && len(b.passages) < delivery.MaxBatch {
		p := l.passages[0]
		size := len(p.Event.Data)
		if len(b.passages) > 0 && bytes+size > maxBatchBytes {
			break
		}
		l.passages = l.passages[1:]
		if c.m.Wanted(now, p) {
			b.passages, bytes = append(b.passages, p), bytes+size
		}
	}
	switch {
	case len(l.passages) > 0:
		c.call(l)
	case len(b.passages) == 0:
		l.carriers--
	}
	c.flush()
	return b
}

// arrived takes a batch back. It reports whether the chain has gone away and the
// caller is who waits for it.
func (c *Channel) arrived(ctx context.Context, l *line, b *batch) (await bool) {
	c.change(func(now time.Time) {
		for i := range b.results {
			c.m.Transformed(now, b.results[i].Passage, b.results[i].Outcome)
			c.tellResult(&b.results[i])
		}
		switch {
		case b.err == nil:
			l.failures = 0
		case ctx.Err() != nil: // Run gives back what is stuck
		default:
			c.m.Away(l.names, append(b.stuck, l.passages...))
			l.passages = nil
			if b.outages == l.outages { // else it began before one that is counted
				l.outages++
				l.failures++
			}
			await = !l.awaited
			l.awaited = true
		}
	})
	return await
}

// await waits until a chain that went away can be gone through again, or until
// nothing waits any more for one that nobody knows.
func (c *Channel) await(ctx context.Context, l *line, why error) {
	away := c.tellAway(l, why)
	c.mu.Lock()
	failures := l.failures
	c.mu.Unlock()
	select {
	case <-time.After(backoff(awayMin, awayMax, failures, rand.Float64())):
	case <-ctx.Done():
	}
	back := l.chain.await(ctx)
	for !back && c.o.Store.Stats().Channels[c.o.Name].Shelved > 0 {
		back = l.chain.await(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	c.change(func(time.Time) {
		l.awaited = false
		c.m.Back(l.names)
	})
	if away && back {
		c.o.Log.Info().Strs("transforms", l.names).Msg("transforms are there again")
	}
}

// tellAway logs why events wait, and reports whether a transform is away: it may
// be there and refuse whole batches.
func (c *Channel) tellAway(l *line, why error) (away bool) {
	log := c.o.Log.With().Strs("transforms", l.names).Logger()
	var at *trouble
	switch {
	case !errors.As(why, &at) || errors.Is(why, sdk.ErrUnavailable):
		log.Warn().Err(why).Msg("events wait for their transforms")
	case !errors.Is(why, errUnknown):
		if c.refused(l, why.Error()) {
			log.Error().Str("transform", at.transform).Err(why).Msg("a transform refuses whole batches: events wait, and come again until it takes them")
		}
		return false
	case c.o.Transforms.missing(at.transform):
		log.Error().Err(why).Msg("events are held, for nothing leaves untransformed: put the transform back into the configuration, or cancel them")
	}
	return true
}

// refused notes what a whole batch came to, and reports whether that is news.
func (c *Channel) refused(l *line, refusal string) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if l.refusal == refusal && now.Sub(l.refused) < refusalPause {
		return false
	}
	l.refusal, l.refused = refusal, now
	return true
}

// tellResult logs an event that a transform could not take.
func (c *Channel) tellResult(r *result) {
	if r.Verdict != sdk.Fail {
		return
	}
	log := r.tell(c.o.Log.Warn())
	if r.Retry {
		log.Msg("a transform failed")
		return
	}
	log.Msg("dead letter: a transform cannot take it")
}
