package journal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/outbox"
)

// oracle is what a careful caller of a journal knows: what was acknowledged,
// and what may or may not be there because nobody answered.
type oracle struct {
	now    time.Time
	facts  map[string]*fact // by id
	order  []string         // ids, in order of their first append
	seqs   map[uint64]string
	newest uint64 // sequence
	// how often which outcome has changed something, or may have
	changed, doubted map[string]int
	lying            []*shelf
	opened           []*shelf // in the order in which they were
}

// shelf is what was put on one until it was named.
type shelf struct {
	channel, name string
	legs          []*leg
}

// presence is whether an event is stored.
type presence uint8

const (
	absent  presence = iota
	unknown          // its append has failed, or was not answered
	stored
)

// fact is what is known of one event.
type fact struct {
	entry *outbox.Entry
	seq   uint64
	is    presence
	slack int             // of its legs, from while it was unknown
	legs  map[string]*leg // by channel
}

// leg is what is known of one event on one channel.
type leg struct {
	outbox.Target
	is      standing
	may     []standing // what outcomes that were not acknowledged may have made of it
	out     bool
	attempt int  // the highest that was given
	slack   int  // how many it may be given beyond that, for restarts
	moved   bool // a dead letter that was redriven keeps no order
	shelf   *shelf
	leased  bool // the last record may be of a lease: what was given since it lapsed may be given again
}

// standing is what is told of a leg.
type standing struct {
	state    outbox.State
	held     bool
	failures int
	due      time.Time
	at       time.Time
	reason   string
	result   string
	history  []outbox.Try
}

func newOracle() *oracle {
	return &oracle{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), facts: make(map[string]*fact), seqs: make(map[uint64]string),
		changed: make(map[string]int), doubted: make(map[string]int)}
}

func (o *oracle) clone() *oracle {
	c := *o
	c.changed, c.doubted = maps.Clone(o.changed), maps.Clone(o.doubted)
	c.lying, c.opened = nil, nil // what outlives this oracle is opened again
	c.order, c.seqs, c.facts = slices.Clone(o.order), maps.Clone(o.seqs), make(map[string]*fact, len(o.facts))
	for id, f := range o.facts {
		n := *f
		n.legs = make(map[string]*leg, len(f.legs))
		for name, l := range f.legs {
			m := *l
			m.may, m.shelf = slices.Clone(l.may), nil
			n.legs[name] = &m
		}
		c.facts[id] = &n
	}
	return &c
}

// fact gives that of an entry, a new one if need be.
func (o *oracle) fact(e *outbox.Entry) *fact {
	f := o.facts[e.Event.ID]
	if f == nil {
		f = new(fact)
		o.facts[e.Event.ID] = f
		o.order = append(o.order, e.Event.ID)
	}
	return f
}

// appended takes in what an append said. It gives what is wrong with that.
func (o *oracle) appended(e *outbox.Entry, got outbox.Appended) error {
	f := o.fact(e)
	switch {
	case got.Err != nil:
		if f.is == absent && !isNothing(got.Err) {
			f.is, f.entry = unknown, e
		}
		return nil
	case f.is == stored && f.remembered(o.now):
		want := outbox.Duplicate
		if e.Digest != f.entry.Digest {
			want = outbox.Conflict
		}
		if got.Verdict != want || got.Seq != f.seq || !got.Durable {
			return fmt.Errorf("append of %s, which is stored as %d: %+v", e.Event.ID, f.seq, got)
		}
		return nil
	case f.is == stored: // may be forgotten
		if got.Verdict != outbox.Stored {
			return nil
		}
	case got.Verdict != outbox.Stored || !got.Durable:
		return fmt.Errorf("append of %s, which is not stored: %+v", e.Event.ID, got)
	}
	return o.store(f, e, got.Seq)
}

