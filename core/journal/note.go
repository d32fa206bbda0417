package journal

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// eventNote is what the index needs of an event record.
type eventNote struct {
	seq      uint64
	at       index.Place
	size     int64 // of the record
	id       ids.Hash
	digest   ids.Digest
	accepted int64
	legs     []legNote
}

// legNote is what the index needs of one of its legs.
type legNote struct {
	channel string
	lane    uint64
	park    bool
	now     *stance // nil when nothing had happened to it
}

// stateNote is what the index needs of a state record.
type stateNote struct {
	seq     uint64
	channel string
	at      index.Place
	event   index.Place
	now     stance
	ordinal uint64 // as its record has it: the notes' text has none
}

func (e *event) note(at index.Place, size int64) eventNote {
	n := eventNote{seq: e.seq, at: at, size: size, id: e.id, digest: ids.Digest(e.entry.Digest[:16]), accepted: outbox.Nanos(e.entry.Accepted),
		legs: make([]legNote, len(e.entry.Targets))}
	for i := range e.entry.Targets {
		t := &e.entry.Targets[i]
		n.legs[i] = legNote{channel: t.Channel, lane: laneHash(t.Order), park: t.Park}
		if i < len(e.legs) && e.legs[i] != nil {
			n.legs[i].now = &e.legs[i].stance
		}
	}
	return n
}

// leg is what the index keeps of one of an event's legs.
func (n *eventNote) leg(i int) index.Leg {
	l := &n.legs[i]
	leg := index.Leg{Seq: n.seq, Event: n.at, Lane: l.lane, Park: l.park, Size: index.Size(n.size)}
	if l.now != nil {
		leg.Dead, leg.Held, leg.Past = l.now.dead(), l.now.held, l.now.past
		leg.Past.State = n.at
	}
	return leg
}

func (s *state) note(at index.Place) stateNote {
	return stateNote{seq: s.seq, channel: s.channel, at: at, event: s.event, now: s.stance, ordinal: s.ordinal}
}

// notes are the notes of one segment in the order of its records, encoded, as
// a summary file has them.
type notes struct {
	text     []byte
	channels map[string]int // numbers, in order of their first use
	finals   map[final]uint32
	newest   int64  // time of anything in it
	outcomes uint64 // highest ordinal of an outcome
	clean    bool   // it ends with a clean seal
}

// final names the end of a leg; the notes have the offset of its record.
type final struct {
	seq     uint64
	channel int
}

func newNotes() *notes {
	return &notes{channels: make(map[string]int), finals: make(map[final]uint32)}
}

// The entries of the text.
const (
	noteChannel = 'c' // the next number's name
	noteEvent   = 'e'
	noteState   = 's'
	noteSent    = 'w'
)

func (n *notes) channel(name string) int {
	number, known := n.channels[name]
	if !known {
		number = len(n.channels)
		n.channels[name] = number
		n.text = putString(append(n.text, noteChannel), name)
	}
	return number
}

func (n *notes) addEvent(e *eventNote) {
	for i := range e.legs {
		n.channel(e.legs[i].channel)
	}
	n.newest = max(n.newest, e.accepted)
	b := append(n.text, noteEvent)
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(e.at.Offset)), uint64(e.size))
	b = binary.AppendUvarint(b, e.seq)
	b = append(append(b, e.id[:]...), e.digest[:]...)
	b = binary.AppendVarint(b, e.accepted)
	b = binary.AppendUvarint(b, uint64(len(e.legs)))
	for i := range e.legs {
		l := &e.legs[i]
		var flags byte
		if l.park {
			flags |= flagPark
		}
		if l.now != nil {
			flags |= flagPast
		}
		b = binary.AppendUvarint(append(b, flags), uint64(n.channels[l.channel]))
		b = binary.LittleEndian.AppendUint64(b, l.lane)
		if l.now != nil {
			b = l.now.appendTo(b)
		}
	}
	n.text = b
}

const flagPast = 2

