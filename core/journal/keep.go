package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/outbox"
)

// Stats implements outbox.Keeping.
func (j *Journal) Stats() outbox.Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	d := j.stats
	d.Segments = len(j.segments)
	for _, s := range j.segments {
		d.Bytes += s.bytes()
	}
	if j.refusing != nil {
		d.Refusing = fmt.Sprintf("%v: %v", j.refusing, j.cause)
	}
	st := outbox.Stats{Engine: "embedded", Durable: true, IDs: j.ids.Len(), Capacity: j.o.Capacity, Disk: &d,
		Channels: make(map[string]outbox.ChannelStats, len(j.channels))}
	for name, c := range j.channels {
		n := c.legs.Counts()
		if c.most == 0 && n.Pending == 0 && n.Dead == 0 {
			continue // it was configured once
		}
		st.Channels[name] = outbox.ChannelStats{Pending: n.Pending, Out: n.Out, Dead: n.Dead, Held: n.Held, Shelved: n.Shelved, Bytes: n.Bytes}
		st.Entries += n.Pending + n.Dead
		st.Bytes += n.Bytes
	}
	return st
}

// Verify implements outbox.Keeping: it reads every record that is on disk, and
// names all that is damaged.
func (j *Journal) Verify(ctx context.Context) error {
	j.mu.Lock()
	j.pins++
	list := append([]*segment(nil), j.segments...)
	j.mu.Unlock()
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.pins--
	}()
	var errs []error
	var buf []byte
	for _, s := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		j.reading.RLock()
		j.mu.Lock()
		end, gone := s.end, j.segment(s.number) != s
		j.mu.Unlock()
		if gone { // it was dropped, or replaced
			j.reading.RUnlock()
			continue
		}
		b, err := s.load(buf)
		j.reading.RUnlock()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		buf = b[:0]
		errs = append(errs, checkSegment(s.number, b[:min(end, int64(len(b)))], end, true))
	}
	errs = append(errs, j.ids.Verify())
	return errors.Join(errs...)
}

// checkSegment names what is damaged in a segment's bytes up to its end.
func checkSegment(number uint32, b []byte, end int64, synced bool) error {
	var errs []error
	if _, err := parseHeader(b); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", segmentName(number), err))
	}
	found := scan(number, b, synced)
	for _, d := range found.damages {
		errs = append(errs, fmt.Errorf("%w: %s", ErrDamaged, &d))
	}
	for _, r := range found.records {
		if err := checkRecord(&r); err != nil {
			errs = append(errs, fmt.Errorf("%s: record at %d: %w: %w", segmentName(number), r.at.Offset, ErrDamaged, err))
		}
	}
	if int64(len(b)) < end {
		errs = append(errs, fmt.Errorf("%w: %s: %d bytes are missing at its end", ErrDamaged, segmentName(number), end-int64(len(b))))
	}
	return errors.Join(errs...)
}

// checkRecord reads a record as far as it can be read.
func checkRecord(r *record) error {
	var err error
	switch r.kind() {
	case kindEvent:
		_, err = parseEvent(r.text)
	case kindState:
		_, err = parseState(r.text)
	case kindSent:
		_, err = parseSent(r.text)
	case kindMark, kindSeal, kindGap:
	default:
		err = fmt.Errorf("kind %d is none", r.kind())
	}
	return err
}
