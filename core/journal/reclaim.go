package journal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

const (
	// statusShare bounds what is kept on disk only so that the ends of events
	// can be asked for: to a quarter of the capacity.
	statusShare = 4
	// fewSegments is how much of what nobody needs is not worth moving things.
	fewSegments = 4
	// copyStep is how many events are copied before others may commit.
	copyStep = 128
	// lookStep is how many legs are looked at before others may look.
	lookStep = 1 << 14
)

// forgetEarly gives up statuses, the oldest first, when they take more of the
// disk than they may. Callers hold mu.
func (j *Journal) forgetEarly() {
	kept := int64(0)
	for _, s := range j.segments {
		if s.sealed && !s.forgotten {
			kept += s.waste()
		}
	}
	most := max(j.o.Capacity/statusShare, fewSegments*j.pen.seg.size)
	for _, s := range j.segments {
		if kept <= most {
			return
		}
		if s.sealed && !s.forgotten {
			s.forgotten = true
			kept -= s.waste()
		}
	}
}

// forgetFor gives up statuses, the oldest first, until so many bytes can be
// freed: on a full disk there is no room for what can only be asked for.
// Callers hold mu.
func (j *Journal) forgetFor(need int64) {
	for _, s := range j.segments {
		if need <= 0 || !j.isFollowed(s) { // nothing is freed out of turn
			return
		}
		if s.sealed {
			s.forgotten = true
			need -= s.waste()
		}
	}
}

// reclaim drops segments, the oldest first: one may be dropped when nothing in
// it is needed and none is older, so that no end is forgotten while the event
// that it ends is still there.
func (j *Journal) reclaim() error {
	for {
		s, survivors, ok := j.oldest()
		if !ok {
			return nil
		}
		if survivors {
			if err := j.copyForward(s); err != nil {
				return err
			}
			continue
		}
		if s.seqs.high > j.ids.Covered() {
			j.ids.Seal()
			err := j.keepIDs()
			if errors.Is(err, disk.ErrFull) { // what the segment gives back is more than the spare one is
				if err = j.giveSpare(); err == nil {
					err = j.keepIDs()
				}
			}
			if err != nil {
				return err
			}
			if s.seqs.high > j.ids.Covered() {
				return nil // not yet
			}
		}
		if err := j.drop(s); err != nil {
			return err
		}
	}
}

// oldest gives the oldest segment if it can go, and whether anything in it has
// to be copied first. That is done only when it frees as much as is copied.
func (j *Journal) oldest() (s *segment, survivors, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.segments) < 2 || j.pins > 0 {
		return nil, false, false
	}
	s = j.segments[0]
	if !s.sealed || s.notes != nil || !j.isFollowed(s) || !j.over(s) {
		return nil, false, false
	}
	if s.events == 0 && s.states == 0 {
		return s, false, true
	}
	if j.refusing == outbox.ErrFailing {
		return nil, false, false
	}
	var waste, live int64
	for _, x := range j.segments {
		if x.sealed {
			live += x.liveBytes
			if j.over(x) {
				waste += x.waste()
			}
		}
	}
	return s, true, waste > max(live, fewSegments*j.pen.seg.size)
}

// over reports whether nobody can ask any more for what ended in a segment.
func (j *Journal) over(s *segment) bool {
	return s.forgotten || s.newestEnd+int64(j.o.KeepStatus) < j.seen.Load()
}

// drop removes the oldest segment. Until its file is gone for good it stays the
// oldest: a start that finds it without the next would not know what has ended.
func (j *Journal) drop(s *segment) error {
	if err := errors.Join(removed(j.fs, s.name()), removed(j.fs, summaryName(s.number)), j.fs.Sync()); err != nil {
		return fmt.Errorf("journal: %s cannot be dropped: %w", s.name(), err)
	}
	j.reading.Lock()
	defer j.reading.Unlock()
	j.mu.Lock()
	j.segments = slices.DeleteFunc(j.segments, func(x *segment) bool { return x == s })
	j.mu.Unlock()
	if err := s.close(); err != nil {
		j.log.Warn().Err(err).Msg("a file that was dropped does not close")
	}
	return nil
}

// move is an event that was copied.
type move struct{ note eventNote }

