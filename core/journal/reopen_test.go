package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// reopened checks a journal that was opened again against what was
// acknowledged. What it shows is taken for durable: it must stay from now on.
func (o *oracle) reopened(j *journal.Journal) error {
	o.lying, o.opened = nil, nil // nobody remembers it
	for _, f := range o.facts {
		for _, l := range f.legs {
			l.shelf = nil
		}
	}
	for _, id := range o.order {
		if err := o.settleDoubt(j, id); err != nil {
			return err
		}
	}
	for _, c := range channels {
		items, err := j.Resume(c)
		if err == nil {
			err = o.resumed(c, items)
		}
		if err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}
	return o.agrees(j)
}

// settleDoubt looks what has become of an event, and makes it what is known.
func (o *oracle) settleDoubt(j *journal.Journal, id string) error {
	f := o.facts[id]
	st, err := j.Lookup(context.Background(), outbox.Key{Source: source, ID: id})
	switch {
	case errors.Is(err, outbox.ErrNotFound):
		if f.is == stored && f.asked(o.now) {
			return fmt.Errorf("%s, sequence %d, is lost: %+v", id, f.seq, f.legs)
		}
		if f.is == unknown {
			f.is = absent
		}
		return nil
	case err != nil:
		return fmt.Errorf("lookup of %s: %w", id, err)
	case f.is == absent:
		return fmt.Errorf("%s is there, and was not stored: %+v", id, st)
	case f.is == unknown:
		if err := o.store(f, f.entry, st.Seq); err != nil {
			return err
		}
	}
	if st.Seq != f.seq || len(st.Channels) != len(f.legs) {
		return fmt.Errorf("%s is %+v, sequence was %d", id, st, f.seq)
	}
	if st.Entry != nil && string(st.Entry.Event.Raw) != string(f.entry.Event.Raw) {
		return fmt.Errorf("%s is another event", id)
	}
	for i := range st.Channels {
		c := &st.Channels[i]
		l := f.legs[c.Channel]
		possible := append([]standing{l.is}, l.may...)
		at := slices.IndexFunc(possible, func(s standing) bool { return s.shown(c) })
		if at < 0 {
			return fmt.Errorf("%s on %s is %+v, possible is %+v", id, c.Channel, c, possible)
		}
		l.is, l.may, l.out = possible[at], nil, false
		l.slack++
	}
	return nil
}

// shown reports whether a status tells a standing.
func (s *standing) shown(c *outbox.ChannelStatus) bool {
	same := func(a, b outbox.Try) bool {
		return a.Attempt == b.Attempt && a.What == b.What && a.Reason == b.Reason && a.At.Equal(b.At)
	}
	return c.State == s.state && c.Held == s.held && c.Failures == s.failures && c.Reason == s.reason && string(c.Result) == s.result &&
		(c.At.Equal(s.at) || s.at.IsZero()) && slices.EqualFunc(c.History, s.history, same)
}

// agrees checks counts and identities.
func (o *oracle) agrees(j *journal.Journal) error {
	if err := j.Verify(context.Background()); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	stats := j.Stats()
	if stats.Disk.Damaged != 0 {
		return fmt.Errorf("%d records are damaged", stats.Disk.Damaged)
	}
	for _, c := range channels {
		got, want := stats.Channels[c], o.counts(c)
		got.Bytes = 0
		if got != want {
			return fmt.Errorf("stats of %s are %+v, want %+v", c, got, want)
		}
	}
	for _, id := range o.order {
		f := o.facts[id]
		if f.is != stored || !f.remembered(o.now) {
			continue
		}
		other := *f.entry
		other.Digest[0] ^= 1
		for _, e := range []*outbox.Entry{f.entry, &other} {
			if err := o.appended(e, j.Append(context.Background(), e)[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

const source = "/rig"

// newEntry makes one with so many bytes of data.
func newEntry(id string, data []byte, targets ...outbox.Target) *outbox.Entry {
	e, err := sdk.ParseEvent(fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":%q,"type":"t","data":%q}`, id, source, data))
	if err != nil {
		panic(err) // the test is wrong
	}
	return &outbox.Entry{Event: e, Digest: e.Digest(), Targets: targets, Principal: sdk.Principal{Provider: "p", Subject: "s"},
		Proof: sdk.Proof{Transport: "hmac"}}
}
