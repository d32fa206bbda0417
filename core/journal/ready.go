package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// Ready implements outbox.Dispatching.
func (j *Journal) Ready(name string, now time.Time, most int) ([]outbox.Item, time.Time, error) {
	at := j.now(now)
	j.reading.RLock()
	c, t, items, err := j.take(name, at, most)
	if err == nil && t.Wall != 0 && len(items) < most {
		j.reading.RUnlock()
		err = j.extend(c, t.Wall+uint64(most-len(items))) // as far as is asked for, at once
		j.reading.RLock()
		if err == nil {
			var rest index.Taken
			var more []outbox.Item
			if _, rest, more, err = j.take(name, at, most-len(items)); err == nil {
				rest.Legs = append(t.Legs, rest.Legs...)
				t, items = rest, append(items, more...)
			}
		}
	}
	if err != nil && len(items) == 0 {
		j.reading.RUnlock()
		return nil, time.Time{}, err
	}
	unreadable := j.fetch(c, items, t.Legs)
	j.reading.RUnlock()
	if t.More || t.Wall != 0 || err != nil { // the rest next time
		c.signal()
	}
	return j.whole(c, items, unreadable), outbox.Instant(t.Next), nil
}

// whole gives the items that could be read; the others are buried.
func (j *Journal) whole(c *channel, items []outbox.Item, bad []unreadable) []outbox.Item {
	for _, u := range bad {
		j.bury(c, u)
	}
	whole := items[:0]
	for _, i := range items {
		if i.Entry != nil {
			i.Target = target(i.Entry, c.name)
			whole = append(whole, i)
		}
	}
	return whole
}

// take hands out legs, with the entries that are in memory.
func (j *Journal) take(name string, now int64, most int) (*channel, index.Taken, []outbox.Item, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.channels[name]
	if c == nil {
		return nil, index.Taken{}, nil, fmt.Errorf("outbox: no channel %q", name)
	}
	if j.closed {
		return nil, index.Taken{}, nil, outbox.ErrClosed
	}
	t := c.legs.Take(now, most, c.sent)
	c.hungry = t.Dry && most > 0
	return c, t, j.items(c, t.Legs), nil
}

// items are legs that were handed out, with their entries as far as those are
// in memory. Callers hold mu.
func (j *Journal) items(c *channel, legs []index.Leg) []outbox.Item {
	items := make([]outbox.Item, len(legs))
	for i, l := range legs {
		c.cursor = max(c.cursor, l.Seq)
		items[i] = outbox.Item{Seq: l.Seq, Entry: j.cache.out(l.Seq), Attempt: l.Attempt, Failures: l.Failures, Since: outbox.Instant(l.Since),
			Until: outbox.Instant(l.Until)}
	}
	return items
}

func target(e *outbox.Entry, channel string) outbox.Target {
	for _, t := range e.Targets {
		if t.Channel == channel {
			return t
		}
	}
	return outbox.Target{Channel: channel}
}

// extend records that more may be handed out on a channel.
func (j *Journal) extend(c *channel, to uint64) error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return outbox.ErrClosed
	}
	c.cursor = max(c.cursor, to)
	g := j.gather
	lead := g.empty()
	g.raise = append(g.raise, c)
	j.mu.Unlock()
	if lead {
		j.commit(g)
	}
	<-g.done
	return g.err
}

// unreadable is a leg whose event cannot be read.
type unreadable struct {
	leg index.Leg
	err error
}

// fetch reads the entries that are not in memory. Callers hold reading.
func (j *Journal) fetch(c *channel, items []outbox.Item, legs []index.Leg) []unreadable {
	var bad []unreadable
	for i := range items {
		if items[i].Entry == nil {
			e, err := j.readEvent(legs[i].Event, legs[i].Size)
			if err != nil {
				bad = append(bad, unreadable{legs[i], err})
				continue
			}
			items[i].Entry = e.entry
			j.mu.Lock()
			if leg, ok := c.legs.Find(e.seq); ok && leg.Out && leg.Attempt == legs[i].Attempt { // it may have ended meanwhile
				j.cache.read(e)
			}
			j.mu.Unlock()
		}
		if items[i].Since.IsZero() {
			items[i].Since = items[i].Entry.Accepted
		}
	}
	return bad
}

