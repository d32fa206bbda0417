package memory

import (
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// entryCost is what an entry takes beside its bytes: record, legs, strings.
const entryCost = 512

func sizeOf(e *outbox.Entry) int64 { return int64(len(e.Event.Raw)) + entryCost }

// record is one event and its legs, one per channel. Its entry goes when
// nothing needs it any more; the rest stays to be asked for.
type record struct {
	seq       uint64
	key       outbox.Key
	kind      string // the event's type
	principal sdk.Principal
	accepted  time.Time
	size      int64
	entry     *outbox.Entry
	legs      []leg
}

// leg is an event on one channel.
type leg struct {
	outbox.ChannelStatus
	record *record
	heapAt int // place among the due ones, -1 for none
}

func newRecord(seq uint64, e *outbox.Entry) *record {
	r := &record{seq: seq, key: e.Key(), kind: e.Event.Type, principal: e.Principal, accepted: e.Accepted, size: sizeOf(e), entry: e,
		legs: make([]leg, len(e.Targets))}
	for i, t := range e.Targets {
		r.legs[i] = leg{ChannelStatus: outbox.ChannelStatus{Target: t, State: outbox.StatePending}, record: r, heapAt: -1}
	}
	return r
}

func (r *record) leg(channel string) *leg {
	for i := range r.legs {
		if r.legs[i].Channel == channel {
			return &r.legs[i]
		}
	}
	return nil
}

func (r *record) final() bool {
	return !slices.ContainsFunc(r.legs, func(l leg) bool { return l.State == outbox.StatePending })
}

func (r *record) anyFailed() bool {
	return slices.ContainsFunc(r.legs, func(l leg) bool { return l.State == outbox.StateFailed })
}

func (r *record) fits(f outbox.Filter) bool {
	if f.Source != "" && f.Source != r.key.Source || f.Type != "" && f.Type != r.kind {
		return false
	}
	if f.Channel == "" && f.State == "" {
		return true
	}
	return slices.ContainsFunc(r.legs, func(l leg) bool {
		return (f.Channel == "" || l.Channel == f.Channel) && (f.State == "" || l.State == f.State)
	})
}

func (r *record) status() outbox.Status {
	st := outbox.Status{Key: r.key, Seq: r.seq, Entry: r.entry, Type: r.kind, Principal: r.principal, Accepted: r.accepted,
		Channels: make([]outbox.ChannelStatus, len(r.legs))}
	for i := range r.legs {
		st.Channels[i] = r.legs[i].ChannelStatus
		st.Channels[i].History = slices.Clone(r.legs[i].History)
	}
	return st
}

// held reports whether the leg's bytes count for its channel.
func (l *leg) held() bool { return l.State == outbox.StatePending || l.State == outbox.StateFailed }

// note adds a line to the history, which keeps the newest ones.
func (l *leg) note(o *outbox.Outcome) {
	if o.What == "" {
		return
	}
	if len(l.History) == outbox.MaxHistory {
		l.History = append(l.History[:0], l.History[1:]...)
	}
	l.History = append(l.History, outbox.Try{Attempt: o.Attempt, At: o.At, What: o.What, Reason: o.Reason})
}
