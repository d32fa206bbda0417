package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// event is an event record: an entry, and how its legs stood when it was
// written. That is nil for a leg that nothing had happened to yet.
type event struct {
	seq   uint64
	id    ids.Hash
	entry *outbox.Entry
	legs  []*standing // one per target
}

// laneHash names the lane of an order key, 0 for none.
func laneHash(order string) uint64 {
	if order == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(order))
	return max(binary.LittleEndian.Uint64(sum[:]), 1)
}

// seqAt is where an event's sequence stands in its text: it is given last.
const seqAt = 1

const flagPark = 1

// text encodes the record's kind and body.
func (e *event) text() []byte {
	x := e.entry
	b := make([]byte, 0, len(x.Event.Raw)+400)
	b = append(b, byte(kindEvent))
	b = binary.LittleEndian.AppendUint64(b, e.seq)
	b = append(b, e.id[:]...)
	b = append(b, x.Digest[:]...)
	b = binary.AppendVarint(b, outbox.Nanos(x.Accepted))
	b = binary.AppendUvarint(b, uint64(len(x.Targets)))
	for i := range x.Targets {
		t := &x.Targets[i]
		var flags byte
		if t.Park {
			flags = flagPark
		}
		b = append(b, flags)
		b = putString(putString(b, t.Channel), t.Order)
		b = putStrings(b, t.Transforms)
		if i >= len(e.legs) || e.legs[i] == nil {
			b = append(b, 0)
		} else {
			b = e.legs[i].appendTo(append(b, 1))
		}
	}
	b = binary.AppendVarint(b, outbox.Nanos(x.Expires))
	for _, s := range [...]string{x.Principal.Provider, x.Principal.Issuer, x.Principal.Subject, x.Proof.Transport, x.Proof.Event,
		x.Facts.Request, x.Facts.Ingress, x.Facts.Addr, x.Facts.Key} {
		b = putString(b, s)
	}
	b = putStrings(b, x.Facts.Routes)
	return append(b, x.Event.Raw...)
}

// head reads what the index needs; the entry has no event, principal or facts.
func (r *reader) head() *event {
	e := &event{seq: r.fixed64(), entry: new(outbox.Entry)}
	copy(e.id[:], r.take(len(e.id)))
	copy(e.entry.Digest[:], r.take(len(e.entry.Digest)))
	e.entry.Accepted = outbox.Instant(r.int())
	n := r.small()
	if n > len(r.rest) { // each takes a byte at least
		r.fail()
		n = 0
	}
	e.entry.Targets, e.legs = make([]outbox.Target, n), make([]*standing, n)
	for i := range e.entry.Targets {
		t := &e.entry.Targets[i]
		t.Park = r.byte()&flagPark != 0
		t.Channel, t.Order = r.string(), r.string()
		t.Transforms = r.strings()
		if r.byte() != 0 {
			e.legs[i] = r.standing()
		}
		if r.bad {
			break
		}
	}
	return e
}

var errBody = errors.New("its body cannot be read")

// parseHead reads the head of an event's text.
func parseHead(text []byte) (*event, error) {
	r := &reader{rest: text[1:]}
	e := r.head()
	if r.bad {
		return nil, errBody
	}
	return e, nil
}

// parseEvent reads the whole of an event's text, which it keeps.
func parseEvent(text []byte) (*event, error) {
	r := &reader{rest: text[1:]}
	e := r.head()
	x := e.entry
	x.Expires = outbox.Instant(r.int())
	for _, s := range [...]*string{&x.Principal.Provider, &x.Principal.Issuer, &x.Principal.Subject, &x.Proof.Transport, &x.Proof.Event,
		&x.Facts.Request, &x.Facts.Ingress, &x.Facts.Addr, &x.Facts.Key} {
		*s = r.string()
	}
	x.Facts.Routes = r.strings()
	if r.bad {
		return nil, errBody
	}
	var err error
	if x.Event, err = sdk.ParseEvent(r.rest); err != nil {
		return nil, fmt.Errorf("its event cannot be read: %w", err)
	}
	return e, nil
}
