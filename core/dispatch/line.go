package dispatch

import (
	"context"
	"errors"
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
)

// line is what waits for one chain of transforms on one channel. All but its
// constants belong to Channel.mu.
type line struct {
	names []string
	chain chain
	kick  chan struct{} // something waits

	passages []*Passage
	awaited  bool // somebody waits for the chain to be there
	failures int  // batches in a row that came to nothing
}

// enter puts a passage into the line of its chain. Callers hold mu.
func (c *Channel) enter(p *Passage) {
	names := p.Item.Target.Transforms
	l := c.lines[chainName(names)]
	if l == nil {
		l = &line{names: names, chain: newChain(names, c.o.Transforms), kick: make(chan struct{}, 1)}
		c.lines[chainName(names)] = l
		c.begin(l)
	}
	l.passages = append(l.passages, p)
	signal(l.kick)
}

// carry takes what is in a line through its transforms, a batch at a time.
func (c *Channel) carry(ctx context.Context, l *line) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.kick:
		}
		for batch := c.batch(l); len(batch) > 0 && ctx.Err() == nil; batch = c.batch(l) {
			results, stuck, err := l.chain.apply(ctx, batch)
			if c.arrived(ctx, l, results, stuck, err) {
				c.await(ctx, l, err)
			}
		}
	}
}

// batch takes from a line what may go together.
func (c *Channel) batch(l *line) []*Passage {
	c.mu.Lock()
	defer c.mu.Unlock()
	var batch []*Passage
	now, bytes := c.o.Now(), 0
	for len(l.passages) > 0 && len(batch) < delivery.MaxBatch {
		p := l.passages[0]
		size := len(p.Event.Data)
		if len(batch) > 0 && bytes+size > maxBatchBytes {
			break
		}
		l.passages = l.passages[1:]
		if c.m.Wanted(now, p) {
			batch, bytes = append(batch, p), bytes+size
		}
	}
	if len(l.passages) > 0 {
		signal(l.kick) // for another carrier
	}
	c.flush()
	return batch
}

// arrived takes a batch back. It reports whether the chain has gone away and the
// caller is who waits for it.
func (c *Channel) arrived(ctx context.Context, l *line, results []result, stuck []*Passage, err error) (await bool) {
	c.change(func(now time.Time) {
		for i := range results {
			c.m.Transformed(now, results[i].Passage, results[i].Outcome)
			c.tellResult(&results[i])
		}
		switch {
		case err == nil:
			l.failures = 0
		case ctx.Err() != nil: // Run gives back what is stuck
		default:
			c.m.Away(l.names, append(stuck, l.passages...))
			l.passages = nil
			l.failures++
			await = !l.awaited
			l.awaited = true
		}
	})
	return await
}

// await waits until a chain that went away can be gone through again.
func (c *Channel) await(ctx context.Context, l *line, why error) {
	log := c.o.Log.With().Strs("transforms", l.names).Logger()
	if errors.Is(why, errUnknown) {
		log.Error().Err(why).Msg("events are held, for nothing leaves untransformed: put the transform back into the configuration, or cancel them")
	} else {
		log.Warn().Err(why).Msg("events wait for their transforms")
	}
	c.mu.Lock()
	failures := l.failures
	c.mu.Unlock()
	select {
	case <-time.After(backoff(awayMin, awayMax, failures, rand.Float64())):
	case <-ctx.Done():
	}
	l.chain.await(ctx)
	if ctx.Err() != nil {
		return
	}
	c.change(func(time.Time) {
		l.awaited = false
		c.m.Back(l.names)
	})
	log.Info().Msg("transforms are there again")
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
