package journal

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// segment reads one segment. Of the last one that was not sealed it gives the
// records that no mark covers: they may not be on the disk yet.
func (l *loading) segment(number, next uint32) (*segment, []record, error) {
	j := l.j
	s, err := openSegment(j.fs, number)
	if err != nil {
		return nil, nil, err
	}
	replaced := int64(0)
	if next != 0 {
		follower, err := openSegment(j.fs, next)
		if err != nil {
			return nil, nil, errors.Join(err, s.close())
		}
		if !follower.follows(number) {
			j.stats.Damaged++
			j.log.Error().Str("after", s.name()).Str("before", follower.name()).Msg("the journal is damaged: segments are missing, the rest is delivered")
		}
		if follower.instead == number {
			replaced = int64(follower.from)
		}
		if err := follower.close(); err != nil {
			return nil, nil, errors.Join(err, s.close())
		}
	}
	if replaced == headSize { // all of it is in the next one
		err := s.close()
		if !l.look {
			err = errors.Join(err, j.fs.Remove(s.name()))
		}
		return s, nil, err
	}
	j.segments = append(j.segments, s)
	j.seq, j.ordinal = max(j.seq, max(s.seq, 1)-1), max(j.ordinal, max(s.ordinal, 1)-1)
	if ok, err := l.summarised(s); ok || err != nil {
		return s, nil, err
	}
	return l.scanned(s, replaced, next == 0)
}

// summarised reads a segment by its summary, if there is a sound one.
func (l *loading) summarised(s *segment) (bool, error) {
	sum, text, err := openSummary(l.j.fs, s.number)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		l.j.log.Warn().Err(err).Msg("a summary cannot be used: its segment is read instead")
		if l.look {
			return false, nil
		}
		return false, l.j.fs.Remove(summaryName(s.number))
	}
	s.end, s.sealed, s.summary, l.clean = sum.end, true, sum, sum.clean
	s.outcomes = sum.outcomes
	l.j.ordinal = max(l.j.ordinal, sum.outcomes)
	l.j.now(outbox.Instant(sum.newest))
	channels, ok := eachNote(s.number, text, l.noted(s))
	if !ok {
		return false, fmt.Errorf("%s: %w: remove it, and its segment is read instead", summaryName(s.number), ErrDamaged)
	}
	sum.channels = channels
	return true, nil
}

// scanned reads a segment record by record.
func (l *loading) scanned(s *segment, replaced int64, last bool) (*segment, []record, error) {
	b, err := s.load(nil)
	if err != nil {
		return nil, nil, err
	}
	found := scan(s.number, b, false)
	for _, d := range found.damages {
		l.j.stats.Damaged++
		l.j.log.Error().Str("where", d.String()).Msg("the journal is damaged: what is there is lost, the rest is delivered")
	}
	if found.tornFrom != 0 {
		l.j.log.Warn().Str("segment", s.name()).Int64("offset", found.tornFrom).Msg("what was written last cannot be read, and is left out: it was cut off before it was answered, or damaged since")
	}
	s.notes, s.end, s.sealed = newNotes(), found.end, true
	if n := len(found.records); n > 0 {
		s.notes.clean = isClean(found.records[n-1].text)
	}
	l.clean = s.notes.clean
	cut := int64(len(b)) + 1
	switch {
	case replaced != 0:
		cut = replaced
	case last && !found.sealed:
		cut = found.marked
	}
	var tail []record
	to := l.noted(s)
	for i, r := range found.records {
		if int64(r.at.Offset) >= cut {
			tail = found.records[i:]
			s.end = cut
			break
		}
		n, err := noteOf(&r)
		if err != nil {
			l.j.stats.Damaged++
			l.j.log.Error().Err(err).Str("segment", s.name()).Uint32("offset", r.at.Offset).Msg("the journal has a record that cannot be read")
			continue
		}
		n.tell(s.notes, to)
	}
	s.synced = s.end
	l.j.now(outbox.Instant(s.notes.newest))
	if replaced != 0 {
		tail = nil
	}
	return s, tail, nil
}

// noted takes the notes of a segment into the index.
func (l *loading) noted(s *segment) noted {
	j := l.j
	return noted{
		event: func(n *eventNote) {
			s.seqs.add(n.seq)
			j.seq = max(j.seq, n.seq)
			if l.all || !l.look && n.seq > j.ids.Covered() {
				l.added = append(l.added, identity{n.id, ids.Known{Seq: n.seq, Digest: n.digest, At: n.accepted}})
			}
			for i := range n.legs {
				c := j.channel(n.legs[i].channel)
				c.legs.End(n.seq) // as an earlier record has it
				if now := n.legs[i].now; now == nil || !now.ended() {
					c.legs.Add(n.leg(i))
				}
			}
		},
		state: func(n *stateNote) {
			c := j.channel(n.channel)
			s.outcomes = max(s.outcomes, n.ordinal)
			j.ordinal = max(j.ordinal, n.ordinal)
			s.newestEnd = max(s.newestEnd, n.now.at)
			if leg, ok := c.legs.Find(n.seq); ok {
				j.transit(c, &leg, n)
			}
			if n.now.ended() {
				s.ends.add(n.seq)
			}
		},
		sent: func(n *sent) {
			c := j.channel(n.channel)
			c.sent = max(c.sent, n.seq)
		},
	}
}

// also reads the tail of the last segment where it lies, for who only looks.
func (l *loading) also(tail []record) {
	for _, r := range tail {
		if n, err := noteOf(&r); err == nil {
			n.tell(newNotes(), l.noted(l.j.segments[len(l.j.segments)-1]))
		}
	}
}

// count counts what each segment is needed for.
func (l *loading) count() {
	j := l.j
	for _, s := range j.segments {
		s.events, s.states, s.liveBytes = 0, 0, 0
	}
	for _, c := range j.channels {
		c.legs.Each(0, func(leg index.Leg) bool {
			if s := j.segment(leg.Event.Segment); s != nil {
				s.events++
				s.liveBytes += leg.Size
			}
			if s := j.segment(leg.State.Segment); s != nil && leg.State != (index.Place{}) {
				s.states++
			}
			return true
		})
	}
}
