package journal

import (
	"encoding/binary"
	"time"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// standing is how a leg stands after an outcome.
type standing struct {
	action  outbox.Action // the newest that changed it
	held    bool
	past    index.Past // but for its State
	at      int64      // when it happened
	reason  string
	result  []byte
	history []outbox.Try
}

// ended reports whether nothing can become of the leg any more.
func (s *standing) ended() bool { return s.action == outbox.Done || s.action == outbox.Dropped }

func (s *standing) dead() bool { return s.action == outbox.Dead }

// staysOut reports whether a hand-over that is out goes on.
func (s *standing) staysOut() bool {
	return s.action == outbox.Hold || s.action == outbox.Release || s.action == outbox.Lease
}

// state names it.
func (s *standing) state() outbox.State {
	switch s.action {
	case outbox.Done:
		return outbox.StateDone
	case outbox.Dead:
		return outbox.StateFailed
	case outbox.Dropped:
		return outbox.StateDropped
	}
	return outbox.StatePending
}

// maxTryReason is how much of a reason the history keeps, in bytes.
const maxTryReason = 128

// tell adds what an outcome tells to what was told before.
func (s *standing) tell(before *standing, o *outbox.Outcome) {
	s.at, s.reason, s.result = nanos(o.At), o.Reason, o.Result
	if before != nil {
		s.history = before.history
	}
	if o.What == "" {
		return
	}
	if len(s.history) >= outbox.MaxHistory {
		s.history = s.history[len(s.history)-outbox.MaxHistory+1:]
	}
	try := outbox.Try{Attempt: o.Attempt, At: o.At, What: o.What, Reason: o.Reason[:min(len(o.Reason), maxTryReason)]}
	s.history = append(s.history[:len(s.history):len(s.history)], try)
}

const flagHeld = 1

func (s *standing) appendTo(b []byte) []byte {
	var flags byte
	if s.held {
		flags = flagHeld
	}
	b = append(b, byte(s.action), flags)
	b = binary.AppendUvarint(b, uint64(s.past.Attempt))
	b = binary.AppendUvarint(b, uint64(s.past.Failures))
	for _, v := range [...]int64{s.past.Due, s.past.Since, s.past.Until, s.at} {
		b = binary.AppendVarint(b, v)
	}
	b = putString(b, s.reason)
	b = putBytes(b, s.result)
	b = binary.AppendUvarint(b, uint64(len(s.history)))
	for _, t := range s.history {
		b = binary.AppendUvarint(b, uint64(t.Attempt))
		b = binary.AppendVarint(b, nanos(t.At))
		b = putString(putString(b, t.What), t.Reason)
	}
	return b
}

// standing reads one.
func (r *reader) standing() *standing {
	s := &standing{action: outbox.Action(r.byte())}
	if s.action > outbox.Lease {
		r.fail()
	}
	s.held = r.byte()&flagHeld != 0
	s.past.Attempt, s.past.Failures = r.small(), r.small()
	s.past.Due, s.past.Since, s.past.Until, s.at = r.int(), r.int(), r.int(), r.int()
	s.reason = r.string()
	if result := r.bytes(); len(result) > 0 {
		s.result = append([]byte(nil), result...)
	}
	n := r.small()
	if n > outbox.MaxHistory {
		r.fail()
	}
	for range n {
		if r.bad {
			break
		}
		t := outbox.Try{Attempt: r.small(), At: instant(r.int())}
		t.What, t.Reason = r.string(), r.string()
		s.history = append(s.history, t)
	}
	return s
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
