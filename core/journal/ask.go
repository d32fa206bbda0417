package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// Lookup implements outbox.Asking.
func (j *Journal) Lookup(_ context.Context, key outbox.Key) (outbox.Status, error) {
	seq, err := j.sequence(key)
	if err != nil {
		return outbox.Status{}, err
	}
	st, err := j.status(seq)
	if err != nil {
		return outbox.Status{}, err
	}
	if st.Key != key {
		return outbox.Status{}, outbox.ErrNotFound
	}
	return st, nil
}

// sequence gives the newest entry of a key.
func (j *Journal) sequence(key outbox.Key) (uint64, error) {
	if seq, err := strconv.ParseUint(key.ID, 10, 64); err == nil && key.Source == damagedSource {
		return seq, nil
	}
	id := ids.Hash(key.Hash())
	j.mu.Lock()
	seq, ok := j.cache.names[id]
	j.mu.Unlock()
	if ok {
		return seq, nil
	}
	known, found, err := j.ids.Find(id)
	if err != nil {
		return 0, fmt.Errorf("journal: identities: %w", err)
	}
	if !found || known.Seq == 0 {
		return 0, outbox.ErrNotFound
	}
	return known.Seq, nil
}

// Await implements outbox.Asking.
func (j *Journal) Await(ctx context.Context, key outbox.Key) (outbox.Status, error) {
	seq, err := j.sequence(key)
	if err != nil {
		return outbox.Status{}, err
	}
	j.mu.Lock()
	if !j.isPending(seq) || j.closed {
		j.mu.Unlock()
		return j.Lookup(ctx, key)
	}
	w := make(chan struct{})
	j.waiters[seq] = append(j.waiters[seq], w)
	j.mu.Unlock()
	select {
	case <-w:
	case <-ctx.Done():
	}
	j.mu.Lock()
	rest := slices.DeleteFunc(j.waiters[seq], func(x chan struct{}) bool { return x == w })
	if j.waiters[seq] = rest; len(rest) == 0 {
		delete(j.waiters, seq)
	}
	j.mu.Unlock()
	return j.Lookup(ctx, key)
}

// view is what the index knows of an event at one moment.
type view struct {
	entry *outbox.Entry // nil when it is not in memory
	legs  map[string]index.Leg
}

func (j *Journal) view(seq uint64) view {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := view{legs: make(map[string]index.Leg, 1)}
	if x := j.cache.entries[seq]; x != nil {
		v.entry = x.entry
		for i := range x.entry.Targets {
			name := x.entry.Targets[i].Channel
			if leg, ok := j.channels[name].legs.Find(seq); ok {
				v.legs[name] = leg
			}
		}
		return v
	}
	for name, c := range j.channels {
		if leg, ok := c.legs.Find(seq); ok {
			v.legs[name] = leg
		}
	}
	return v
}

// status tells where an event is, by the index for legs that have not ended,
// by their records for those that have.
func (j *Journal) status(seq uint64) (outbox.Status, error) {
	j.reading.RLock()
	defer j.reading.RUnlock()
	v := j.view(seq)
	e := &event{seq: seq, entry: v.entry}
	var ends map[string]*state
	if v.entry == nil || len(v.legs) < len(v.entry.Targets) {
		var err error
		if ends, err = j.ends(seq, len(v.legs) > 0); err != nil {
			return outbox.Status{}, err
		}
	}
	if v.entry == nil || len(v.legs)+len(ends) < len(v.entry.Targets) { // a copied record says how they ended
		at, ok := v.place(ends)
		if !ok {
			return outbox.Status{}, outbox.ErrNotFound
		}
		read, err := j.readEvent(at, 0)
		switch {
		case errors.Is(err, ErrDamaged) && len(v.legs) == 0:
			return outbox.Status{}, outbox.ErrNotFound
		case errors.Is(err, ErrDamaged):
			return j.nameless(seq, &v)
		case err != nil:
			return outbox.Status{}, err
		}
		e = read
	}
	st := outbox.Status{Key: e.entry.Key(), Seq: seq, Type: e.entry.Event.Type, Principal: e.entry.Principal, Proof: e.entry.Proof, KeyID: e.entry.Facts.Key, Accepted: e.entry.Accepted}
	newest := int64(0)
	for i := range e.entry.Targets {
		t := e.entry.Targets[i]
		leg, lives := v.legs[t.Channel]
		c := outbox.ChannelStatus{Target: t}
		switch {
		case lives:
			if err := j.showLeg(&c, leg); err != nil {
				return outbox.Status{}, err
			}
			newest = j.seen.Load()
		case ends[t.Channel] != nil:
			show(&c, &ends[t.Channel].standing)
		case i < len(e.legs) && e.legs[i] != nil:
			show(&c, e.legs[i])
		default:
			return outbox.Status{}, outbox.ErrNotFound // its end is not kept any more
		}
		newest = max(newest, outbox.Nanos(c.At))
		st.Channels = append(st.Channels, c)
	}
	if len(v.legs) > 0 {
		st.Entry = e.entry
	} else if newest+int64(j.o.KeepStatus) < j.seen.Load() {
		return outbox.Status{}, outbox.ErrNotFound
	}
	return st, nil
}

