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
	proof     sdk.Proof
	keyID     string
	accepted  int64 // Unix nanoseconds, as all times here: they hold no pointer
	size      int64
	entry     *outbox.Entry
	legs      []leg
	alone     [1]leg // where legs lie when there is one
}

// leg is an event on one channel.
type leg struct {
	record   *record
	target   *outbox.Target
	told     *told  // nil while nothing was
	shelf    *shelf // that it lies on, opened or not; nil for none
	due, at  int64  // 0 for never
	redriven int64  // 0 for never
	attempt  int32
	failures int32
	heapAt   int32 // place among the due ones, -1 for none
	state    state
	out      bool
	queued   bool // lies among the fresh, to be handed out
	held     bool // by an operator
}

// since is from when its age counts.
func (l *leg) since() time.Time {
	if l.redriven != 0 {
		return outbox.Instant(l.redriven)
	}
	return outbox.Instant(l.record.accepted)
}

// told is what a leg has been told beside its state.
type told struct {
	reason  string
	result  []byte
	history []outbox.Try
}

// state is outbox.State in a byte.
type state uint8

const (
	pending state = iota
	done
	failed
	dropped
)

// states names them.
var states = [...]outbox.State{pending: outbox.StatePending, done: outbox.StateDone, failed: outbox.StateFailed, dropped: outbox.StateDropped}

func newRecord(seq uint64, e *outbox.Entry) *record {
	r := &record{seq: seq, key: e.Key(), kind: e.Event.Type, principal: e.Principal, proof: e.Proof, keyID: e.Facts.Key, accepted: outbox.Nanos(e.Accepted), size: sizeOf(e), entry: e}
	r.legs = r.alone[:]
	if len(e.Targets) > 1 {
		r.legs = make([]leg, len(e.Targets))
	}
	for i := range e.Targets {
		r.legs[i] = leg{record: r, target: &e.Targets[i], heapAt: -1}
	}
	return r
}

func (r *record) leg(channel string) *leg {
	for i := range r.legs {
		if r.legs[i].target.Channel == channel {
			return &r.legs[i]
		}
	}
	return nil
}

func (r *record) final() bool { return !r.any(pending) }

func (r *record) any(s state) bool {
	for i := range r.legs {
		if r.legs[i].state == s {
			return true
		}
	}
	return false
}

func (r *record) fits(f outbox.Filter) bool {
	if f.Source != "" && f.Source != r.key.Source || f.Type != "" && f.Type != r.kind ||
		f.Principal != "" && f.Principal != r.principal.String() || !f.ByKey(r.principal, r.proof, r.keyID) {
		return false
	}
	if f.Channel == "" && f.State == "" && !f.Held {
		return true
	}
	for i := range r.legs {
		l := &r.legs[i]
		if (f.Channel == "" || l.target.Channel == f.Channel) && (f.State == "" || states[l.state] == f.State) && (!f.Held || l.held) {
			return true
		}
	}
	return false
}

func (r *record) status() outbox.Status {
	st := outbox.Status{Key: r.key, Seq: r.seq, Entry: r.entry, Type: r.kind, Principal: r.principal, Proof: r.proof, KeyID: r.keyID, Accepted: outbox.Instant(r.accepted),
		Channels: make([]outbox.ChannelStatus, len(r.legs))}
	for i := range r.legs {
		l := &r.legs[i]
		c := outbox.ChannelStatus{Target: *l.target, State: states[l.state], Attempt: int(l.attempt), Failures: int(l.failures), Out: l.out, Held: l.held,
			Due: outbox.Instant(l.due), At: outbox.Instant(l.at)}
		if l.told != nil {
			c.Reason, c.Result, c.History = l.told.reason, l.told.result, slices.Clone(l.told.history)
		}
		st.Channels[i] = c
	}
	return st
}

// counts reports whether the leg's bytes count for its channel.
func (l *leg) counts() bool { return l.state == pending || l.state == failed }

// note keeps what an outcome tells: its reason, its result, and a line of the
// history, which keeps the newest ones.
func (l *leg) note(o *outbox.Outcome) {
	l.at = outbox.Nanos(o.At)
	if l.told == nil {
		if o.Reason == "" && o.What == "" && o.Result == nil {
			return
		}
		l.told = new(told)
	}
	l.told.reason, l.told.result, l.told.history = o.Reason, o.Result, o.AddTo(l.told.history)
}

// takenBack reports whether an outcome only takes back a hand-over that never
// left, so that nothing of it is kept.
func (l *leg) takenBack(o *outbox.Outcome) bool {
	return o.Action == outbox.Retry && o.Unsent && o.Failures == int(l.failures) && !o.Due.After(o.At) && o.What == ""
}

// tryCost is what a line of the history takes beside its reason.
const tryCost = 96

// size is what was told takes, in bytes.
func (t *told) size() int64 {
	if t == nil {
		return 0
	}
	n := len(t.reason) + len(t.result)
	for i := range t.history {
		n += tryCost + len(t.history[i].Reason)
	}
	return int64(n)
}