// readEvent reads an event record. Callers hold reading.
func (j *Journal) readEvent(at index.Place, guess int64) (*event, error) {
	text, err := j.readRecord(at, guess)
	if err != nil {
		return nil, err
	}
	if kind(text[0]) != kindEvent {
		return nil, fmt.Errorf("%s: record at %d is no event: %w", segmentName(at.Segment), at.Offset, ErrDamaged)
	}
	e, err := parseEvent(text)
	if err != nil {
		return nil, fmt.Errorf("%s: event at %d: %w: %w", segmentName(at.Segment), at.Offset, ErrDamaged, err)
	}
	return e, nil
}

// readRecord reads a record's text. Callers hold reading.
func (j *Journal) readRecord(at index.Place, guess int64) ([]byte, error) {
	j.mu.Lock()
	s := j.segment(at.Segment)
	j.mu.Unlock()
	if s == nil {
		return nil, fmt.Errorf("%s: it is gone: %w", segmentName(at.Segment), ErrDamaged)
	}
	return s.read(at.Offset, guess)
}

// readStanding reads how a leg stood as of a record of its, nil for none.
func (j *Journal) readStanding(at index.Place, channel string) (*standing, error) {
	j.reading.RLock()
	defer j.reading.RUnlock()
	return j.standingAt(at, channel)
}

// standingAt is readStanding for who holds reading.
func (j *Journal) standingAt(at index.Place, channel string) (*standing, error) {
	if at == (index.Place{}) {
		return nil, nil
	}
	text, err := j.readRecord(at, 0)
	if err != nil {
		return nil, err
	}
	switch kind(text[0]) {
	case kindState:
		s, err := parseState(text)
		if err != nil {
			return nil, fmt.Errorf("%s: state at %d: %w", segmentName(at.Segment), at.Offset, err)
		}
		return &s.standing, nil
	case kindEvent: // a copied one says how its legs stood
		e, err := parseHead(text)
		if err != nil {
			return nil, fmt.Errorf("%s: event at %d: %w", segmentName(at.Segment), at.Offset, err)
		}
		for i, t := range e.entry.Targets {
			if t.Channel == channel {
				return e.legs[i], nil
			}
		}
	}
	return nil, fmt.Errorf("%s: record at %d is no state of it: %w", segmentName(at.Segment), at.Offset, ErrDamaged)
}

// bury makes a leg whose event is damaged a dead letter that says so. One that
// only cannot be read now comes again after a while.
func (j *Journal) bury(c *channel, u unreadable) {
	j.log.Error().Err(u.err).Str("channel", c.name).Uint64("seq", u.leg.Seq).Msg("an event cannot be read")
	at := j.seen.Load()
	if errors.Is(u.err, ErrDamaged) {
		j.mu.Lock()
		j.stats.Damaged++
		j.mu.Unlock()
		o := outbox.Outcome{Seq: u.leg.Seq, Channel: c.name, Action: outbox.Dead, Attempt: u.leg.Attempt, Failures: u.leg.Failures, At: outbox.Instant(at),
			What: "damaged", Reason: u.err.Error()}
		if j.Settle(context.Background(), []outbox.Outcome{o}) == nil {
			return
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if leg, ok := c.legs.Find(u.leg.Seq); ok && leg.Out && leg.Attempt == u.leg.Attempt {
		p := leg.Past
		p.Attempt-- // nobody got it
		p.Due = at + int64(readAgain)
		c.legs.Again(leg.Seq, p, at)
		c.signal()
	}
}

// readAgain is the wait until an event is read again after the disk failed.
const readAgain = 5 * time.Second

// Resume implements outbox.Dispatching.
func (j *Journal) Resume(name string) ([]outbox.Item, error) {
	j.reading.RLock()
	j.mu.Lock()
	c := j.channels[name]
	if c == nil {
		j.mu.Unlock()
		j.reading.RUnlock()
		return nil, fmt.Errorf("outbox: no channel %q", name)
	}
	legs := c.legs.Resume(j.seen.Load())
	items := j.items(c, legs)
	j.mu.Unlock()
	bad := j.fetch(c, items, legs)
	j.reading.RUnlock()
	return j.whole(c, items, bad), nil
}

// Wake implements outbox.Dispatching.
func (j *Journal) Wake(name string) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.channel(name).wake
}
