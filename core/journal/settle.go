package journal

import (
	"context"
	"fmt"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// settling is one call of Settle on its way to the disk.
type settling struct {
	outcomes []outbox.Outcome
	before   []past // of each, what its leg was told before
	over     []bool // of each, that there is nothing to write
	group    *group
	err      error
}

// past is what a leg was told before, as of a record.
type past struct {
	at       index.Place
	standing *standing
}

type legKey struct {
	channel string
	seq     uint64
}

// draft is a leg's new state that is not on disk yet.
type draft struct {
	*state
	at       index.Place // of its record
	settling *settling
}

// Settle implements outbox.Dispatching.
func (j *Journal) Settle(ctx context.Context, outcomes []outbox.Outcome) error {
	s := &settling{outcomes: outcomes, before: make([]past, len(outcomes)), over: make([]bool, len(outcomes))}
	if err := j.recall(s); err != nil {
		return err
	}
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return outbox.ErrClosed
	}
	if !j.unsent(s) { // nothing of it is to be kept
		j.takeBack(s)
		j.mu.Unlock()
		return nil
	}
	lead := j.gather.empty()
	s.group = j.gather
	j.gather.settles = append(j.gather.settles, s)
	g := s.group
	j.mu.Unlock()
	if lead {
		j.commit(g)
	} else {
		select {
		case <-g.done:
		case <-ctx.Done():
			return fmt.Errorf("journal: gave up while it was written: %w", ctx.Err())
		}
	}
	if s.err == nil { // else all of it is tried again
		j.mu.Lock()
		j.takeBack(s)
		j.mu.Unlock()
	}
	return s.err
}

// recall reads what legs were told before, where they were told anything.
func (j *Journal) recall(s *settling) error {
	j.mu.Lock()
	for i := range s.outcomes {
		o := &s.outcomes[i]
		j.now(o.At)
		if c := j.channels[o.Channel]; c != nil {
			if leg, ok := c.legs.Find(o.Seq); ok {
				s.before[i].at = leg.State
			}
		}
	}
	j.mu.Unlock()
	for i := range s.before {
		b := &s.before[i]
		if b.at == (index.Place{}) {
			continue
		}
		var err error
		if b.standing, err = j.readStanding(b.at, s.outcomes[i].Channel); err != nil {
			j.log.Error().Err(err).Uint64("seq", s.outcomes[i].Seq).Msg("a leg's history cannot be read, and is lost")
		}
	}
	return nil
}

// unsent marks what needs no record: hand-overs that never left. It reports
// whether anything else is there. Callers hold mu.
func (j *Journal) unsent(s *settling) (rest bool) {
	for i := range s.outcomes {
		o := &s.outcomes[i]
		leg, ok := j.outLeg(o)
		s.over[i] = isUnsent(o) && (!ok || o.Failures == leg.Failures && !o.Due.After(o.At) && o.What == "")
		rest = rest || !s.over[i]
	}
	return rest
}

// takeBack applies what unsent has marked, once all else is on disk: what is
// taken back may go out again at once, under the same attempt. Callers hold mu.
func (j *Journal) takeBack(s *settling) {
	for i := range s.outcomes {
		o := &s.outcomes[i]
		if _, ok := j.outLeg(o); ok && s.over[i] {
			c := j.channels[o.Channel]
			c.legs.Unsent(o.Seq)
			j.cache.back(o.Seq)
			c.signal()
		}
	}
}

// outLeg finds the hand-over an outcome speaks of. Callers hold mu.
func (j *Journal) outLeg(o *outbox.Outcome) (index.Leg, bool) {
	c := j.channels[o.Channel]
	if c == nil {
		return index.Leg{}, false
	}
	leg, ok := c.legs.Find(o.Seq)
	return leg, ok && leg.Out && leg.Attempt == o.Attempt
}

func isUnsent(o *outbox.Outcome) bool { return o.Action == outbox.Retry && o.Unsent }

// writeSettles puts the records of one call.
func (j *Journal) writeSettles(s *settling, drafts map[legKey]*draft) {
	for i := range s.outcomes {
		d := j.draft(s, i, drafts)
		if d == nil {
			continue
		}
		if s.err = j.putOutcome(d); s.err != nil {
			return
		}
		drafts[legKey{d.channel, d.seq}] = d
	}
}

// draft decides what an outcome does to its leg, nil for nothing.
func (j *Journal) draft(s *settling, i int, drafts map[legKey]*draft) *draft {
	o := &s.outcomes[i]
	j.mu.Lock()
	c := j.channels[o.Channel]
	var leg index.Leg
	found := false
	if c != nil && !s.over[i] {
		leg, found = c.legs.Find(o.Seq)
	}
	j.mu.Unlock()
	if !found {
		return nil
	}
	before := s.before[i].standing
	if prior := drafts[legKey{o.Channel, o.Seq}]; prior != nil {
		before = &prior.standing
		if prior.ended() {
			return nil
		}
		leg.Out = leg.Out && prior.staysOut()
		leg.Held, leg.Dead, leg.Past = prior.held, prior.dead(), prior.past
	} else if leg.State != s.before[i].at {
		var err error
		if before, err = j.readStanding(leg.State, o.Channel); err != nil {
			j.log.Error().Err(err).Uint64("seq", o.Seq).Msg("a leg's history cannot be read, and is lost")
		}
	}
	now, ok := decide(o, &leg)
	if !ok {
		return nil
	}
	now.tell(before, o)
	return &draft{state: &state{seq: o.Seq, channel: o.Channel, event: leg.Event, standing: now,
		told: told{attempt: max(o.Attempt, 0), what: o.What != "", unsent: o.Unsent}}, settling: s}
}

