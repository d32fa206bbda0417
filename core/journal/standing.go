package journal

import (
	"encoding/binary"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// stance is how a leg stands after an outcome.
type stance struct {
	action outbox.Action // the newest that changed it
	held   bool
	past   index.Past // but for its State
	at     int64      // when it happened
}

// standing is a stance with what was told.
type standing struct {
	stance
	reason  string
	result  []byte
	history []outbox.Try
}

// ended reports whether nothing can become of the leg any more.
func (s *stance) ended() bool { return s.action == outbox.Done || s.action == outbox.Dropped }

func (s *stance) dead() bool { return s.action == outbox.Dead }

// staysOut reports whether a hand-over that is out goes on.
func (s *stance) staysOut() bool {
	return s.action == outbox.Hold || s.action == outbox.Release || s.action == outbox.Lease
}

// state names it.
func (s *stance) state() outbox.State {
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

// tell adds what an outcome tells to what was told before.
func (s *standing) tell(before *standing, o *outbox.Outcome) {
	s.at, s.reason, s.result = outbox.Nanos(o.At), o.Reason, o.Result
	if before != nil {
		s.history = before.history
	}
	s.history = o.AddTo(s.history)
}

const flagHeld = 1

func (s *stance) appendTo(b []byte) []byte {
	var flags byte
	if s.held {
		flags = flagHeld
	}
	b = append(b, byte(s.action), flags)
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.past.Attempt)), uint64(s.past.Failures))
	for _, v := range [...]int64{s.past.Due, s.past.Since, s.past.Until, s.at} {
		b = binary.AppendVarint(b, v)
	}
	return b
}

func (r *reader) stance() stance {
	s := stance{action: outbox.Action(r.byte()), held: r.byte()&flagHeld != 0}
	if s.action > outbox.Lease {
		r.fail()
	}
	s.past.Attempt, s.past.Failures = r.small(), r.small()
	s.past.Due, s.past.Since, s.past.Until, s.at = r.int(), r.int(), r.int(), r.int()
	return s
}

func (s *standing) appendTo(b []byte) []byte {
	b = putBytes(putString(s.stance.appendTo(b), s.reason), s.result)
	b = binary.AppendUvarint(b, uint64(len(s.history)))
	for _, t := range s.history {
		b = binary.AppendUvarint(b, uint64(t.Attempt))
		b = binary.AppendVarint(b, outbox.Nanos(t.At))
		b = putString(putString(b, t.What), t.Reason)
	}
	return b
}

func (r *reader) standing() *standing {
	s := &standing{stance: r.stance()}
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
		t := outbox.Try{Attempt: r.small(), At: outbox.Instant(r.int())}
		t.What, t.Reason = r.string(), r.string()
		s.history = append(s.history, t)
	}
	return s
}