// copyForward copies what still lives in a segment to the one that is written.
func (j *Journal) copyForward(s *segment) error {
	for from := uint64(0); ; {
		seqs, next := j.livingIn(s.number, from)
		for step := range slices.Chunk(seqs, copyStep) {
			if err := j.copyEvents(step); err != nil {
				return err
			}
		}
		if next == 0 {
			break
		}
		from = next
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if s.events != 0 || s.states != 0 {
		return fmt.Errorf("journal: %s: %d events and %d states of it cannot be copied", s.name(), s.events, s.states)
	}
	return nil
}

// livingIn gives events with a record in a segment that is needed, and from
// where to go on, 0 for nowhere.
func (j *Journal) livingIn(number uint32, from uint64) (seqs []uint64, next uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.channels {
		looked := 0
		c.legs.Each(from, func(l index.Leg) bool {
			if l.Event.Segment == number || l.State.Segment == number {
				seqs = append(seqs, l.Seq)
			}
			if looked++; looked < lookStep {
				return true
			}
			if next == 0 || l.Seq+1 < next {
				next = l.Seq + 1
			}
			return false
		})
	}
	slices.Sort(seqs)
	return slices.Compact(seqs), next
}

// copyEvents writes events anew, with how their legs stand now.
func (j *Journal) copyEvents(seqs []uint64) error {
	j.writing.Lock()
	defer j.writing.Unlock()
	for _, seq := range seqs {
		e, err := j.current(seq)
		if errors.Is(err, ErrDamaged) {
			if err := j.dropDamaged(seq, err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if e == nil { // all of it has ended meanwhile
			continue
		}
		text := e.text()
		at, err := j.put(text, forStates) // it frees more than it takes
		if err != nil {
			return fmt.Errorf("journal: copy: %w", err)
		}
		j.pen.items = append(j.pen.items, item{move: &move{e.note(at, int64(recordSize(len(text))))}})
	}
	return j.flush()
}

// current gives an event with how its legs stand now, nil when all have ended.
func (j *Journal) current(seq uint64) (*event, error) {
	j.reading.RLock()
	defer j.reading.RUnlock()
	v := j.view(seq)
	at, ok := v.place(nil)
	if !ok {
		return nil, nil
	}
	e, err := j.readEvent(at, 0)
	if err != nil {
		return nil, err
	}
	for i, t := range e.entry.Targets {
		leg, lives := v.legs[t.Channel]
		if !lives {
			if e.legs[i] == nil || !e.legs[i].ended() {
				ended, err := j.ends(seq, true)
				if err != nil {
					return nil, err
				}
				if e.legs[i] = endOf(ended[t.Channel]); e.legs[i] == nil {
					e.legs[i] = &standing{stance: stance{action: outbox.Dropped}, reason: "its end is not kept any more"}
				}
			}
			continue
		}
		if e.legs[i], err = j.standingAt(leg.State, t.Channel); err != nil {
			return nil, err
		}
		if e.legs[i] == nil && leg.Attempt > 0 { // the copy may outlive what says how far was sent
			e.legs[i] = &standing{stance: stance{action: outbox.Retry, past: index.Past{Attempt: leg.Attempt - 1}, at: outbox.Nanos(e.entry.Accepted)}}
		}
	}
	return e, nil
}

func endOf(s *state) *standing {
	if s == nil {
		return nil
	}
	return &s.standing
}

// dropDamaged ends the legs of an event that cannot be read any more.
func (j *Journal) dropDamaged(seq uint64, cause error) error {
	j.log.Error().Err(cause).Uint64("seq", seq).Msg("an event cannot be read, and is lost")
	j.mu.Lock()
	j.stats.Damaged++
	j.mu.Unlock()
	for name, leg := range j.view(seq).legs {
		s := &state{seq: seq, channel: name, event: leg.Event,
			standing: standing{stance: stance{action: outbox.Dropped, past: leg.Past, at: j.seen.Load()}, reason: cause.Error()}}
		if err := j.putOutcome(&draft{state: s, settling: new(settling)}); err != nil {
			return err
		}
	}
	return nil
}

// applyMove takes a copied event into the index. Callers hold mu.
func (j *Journal) applyMove(m *move) {
	here := j.pen.seg
	here.notes.addEvent(&m.note)
	here.seqs.add(m.note.seq)
	for i := range m.note.legs {
		c := j.channels[m.note.legs[i].channel]
		leg, ok := c.legs.Find(m.note.seq)
		if !ok {
			continue
		}
		if old := j.segment(leg.Event.Segment); old != nil {
			old.events--
			old.liveBytes -= leg.Size
		}
		here.events++
		here.liveBytes += leg.Size
		c.legs.Move(m.note.seq, m.note.at)
		if leg.State == (index.Place{}) {
			continue
		}
		if old := j.segment(leg.State.Segment); old != nil {
			old.states--
		}
		here.states++
		c.legs.Restate(m.note.seq, m.note.at)
	}
}
