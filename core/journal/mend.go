package journal

import (
	"errors"
	"io/fs"

	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// mend takes the segment that a write or a sync has failed for out of use: all
// that was synced before is written and synced in the next one, which replaces
// it. What failed is in neither. Accepting goes on when it has succeeded.
func (j *Journal) mend() error {
	j.writing.Lock()
	defer j.writing.Unlock()
	old := j.pen.seg
	if j.pen.broken {
		if err := j.replace(old); err != nil {
			return err
		}
	}
	// Nothing is accepted while the old file is there: once the new one has
	// been dropped, nobody would know that it was replaced.
	if j.mended != nil {
		if err := errors.Join(removed(j.fs, j.mended.name()), j.fs.Sync()); err != nil {
			return err
		}
		j.reading.Lock()
		err := j.mended.close()
		j.reading.Unlock()
		if err != nil {
			j.log.Warn().Err(err).Msg("the file that failed does not close")
		}
		j.mended = nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refusing == outbox.ErrFailing {
		j.refusing, j.cause = nil, nil
		j.log.Info().Str("segment", j.pen.seg.name()).Msg("the journal is whole again: accepting")
	}
	for _, c := range j.channels {
		c.signal()
	}
	return nil
}

// replace writes what a segment had on disk into the next one, and makes that
// the one that is used. Callers hold writing.
func (j *Journal) replace(old *segment) error {
	b, err := old.load(nil)
	if err != nil {
		return err
	}
	found := scan(old.number, b[:min(old.synced, int64(len(b)))], true)
	for _, d := range found.damages {
		j.log.Error().Str("where", d.String()).Msg("the journal is damaged: what is there is lost, the rest is delivered")
	}
	j.seq, j.ordinal = j.newest.Event, j.newest.State // what failed is gone, and nobody was told of it
	next, moved, places, err := j.transplant(old, found.records, headSize)
	if err != nil {
		return err
	}
	if err := tellAll(next, moved, nobody()); err != nil {
		return err
	}
	next.seqs, next.ends, next.outcomes = old.seqs, old.ends, old.outcomes
	next.newestEnd, next.events, next.states, next.liveBytes = old.newestEnd, old.events, old.states, old.liveBytes
	j.reading.Lock() // nobody holds a place in the old file while it changes
	defer j.reading.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.channels {
		c.legs.Remap(func(p index.Place) index.Place {
			if p.Segment != old.number {
				return p
			}
			return places[p]
		})
	}
	j.segments[len(j.segments)-1] = next
	j.pen.seg, j.pen.broken = next, false
	j.mended = old
	return nil
}