// decide gives how a leg stands after an outcome, and whether anything changes.
func decide(o *outbox.Outcome, leg *index.Leg) (standing, bool) {
	s := standing{stance: stance{action: o.Action, held: leg.Held, past: leg.Past}}
	s.past.State = index.Place{}
	s.past.Until = 0
	newest := o.Attempt == leg.Attempt
	switch o.Action {
	case outbox.Done:
		return s, !leg.Dead
	case outbox.Dropped:
		return s, true
	case outbox.Dead:
		s.held = false
		s.past.Due = 0
		s.past.Failures = max(leg.Failures, o.Failures)
		if o.Unsent {
			s.past.Attempt--
		}
		return s, !leg.Dead && (newest || o.Attempt == 0)
	case outbox.Retry:
		s.past.Failures = o.Failures
		if s.past.Due = 0; o.Due.After(o.At) {
			s.past.Due = outbox.Nanos(o.Due)
		}
		if o.Unsent {
			s.past.Attempt--
		}
		return s, !leg.Dead && leg.Out && newest
	case outbox.Redrive:
		s.past.Failures, s.past.Due, s.past.Since = 0, 0, outbox.Nanos(o.At)
		return s, leg.Dead
	case outbox.Hold:
		s.held = true
		return s, !leg.Dead && !leg.Held
	case outbox.Release:
		s.held = false
		return s, leg.Held
	case outbox.Lease:
		s.past.Until = outbox.Nanos(o.Due)
		return s, !leg.Dead && leg.Out && newest
	}
	return s, false
}

// applyState takes a leg's new state into the index. Callers hold mu.
func (j *Journal) applyState(d *draft) {
	n := d.note(d.at)
	j.pen.seg.notes.addState(&n)
	j.pen.seg.outcomes = max(j.pen.seg.outcomes, n.ordinal)
	if n.ordinal != 0 {
		j.newest.State = n.ordinal
		j.recent.add(recentFact{Position: j.newest, at: d.at, state: d.state})
	}
	c := j.channel(d.channel)
	leg, ok := c.legs.Find(d.seq)
	if !ok {
		return
	}
	if leg.Out && !d.staysOut() {
		j.cache.back(d.seq)
	}
	j.transit(c, &leg, &n)
	c.signal()
	if n.now.ended() || d.dead() {
		j.tellWaiters(d.seq)
	}
}

// transit makes a leg what a note says, and counts what its segments are
// needed for. Callers hold mu, or are alone.
func (j *Journal) transit(c *channel, leg *index.Leg, n *stateNote) {
	here := j.segment(n.at.Segment)
	here.newestEnd = max(here.newestEnd, n.now.at)
	if old := j.segment(leg.State.Segment); leg.State != (index.Place{}) && old != nil {
		old.states--
	}
	p := n.now.past
	p.State = n.at
	if n.now.ended() {
		here.ends.add(leg.Seq)
		if home := j.segment(leg.Event.Segment); home != nil {
			home.events--
			home.liveBytes -= leg.Size
			home.newestEnd = max(home.newestEnd, n.now.at)
		}
		c.legs.End(leg.Seq)
		return
	}
	here.states++
	if leg.Dead && n.now.action != outbox.Dead { // also when the record of that is gone
		c.legs.Redrive(leg.Seq, p)
	}
	switch n.now.action {
	case outbox.Dead:
		c.legs.Die(leg.Seq, p)
	case outbox.Retry:
		c.legs.Again(leg.Seq, p, n.now.at)
	case outbox.Lease:
		c.legs.Lease(leg.Seq, p)
	}
	switch {
	case n.now.held:
		c.legs.Hold(leg.Seq, p)
	case leg.Held:
		c.legs.Release(leg.Seq, p, n.now.at)
	}
}

// tellWaiters wakes who waits for an event's end, if that has come. Callers hold mu.
func (j *Journal) tellWaiters(seq uint64) {
	waiting := j.waiters[seq]
	if len(waiting) == 0 || j.isPending(seq) {
		return
	}
	for _, w := range waiting {
		close(w)
	}
	delete(j.waiters, seq)
}

// isPending reports whether any leg of an event is. Callers hold mu.
func (j *Journal) isPending(seq uint64) bool {
	for _, c := range j.channels {
		if leg, ok := c.legs.Find(seq); ok && !leg.Dead {
			return true
		}
	}
	return false
}
