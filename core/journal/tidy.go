package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/outbox"
)

const (
	// tidyEvery is how often the journal looks after itself unasked.
	tidyEvery = time.Second
	// mendEvery is how often it tries to be whole again.
	mendEvery = 200 * time.Millisecond
	// freeParts is the part of the disk that the reserve is at most: 1/20.
	freeParts = 20
	// endRoom is what a follower on the same disk may write of the end of one
	// delivery: a record of the audit log, about 400 bytes. Its segment goes only
	// after that.
	endRoom = 512
)

// Run keeps the journal tidy until ctx ends: it makes the next segment ready,
// writes summaries, drops what is not needed any more, and takes a file that
// failed out of use. Without it everything is kept, and nothing is mended.
func (j *Journal) Run(ctx context.Context) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	said := ""
	for {
		again := (<-chan time.Time)(nil)
		j.now(time.Now()) // where nothing happens, too, what is kept gets old
		if err := j.Tidy(); err != nil {
			if said != err.Error() { // once, however often it is tried
				said = err.Error()
				j.log.Error().Err(err).Msg("the journal cannot be kept tidy: trying again")
			}
			again = time.After(mendEvery)
		} else {
			said = ""
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again:
		case <-tick.C:
		case <-j.tidy:
		}
	}
}

// wantTidy asks Run for a round.
func (j *Journal) wantTidy() {
	select {
	case j.tidy <- struct{}{}:
	default: // a round is asked for already
	}
}

// Tidy is one round of what Run does. One caller at a time.
func (j *Journal) Tidy() error {
	j.tidying.Lock()
	defer j.tidying.Unlock()
	j.mu.Lock()
	closed, failing := j.closed, j.refusing == outbox.ErrFailing
	j.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	if failing {
		if err := j.mend(); err != nil {
			errs = append(errs, fmt.Errorf("journal: %w", err))
		}
	}
	errs = append(errs, j.watchDisk(), j.summarise(), j.keepIDs(), j.reclaim()) // even then: they may make room
	return errors.Join(errs...)
}

// watchDisk has the next segment ready, as far as the reserve allows, and
// refuses events while it does not.
func (j *Journal) watchDisk() error {
	free, reserve, err := j.free()
	if err != nil {
		return err
	}
	j.mu.Lock()
	spare := j.spare > 0
	j.stats.Free, j.stats.Reserve = free, reserve
	j.mu.Unlock()
	size := j.segmentSize() + sealRoom // as much as mending the last one may take
	if !spare && free-size >= reserve {
		err := j.makeSpare(size)
		if err != nil && !errors.Is(err, outbox.ErrDiskFull) {
			return err
		}
		spare = err == nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	need := reserve - free
	if !spare {
		need += size
	}
	j.forgetFor(need)
	switch {
	case j.refusing == outbox.ErrFailing:
	case free < reserve && j.refusing == nil:
		j.full(fmt.Errorf("%d bytes are free, %d are reserved for what was accepted before", free, reserve))
	case free >= reserve && spare && j.refusing == outbox.ErrDiskFull:
		j.refusing, j.cause = nil, nil
		j.log.Info().Int64("free", free).Msg("the disk has room again: accepting")
	}
	return nil
}

var errNoRoom = errors.New("the segment is full, and what is free is reserved for what was accepted before")

// refuseFull refuses events until there is room for another segment.
func (j *Journal) refuseFull(why error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refusing == nil {
		j.full(why)
	}
}

// full is refuseFull for who holds mu.
func (j *Journal) full(why error) {
	j.refusing, j.cause = outbox.ErrDiskFull, why
	j.log.Error().Err(why).Msg("the disk is nearly full: nothing is accepted, deliveries go on")
	j.wantTidy()
}

// free is what the disk has, and what of it is reserved.
func (j *Journal) free() (free, reserve int64, err error) {
	free, total, err := j.fs.Free()
	if err != nil {
		return 0, 0, fmt.Errorf("journal: free space: %w", err)
	}
	return free, min(j.o.Reserve, total/freeParts) + j.owed(), nil
}

// owed is what a follower will write of all that has not ended.
func (j *Journal) owed() int64 {
	if !j.o.Follow {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var legs int
	for _, c := range j.channels {
		n := c.legs.Counts()
		legs += n.Pending + n.Out + n.Dead
	}
	return int64(legs) * endRoom
}

// mayGrow reports whether events may have another segment.
func (j *Journal) mayGrow(size int64) bool {
	j.mu.Lock()
	spare := j.spare
	j.mu.Unlock()
	need := roomFor(size)
	if spare >= need {
		return true
	}
	free, reserve, err := j.free()
	return err == nil && free-max(j.segmentSize(), need) >= reserve
}

// makeSpare takes the room of the next segment.
func (j *Journal) makeSpare(size int64) error {
	const half = spareName + ".tmp"
	if err := removed(j.fs, half); err != nil {
		return err
	}
	f, err := j.fs.Create(half, size)
	if err != nil {
		return fullOr(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return errors.Join(err, j.fs.Remove(half))
	}
	if err := errors.Join(j.fs.Rename(half, spareName), j.fs.Sync()); err != nil {
		return err
	}
	j.mu.Lock()
	j.spare = size
	j.mu.Unlock()
	return nil
}

// giveSpare gives the spare segment's room back to the disk.
func (j *Journal) giveSpare() error {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	j.spare = 0
	j.mu.Unlock()
	return errors.Join(removed(j.fs, spareName), j.fs.Sync())
}

// summarise writes the summaries of sealed segments that have none, and cuts
// what they have behind their end.
func (j *Journal) summarise() error {
	j.mu.Lock()
	var list []*segment
	for _, s := range j.segments {
		if s.sealed && s.notes != nil {
			list = append(list, s)
		}
	}
	j.mu.Unlock()
	for _, s := range list {
		if err := s.file.Truncate(s.end); err != nil {
			return fmt.Errorf("journal: %s: %w", s.name(), err)
		}
		if err := s.file.Sync(); err != nil {
			return fmt.Errorf("journal: %s: %w", s.name(), err)
		}
		sum, err := writeSummary(j.fs, s)
		if err != nil {
			return fmt.Errorf("journal: %s: %w", summaryName(s.number), err)
		}
		j.mu.Lock()
		s.summary, s.notes = sum, nil
		j.mu.Unlock()
	}
	return nil
}

// keepIDs lets the identities look after themselves.
func (j *Journal) keepIDs() error {
	err := j.ids.Keep(outbox.Instant(j.seen.Load()), func(seq uint64) bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.lives(seq)
	})
	if err != nil && !errors.Is(err, ids.ErrClosed) { // which is how it ends
		return fmt.Errorf("journal: identities: %w", err)
	}
	return nil
}