func isNothing(err error) bool {
	for _, known := range []error{outbox.ErrChannelFull, outbox.ErrFull, outbox.ErrDiskFull, outbox.ErrFailing, outbox.ErrBusy, outbox.ErrIDsFull,
		outbox.ErrClosed} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

func (o *oracle) store(f *fact, e *outbox.Entry, seq uint64) error {
	if other, taken := o.seqs[seq]; taken || seq <= o.newest {
		return fmt.Errorf("%s has sequence %d, %d was given before, to %s", e.Event.ID, seq, o.newest, other)
	}
	o.seqs[seq], o.newest = e.Event.ID, seq
	f.entry, f.seq, f.is, f.legs = e, seq, stored, make(map[string]*leg)
	for _, t := range e.Targets {
		f.legs[t.Channel] = &leg{Target: t, is: standing{state: outbox.StatePending}, slack: f.slack}
	}
	f.slack = 0
	return nil
}

const (
	remember   = time.Hour
	keepStatus = 30 * time.Minute
)

func (f *fact) remembered(now time.Time) bool {
	return !f.ended() || !f.entry.Accepted.Add(remember).Before(now)
}

func (f *fact) ended() bool {
	for _, l := range f.legs {
		if !l.is.ended() {
			return false
		}
	}
	return true
}

// asked reports whether the status must still be told at now: its key finds it
// for as long as the identity is remembered.
func (f *fact) asked(now time.Time) bool {
	if !f.ended() {
		return true
	}
	if f.entry.Accepted.Add(remember).Before(now) {
		return false
	}
	for _, l := range f.legs {
		if !l.is.at.Add(keepStatus).Before(now) {
			return true
		}
	}
	return false
}

func (s *standing) ended() bool {
	return s.state == outbox.StateDone || s.state == outbox.StateDropped
}

// after gives what an outcome makes of a leg, and whether it is to change anything.
func (s standing) after(o *outbox.Outcome, l *leg) (standing, bool) {
	dead, newest := s.state == outbox.StateFailed, o.Attempt == l.attempt
	if s.ended() {
		return s, false
	}
	changes := false
	switch o.Action {
	case outbox.Done:
		changes = !dead
		s.state, s.held = outbox.StateDone, false
	case outbox.Dropped:
		changes = true
		s.state, s.held = outbox.StateDropped, false
	case outbox.Dead:
		changes = !dead && newest
		s.state, s.held, s.failures = outbox.StateFailed, false, max(s.failures, o.Failures)
	case outbox.Retry:
		changes = !dead && l.out && newest
		s.failures, s.due = o.Failures, o.Due
	case outbox.Redrive:
		changes = dead
		s.state, s.failures, s.due = outbox.StatePending, 0, time.Time{}
	case outbox.Hold:
		changes = !dead && !s.held
		s.held = true
	case outbox.Release:
		changes = s.held
		s.held = false
	case outbox.Lease:
		changes = !dead && l.out && newest
		s.due = time.Time{}
	}
	s.at, s.reason, s.result = o.At, o.Reason, string(o.Result)
	if o.What != "" {
		try := outbox.Try{Attempt: o.Attempt, At: o.At, What: o.What, Reason: o.Reason}
		s.history = append(s.history[max(0, len(s.history)-outbox.MaxHistory+1):len(s.history):len(s.history)], try)
	}
	return s, changes
}

// settled takes in that outcomes were acknowledged, or were not.
func (o *oracle) settled(outcomes []outbox.Outcome, err error) {
	for i := range outcomes {
		x := &outcomes[i]
		l := o.facts[o.seqs[x.Seq]].legs[x.Channel]
		if x.Action == outbox.Retry && x.Unsent && x.What == "" && x.Due.IsZero() && x.Failures == l.is.failures && l.out && x.Attempt == l.attempt {
			if err == nil { // else it is tried again with the others
				l.out = false
				l.attempt--
				l.slack++ // a record may have counted it while it was out
			}
			continue
		}
		from := l.is
		if n := len(l.may); err != nil && n > 0 {
			from = l.may[n-1]
		}
		next, changes := from.after(x, l)
		if !changes {
			continue
		}
		l.leased = x.Action == outbox.Lease || l.leased && (err != nil || x.Action == outbox.Hold || x.Action == outbox.Release)
		l.moved = l.moved || x.Action == outbox.Redrive && !l.Park
		if err != nil {
			l.may = append(l.may, next)
			o.doubted[outcomeKey(x)]++
			continue
		}
		o.changed[outcomeKey(x)]++
		l.is, l.may = next, nil
		switch x.Action {
		case outbox.Hold, outbox.Release, outbox.Lease:
		default:
			l.out = false
			if x.Unsent && x.Action == outbox.Retry {
				l.attempt--
			}
		}
	}
}

// looked takes in what a journal that goes on shows of outcomes that it gave an
// error for: some may have been written before that.
func (o *oracle) looked(j *journal.Journal, outcomes []outbox.Outcome) error {
	for i := range outcomes {
		f := o.facts[o.seqs[outcomes[i].Seq]]
		l := f.legs[outcomes[i].Channel]
		if len(l.may) == 0 {
			continue
		}
		st, err := j.Lookup(context.Background(), f.entry.Key())
		if err != nil {
			return err
		}
		for i := range st.Channels {
			c := &st.Channels[i]
			if c.Channel != l.Channel || l.is.shown(c) {
				continue
			}
			at := slices.IndexFunc(l.may, func(s standing) bool { return s.shown(c) })
			if at < 0 {
				return fmt.Errorf("%s on %s is %+v, possible is %+v", f.entry.Event.ID, c.Channel, c, l)
			}
			l.is, l.may, l.out = l.may[at], nil, c.Out
		}
	}
	return nil
}

// given takes in what Ready handed out, of up to most.
func (o *oracle) given(channel string, items []outbox.Item, most int) error {
	for i := range items {
		x := &items[i]
		f, l, err := o.found(channel, x)
		switch {
		case err != nil:
			return err
		case l.is.state != outbox.StatePending || l.is.held || l.is.due.After(o.now) || l.out:
			return fmt.Errorf("%s was handed out, which is %+v, out %t", x.Entry.Event.ID, l.is, l.out)
		case x.Attempt <= l.attempt && !l.leased || x.Attempt > l.attempt+1+l.slack:
			return fmt.Errorf("%s was handed out as attempt %d after %d, with %d restarts between", x.Entry.Event.ID, x.Attempt, l.attempt, l.slack)
		case x.Failures != l.is.failures:
			return fmt.Errorf("%s has %d failures, not %d", x.Entry.Event.ID, x.Failures, l.is.failures)
		}
		if err := o.inOrder(f, l); err != nil {
			return err
		}
		if err := o.met(channel, l); err != nil {
			return err
		}
		l.out, l.attempt, l.slack = true, x.Attempt, 0
	}
	if len(items) < most {
		return o.met(channel, nil)
	}
	return nil
}

// met takes what lies before a leg off the open shelves, and the leg; all of it
// for none.
func (o *oracle) met(channel string, l *leg) error {
	if l != nil && l.shelf == nil {
		return nil
	}
	for i := 0; i < len(o.opened); {
		s := o.opened[i]
		if s.channel != channel {
			i++
			continue
		}
		for len(s.legs) > 0 {
			first := s.legs[0]
			first.shelf, s.legs = nil, s.legs[1:]
			if first == l {
				return nil
			}
		}
		o.opened = slices.Delete(o.opened, i, i+1)
	}
	if l != nil {
		return fmt.Errorf("it was handed out, and lies on shelf %s of %s: %+v", l.shelf.name, channel, l)
	}
	return nil
}

// shelved takes in what was put on a shelf.
func (o *oracle) shelved(channel, name string, legs []*leg) {
	i := slices.IndexFunc(o.lying, func(s *shelf) bool { return s.channel == channel && s.name == name })
	if i < 0 {
		i = len(o.lying)
		o.lying = append(o.lying, &shelf{channel: channel, name: name})
	}
	for _, l := range legs {
		l.out, l.shelf = false, o.lying[i]
		l.attempt--
		l.slack++ // a record may have counted it while it was out
	}
	o.lying[i].legs = append(o.lying[i].legs, legs...)
}

func (o *oracle) unshelved(channel, name string) {
	i := slices.IndexFunc(o.lying, func(s *shelf) bool { return s.channel == channel && s.name == name })
	if i >= 0 {
		o.opened = append(o.opened, o.lying[i])
		o.lying = slices.Delete(o.lying, i, i+1)
	}
}

// outs gives what is out on a channel.
func (o *oracle) outs(channel string) (items []outbox.Item, legs []*leg) {
	for _, id := range o.order {
		f := o.facts[id]
		if l := f.legs[channel]; f.is == stored && l != nil && l.out && !l.leased { // a lease is the last word
			items = append(items, outbox.Item{Seq: f.seq, Target: l.Target, Entry: f.entry, Attempt: l.attempt})
			legs = append(legs, l)
		}
	}
	return items, legs
}

// resumed takes in what Resume handed out.
func (o *oracle) resumed(channel string, items []outbox.Item) error {
	for i := range items {
		x := &items[i]
		f, l, err := o.found(channel, x)
		switch {
		case err != nil:
			return err
		case !l.leased || l.is.state != outbox.StatePending || l.is.held || x.Attempt > l.attempt:
			return fmt.Errorf("%s was resumed: %+v, which is %+v", x.Entry.Event.ID, x, l)
		}
		if err := o.inOrder(f, l); err != nil {
			return err
		}
		l.out, l.slack = true, 0
	}
	return nil
}

func (o *oracle) found(channel string, x *outbox.Item) (*fact, *leg, error) {
	f := o.facts[x.Entry.Event.ID]
	if f == nil || f.is != stored || f.seq != x.Seq || f.legs[channel] == nil {
		return nil, nil, fmt.Errorf("%s, sequence %d, was handed out on %s: known is %+v", x.Entry.Event.ID, x.Seq, channel, f)
	}
	if string(x.Entry.Event.Raw) != string(f.entry.Event.Raw) || x.Entry.Digest != f.entry.Digest || x.Target.Order != f.legs[channel].Order {
		return nil, nil, fmt.Errorf("%s was handed out as another", x.Entry.Event.ID)
	}
	return f, f.legs[channel], nil
}

// inOrder checks that a leg's turn has come: of its lane nothing else is out,
// and what came before has ended.
func (o *oracle) inOrder(f *fact, l *leg) error {
	if l.Order == "" {
		return nil
	}
	for id, other := range o.facts {
		b := other.legs[l.Channel]
		if other == f || b == nil || b.Order != l.Order {
			continue
		}
		if b.out {
			return fmt.Errorf("%s and %s of lane %s are out", id, f.entry.Event.ID, l.Order)
		}
		blocks := b.is.state == outbox.StatePending || b.is.state == outbox.StateFailed && b.Park
		if other.seq < f.seq && blocks && !b.moved && !l.moved {
			return fmt.Errorf("%s went out before %s of lane %s, which is %s", f.entry.Event.ID, id, l.Order, b.is.state)
		}
	}
	return nil
}

// restarted notes that a hand-over may be counted for every leg.
func (o *oracle) restarted() {
	for _, f := range o.facts {
		if f.is == unknown {
			f.slack++
		}
		for _, l := range f.legs {
			l.slack++
		}
	}
}

// counts gives what stats are to say of a channel.
func (o *oracle) counts(channel string) (s outbox.ChannelStats) {
	for _, f := range o.facts {
		l := f.legs[channel]
		switch {
		case f.is != stored || l == nil:
		case l.is.state == outbox.StatePending:
			s.Pending++
			if l.out {
				s.Out++
			}
			switch {
			case l.is.held:
				s.Held++
			case l.shelf != nil && !slices.Contains(o.opened, l.shelf):
				s.Shelved++
			}
		case l.is.state == outbox.StateFailed:
			s.Dead++
		}
	}
	return s
}

func (l *leg) String() string { return fmt.Sprintf("%+v", *l) }