func (n *notes) addState(s *stateNote) {
	number := n.channel(s.channel)
	n.newest = max(n.newest, s.now.at)
	n.outcomes = max(n.outcomes, s.ordinal)
	if s.now.ended() {
		n.finals[final{s.seq, number}] = s.at.Offset
	}
	b := binary.AppendUvarint(append(n.text, noteState), uint64(s.at.Offset))
	b = binary.AppendUvarint(binary.AppendUvarint(b, s.seq), uint64(number))
	n.text = s.now.appendTo(putPlace(b, s.event))
}

func (n *notes) addSent(s *sent) {
	number := n.channel(s.channel)
	n.text = binary.AppendUvarint(binary.AppendUvarint(append(n.text, noteSent), uint64(number)), s.seq)
}

// noted is who is told of notes.
type noted struct {
	event func(*eventNote)
	state func(*stateNote)
	sent  func(*sent)
}

// eachNote tells the notes of a segment in order. It gives the names of its
// channels by number, and whether all could be read.
func eachNote(segment uint32, text []byte, to noted) (channels []string, ok bool) {
	r := &reader{rest: text}
	name := func() string {
		if n := r.uint(); n < uint64(len(channels)) {
			return channels[n]
		}
		r.fail()
		return ""
	}
	for len(r.rest) > 0 {
		switch r.byte() {
		case noteChannel:
			channels = append(channels, r.string())
		case noteEvent:
			e := eventNote{at: index.Place{Segment: segment, Offset: r.offset()}, size: int64(r.small()), seq: r.uint()}
			copy(e.id[:], r.take(len(e.id)))
			copy(e.digest[:], r.take(len(e.digest)))
			e.accepted = r.int()
			n := r.small()
			if n > len(r.rest) {
				r.fail()
				n = 0
			}
			e.legs = make([]legNote, n)
			for i := range e.legs {
				flags := r.byte()
				e.legs[i] = legNote{park: flags&flagPark != 0, channel: name(), lane: r.fixed64()}
				if flags&flagPast != 0 {
					now := r.stance()
					e.legs[i].now = &now
				}
				if r.bad {
					return nil, false
				}
			}
			if r.bad {
				return nil, false
			}
			to.event(&e)
		case noteState:
			s := stateNote{at: index.Place{Segment: segment, Offset: r.offset()}, seq: r.uint(), channel: name(), event: r.place()}
			s.now = r.stance()
			if r.bad {
				return nil, false
			}
			to.state(&s)
		case noteSent:
			w := sent{channel: name(), seq: r.uint()}
			if r.bad {
				return nil, false
			}
			to.sent(&w)
		default:
			return nil, false
		}
	}
	return channels, !r.bad
}

func (r *reader) offset() uint32 {
	v := r.uint()
	if v > math.MaxUint32 {
		r.fail()
		return 0
	}
	return uint32(v)
}

// oneNote is the note of one record; at most one part is there.
type oneNote struct {
	event *eventNote
	state *stateNote
	sent  *sent
}

func noteOf(r *record) (oneNote, error) {
	switch r.kind() {
	case kindEvent:
		e, err := parseHead(r.text)
		if err != nil {
			return oneNote{}, err
		}
		n := e.note(r.at, int64(r.size))
		return oneNote{event: &n}, nil
	case kindState:
		s, err := parseState(r.text)
		if err != nil {
			return oneNote{}, err
		}
		n := s.note(r.at)
		return oneNote{state: &n}, nil
	case kindSent:
		s, err := parseSent(r.text)
		return oneNote{sent: s}, err
	}
	return oneNote{}, nil
}

// tellAll tells the notes of a segment's first records.
func tellAll(s *segment, records []record, to noted) error {
	for _, r := range records {
		n, err := noteOf(&r)
		if err != nil {
			return fmt.Errorf("%s: record at %d: %w", s.name(), r.at.Offset, err)
		}
		n.tell(s.notes, to)
	}
	return nil
}

// nobody is told.
func nobody() noted {
	return noted{event: func(*eventNote) {}, state: func(*stateNote) {}, sent: func(*sent) {}}
}

// tell adds a note to others and tells it to who wants to know.
func (n *oneNote) tell(notes *notes, to noted) {
	switch {
	case n.event != nil:
		notes.addEvent(n.event)
		to.event(n.event)
	case n.state != nil:
		notes.addState(n.state)
		to.state(n.state)
	case n.sent != nil:
		notes.addSent(n.sent)
		to.sent(n.sent)
	}
}
