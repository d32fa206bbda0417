package journal

import (
	"encoding/binary"

	"github.com/headgate-io/headgate/core/journal/index"
)

// state is a state record: how one leg stands. Event is where the record of
// its event lay then.
type state struct {
	seq     uint64
	channel string
	event   index.Place
	standing
}

// text encodes the record's kind and body.
func (s *state) text() []byte {
	b := make([]byte, 0, 64+len(s.channel)+len(s.reason)+len(s.result))
	b = append(b, byte(kindState))
	b = binary.AppendUvarint(b, s.seq)
	b = putString(b, s.channel)
	b = putPlace(b, s.event)
	return s.appendTo(b)
}

// parseState reads a state's text.
func parseState(text []byte) (*state, error) {
	r := &reader{rest: text[1:]}
	s := &state{seq: r.uint(), channel: r.string(), event: r.place()}
	s.standing = *r.standing()
	if r.bad || len(r.rest) > 0 {
		return nil, errBody
	}
	return s, nil
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
