package journal

import (
	"bytes"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

func sampleEvent(f *testing.F) *event {
	f.Helper()
	x, err := sdk.ParseEvent([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1}`))
	if err != nil {
		f.Fatal(err)
	}
	return &event{seq: 7, id: ids.Hash{1, 2}, entry: &outbox.Entry{Event: x, Digest: x.Digest(), Accepted: time.Unix(5, 6),
		Targets: []outbox.Target{{Channel: "a", Order: "k", Park: true, Transforms: []string{"mask"}}, {Channel: "b"}},
		Facts:   outbox.Facts{Routes: []string{"r"}}}, legs: []*standing{nil, sampleStanding()}}
}

func sampleStanding() *standing {
	return &standing{stance: stance{action: outbox.Retry, held: true, past: index.Past{Attempt: 3, Failures: 2, Due: 9}, at: 8}, reason: "no reply",
		result: []byte(`{}`), history: []outbox.Try{{Attempt: 3, At: time.Unix(1, 2), What: "lapsed", Reason: "no reply"}}}
}

// FuzzRecord reads records of arbitrary bytes, and what is written comes back.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("text"), uint32(1), uint32(64))
	f.Add(appendRecord(nil, index.Place{Segment: 1, Offset: 64}, []byte("text")), uint32(1), uint32(64))
	f.Fuzz(func(t *testing.T, b []byte, segment, offset uint32) {
		at := index.Place{Segment: segment, Offset: offset}
		if text, size, fault := parseRecord(at, b); fault == sound && (len(text) == 0 || size < len(text)) {
			t.Errorf("a record of %d bytes takes %d", len(text), size)
		}
		if len(b) == 0 {
			return
		}
		whole := appendRecord(nil, at, b)
		text, size, fault := parseRecord(at, whole)
		if fault != sound || !bytes.Equal(text, b) || size != len(whole) || size%recordAlign != 0 {
			t.Fatalf("%q came back as %q, %d, %d", b, text, size, fault)
		}
		if _, _, fault := parseRecord(index.Place{Segment: segment + 1, Offset: offset}, whole); fault == sound {
			t.Error("it is sound in another segment")
		}
		if _, _, fault := parseRecord(at, whole[:len(whole)-recordAlign]); fault == sound {
			t.Error("it is sound without its end")
		}
	})
}

// FuzzEvent reads event records of arbitrary bytes; what can be read is written
// as it was, and so again.
func FuzzEvent(f *testing.F) {
	f.Add(sampleEvent(f).text())
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 {
			return
		}
		head, err := parseHead(text)
		e, whole := parseEvent(text)
		if whole == nil && err != nil {
			t.Fatalf("the whole can be read, the head cannot: %v", err)
		}
		if whole != nil {
			return
		}
		if head.seq != e.seq || head.id != e.id || len(head.legs) != len(e.legs) {
			t.Errorf("head %+v, event %+v", head, e)
		}
		once := e.text()
		again, err := parseEvent(once)
		if err != nil || !bytes.Equal(again.text(), once) {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}

// FuzzState is FuzzEvent for states.
func FuzzState(f *testing.F) {
	s := state{seq: 7, channel: "a", event: index.Place{Segment: 1, Offset: 64}, standing: *sampleStanding()}
	f.Add(s.text())
	s.ordinal, s.told = 300, told{attempt: 3, what: true, unsent: true}
	f.Add(s.text())
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 {
			return
		}
		if w, err := parseSent(text); err == nil {
			if again, err := parseSent(w.text()); err != nil || *again != *w {
				t.Errorf("%+v came back as %+v, %v", w, again, err)
			}
		}
		s, err := parseState(text)
		if err != nil {
			return
		}
		_ = s.outcome()
		once := s.text()
		again, err := parseState(once)
		if err != nil || !bytes.Equal(again.text(), once) {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}

// FuzzNotes reads arbitrary notes; those that can be read tell the same again.
func FuzzNotes(f *testing.F) {
	n, e := newNotes(), sampleEvent(f)
	en := e.note(index.Place{Segment: 1, Offset: 64}, 200)
	s := state{seq: 7, channel: "a", event: en.at, standing: *sampleStanding()}
	sn := s.note(index.Place{Segment: 1, Offset: 264})
	n.addEvent(&en)
	n.addState(&sn)
	n.addSent(&sent{"b", 9})
	f.Add(n.text)
	retell := func(text []byte) ([]byte, bool) {
		n := newNotes()
		_, ok := eachNote(1, text, noted{event: n.addEvent, state: n.addState, sent: n.addSent})
		return n.text, ok
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		once, ok := retell(text)
		if !ok {
			return
		}
		if again, ok := retell(once); !ok || !bytes.Equal(again, once) {
			t.Errorf("%q is told again as %q", once, again)
		}
	})
}

// FuzzSegment scans arbitrary bytes behind a few sound records.
func FuzzSegment(f *testing.F) {
	h := header{number: 1, seq: 1, size: 4096}
	b := h.bytes()
	e := sampleEvent(f)
	for _, text := range [][]byte{e.text(), markText(headSize), sealText(false)} {
		b = appendRecord(b, index.Place{Segment: 1, Offset: uint32(len(b))}, text)
	}
	f.Add(b, true)
	f.Add(b[:len(b)-20], false)
	f.Add(append(bytes.Clone(b), make([]byte, 100)...), false)
	f.Fuzz(func(t *testing.T, b []byte, synced bool) {
		_, _ = parseHeader(b)
		found := scan(1, b, synced)
		if found.end > int64(max(len(b), headSize)) || found.end < headSize {
			t.Errorf("it ends at %d of %d", found.end, len(b))
		}
		last := int64(0)
		for _, r := range found.records {
			if int64(r.at.Offset) <= last || int64(r.at.Offset) >= found.end {
				t.Errorf("a record at %d after %d, the end is %d", r.at.Offset, last, found.end)
			}
			last = int64(r.at.Offset)
			_, _ = noteOf(&r)
			_ = checkRecord(&r)
		}
		for _, d := range found.damages {
			_ = d.String()
		}
		_ = checkSegment(1, b, found.end, synced)
	})
}