// damagedSource stands for the source of an event that cannot be read any
// more; its sequence stands for its id.
const damagedSource = "headgate:damaged"

// nameless tells where an event is that cannot be read. Callers hold reading.
func (j *Journal) nameless(seq uint64, v *view) (outbox.Status, error) {
	st := outbox.Status{Key: outbox.Key{Source: damagedSource, ID: strconv.FormatUint(seq, 10)}, Seq: seq, Type: "damaged"}
	for name, leg := range v.legs {
		c := outbox.ChannelStatus{Target: outbox.Target{Channel: name}}
		if err := j.showLeg(&c, leg); err != nil {
			return st, err
		}
		st.Channels = append(st.Channels, c)
	}
	return st, nil
}

// place is where the event's record lies.
func (v *view) place(ends map[string]*state) (index.Place, bool) {
	for _, leg := range v.legs {
		return leg.Event, true
	}
	var newest index.Place // the event may have been copied between two ends
	for _, s := range ends {
		if s.event.Segment > newest.Segment {
			newest = s.event
		}
	}
	return newest, newest != (index.Place{})
}

// showLeg fills in the status of a leg that has not ended. Callers hold reading.
func (j *Journal) showLeg(c *outbox.ChannelStatus, leg index.Leg) error {
	s, err := j.standingAt(leg.State, c.Channel)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	show(c, s)
	if err != nil {
		c.Reason = "what it was told before cannot be read"
	}
	c.State, c.Attempt, c.Failures, c.Out, c.Held, c.Due = outbox.StatePending, leg.Attempt, leg.Failures, leg.Out, leg.Held, outbox.Instant(leg.Due)
	if leg.Dead {
		c.State = outbox.StateFailed
	}
	return nil
}

// show fills in a status from a standing, nil for none.
func show(c *outbox.ChannelStatus, s *standing) {
	if s == nil {
		return
	}
	c.State, c.Attempt, c.Failures, c.Due, c.At = s.state(), s.past.Attempt, s.past.Failures, outbox.Instant(s.past.Due), outbox.Instant(s.at)
	c.Reason, c.Result, c.History = s.reason, s.result, s.history
}

// ends gives the records of an event's legs that have ended, by channel, as far
// as they are kept. Callers hold reading.
func (j *Journal) ends(seq uint64, forgotten bool) (map[string]*state, error) {
	j.mu.Lock()
	type where struct {
		s       *segment
		offsets map[string]uint32 // nil to ask the summary
	}
	var list []where
	for _, s := range slices.Backward(j.segments) {
		if !s.ends.has(seq) || s.forgotten && !forgotten {
			continue
		}
		w := where{s: s}
		if s.notes != nil {
			w.offsets = s.notes.find(seq)
		}
		list = append(list, w)
	}
	j.mu.Unlock()
	found := make(map[string]*state)
	for _, w := range list {
		if w.offsets == nil {
			var err error
			if w.offsets, err = w.s.summary.find(seq); err != nil {
				return nil, fmt.Errorf("%s: %w", summaryName(w.s.number), err)
			}
		}
		for channel, offset := range w.offsets {
			if found[channel] != nil {
				continue
			}
			text, err := w.s.read(offset, 0)
			if err != nil {
				return nil, err
			}
			s, err := parseState(text)
			if err != nil || kind(text[0]) != kindState {
				return nil, fmt.Errorf("%s: state at %d: %w", w.s.name(), offset, ErrDamaged)
			}
			if s.seq == seq {
				found[channel] = s
			}
		}
	}
	return found, nil
}

// find gives the offsets of the ends of a sequence's legs, by channel.
func (n *notes) find(seq uint64) map[string]uint32 {
	found := make(map[string]uint32)
	for name, number := range n.channels {
		if offset, ok := n.finals[final{seq, number}]; ok {
			found[name] = offset
		}
	}
	return found
}
