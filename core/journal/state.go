package journal

import (
	"encoding/binary"
	"math"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// state is a state record: how one leg stands. Event is where the record of
// its event lay then. What an outcome has made has the outcome's ordinal; other
// states, and those of format 1, have none, and are told to nobody.
type state struct {
	seq     uint64
	channel string
	event   index.Place
	standing
	ordinal uint64
	told
}

// told is what an outcome has told beside how the leg stands after it.
type told struct {
	attempt int  // that it spoke of
	what    bool // the newest line of the history is its
	unsent  bool
}

const (
	flagWhat   = 1
	flagUnsent = 2
	toldFlags  = 2 // bits below the attempt
)

// text encodes the record's kind and body.
func (s *state) text() []byte {
	b := make([]byte, 0, 64+len(s.channel)+len(s.reason)+len(s.result))
	b = append(b, byte(kindState))
	b = binary.AppendUvarint(b, s.seq)
	b = putString(b, s.channel)
	b = s.standing.appendTo(putPlace(b, s.event))
	if s.ordinal == 0 {
		return b
	}
	return s.told.appendTo(binary.AppendUvarint(b, s.ordinal))
}

func (t *told) appendTo(b []byte) []byte {
	v := uint64(t.attempt) << toldFlags
	if t.what {
		v |= flagWhat
	}
	if t.unsent {
		v |= flagUnsent
	}
	return binary.AppendUvarint(b, v)
}

// parseState reads a state's text.
func parseState(text []byte) (*state, error) {
	r := &reader{rest: text[1:]}
	s := &state{seq: r.uint(), channel: r.string(), event: r.place()}
	s.standing = *r.standing()
	if len(r.rest) > 0 {
		if s.ordinal, s.told = r.uint(), r.told(); s.ordinal == 0 {
			r.fail()
		}
	}
	if r.bad || len(r.rest) > 0 || s.what && len(s.history) == 0 {
		return nil, errBody
	}
	return s, nil
}

func (r *reader) told() told {
	v := r.uint()
	if v>>toldFlags > math.MaxInt32 {
		r.fail()
	}
	return told{attempt: int(v >> toldFlags), what: v&flagWhat != 0, unsent: v&flagUnsent != 0}
}

// outcome is what has made a state that has an ordinal.
func (s *state) outcome() outbox.Outcome {
	o := outbox.Outcome{Seq: s.seq, Channel: s.channel, Action: s.action, Attempt: s.attempt, Unsent: s.unsent, Failures: s.past.Failures,
		At: outbox.Instant(s.at), Reason: s.reason, Result: s.result}
	switch s.action {
	case outbox.Retry:
		o.Due = outbox.Instant(s.past.Due)
	case outbox.Lease:
		o.Due = outbox.Instant(s.past.Until)
	}
	if s.what {
		o.What = s.history[len(s.history)-1].What
	}
	return o
}

// sent is a sent record: legs of channel up to seq may have been handed out.
type sent struct {
	channel string
	seq     uint64
}

func (s *sent) text() []byte {
	return binary.AppendUvarint(putString([]byte{byte(kindSent)}, s.channel), s.seq)
}

func parseSent(text []byte) (*sent, error) {
	r := &reader{rest: text[1:]}
	s := &sent{channel: r.string(), seq: r.uint()}
	if r.bad || len(r.rest) > 0 {
		return nil, errBody
	}
	return s, nil
}

// markText is a mark record: the segment was synced up to an offset.
func markText(synced int64) []byte {
	return binary.AppendUvarint([]byte{byte(kindMark)}, uint64(synced))
}

// sealText is a seal record: the segment ends here. A clean one is the end of a
// journal that was closed, and says that nothing was handed out that no record
// tells of.
func sealText(clean bool) []byte {
	if clean {
		return []byte{byte(kindSeal), 1}
	}
	return []byte{byte(kindSeal)}
}

// isClean reports whether a seal's text is a clean one's.
func isClean(text []byte) bool { return len(text) == 2 && kind(text[0]) == kindSeal && text[1] == 1 }
