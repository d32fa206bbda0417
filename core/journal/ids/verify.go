package ids

import (
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// Verify reads all runs whole, and names in its error everything that is
// damaged. Keep waits for it.
func (s *Set) Verify() error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	var errs []error
	for _, r := range s.runs { // only who keeps replaces them
		errs = append(errs, s.verifyRun(r))
	}
	return errors.Join(errs...)
}

func (s *Set) verifyRun(r *run) error {
	c := newCursor(r)
	c.tolerant = true
	for c.next() {
		if c.at%restEvery == 0 && s.closing.Load() {
			return ErrClosed
		}
		if from, to := r.index.find(c.entry.hash); c.at < from || c.at >= to {
			return errors.Join(c.err, fmt.Errorf("ids: %s: entry %d: its index misses it: %w", runName(r.number), c.at, ErrDamaged))
		}
	}
	return c.err
}

// Check verifies one run file of a set that nobody uses. Names that are no
// run's are none of its business.
func Check(fs disk.FS, name string) error {
	number, ending, ok := parseName(name)
	if !ok || ending != whole {
		return nil
	}
	r, err := openRun(fs, number)
	if err != nil {
		return err
	}
	return errors.Join(new(Set).verifyRun(r), r.file.Close())
}
