package ids

import (
	"errors"
	"io/fs"
	"slices"
	"time"
)

// Seal asks for everything added until now to be in runs: the next Keep that
// starts after it and has no error has done it.
func (s *Set) Seal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = true
}

// Keep does what is due at now, and returns when there is nothing left to do.
//   - It seals what is in memory, when that is enough or a period old, or when
//     Seal was called. A long merge does not keep this waiting.
//   - It forgets runs whose identities have all expired. Those that are live,
//     as live tells by sequence, are remembered again, as if accepted now.
//   - It merges runs. That takes as much room on the disk as they have, until
//     they are removed.
//
// Find and Add never wait for the disk meanwhile. After an error everything is
// still known, and the next Keep tries again. What cannot be read of a run is
// forgotten with it; until then Find has an error for what it might be.
func (s *Set) Keep(now time.Time, live func(seq uint64) bool) error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if s.closing.Load() {
		return ErrClosed
	}
	if err := s.sweep(); err != nil {
		return err
	}
	if err := s.seal(now); err != nil {
		return err
	}
	// What cannot be forgotten or merged must not keep the rest waiting.
	return errors.Join(s.forget(now, live), s.merge(now))
}

// seal makes a run of what is in memory, if that is due.
func (s *Set) seal(now time.Time) error {
	for s.freeze(now) {
		entries := make([]entry, 0, s.frozen.len())
		for h, k := range s.frozen.known { // nobody writes to it any more
			entries = append(entries, entry{h, k})
		}
		slices.SortFunc(entries, func(a, b entry) int { return compare(a.hash, b.hash) })
		next := 0
		r, err := s.write(header{covered: max(s.covered, s.frozen.covered)}, len(entries), func() (entry, bool, error) {
			if next == len(entries) {
				return entry{}, false, nil
			}
			next++
			return entries[next-1], true, nil
		})
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.runs = append(slices.Clip(s.runs), r)
		s.stored += int(r.count)
		s.covered = r.covered
		s.frozen = nil
		s.version.Add(1)
		s.mu.Unlock()
		// What could be added again is in a run now, and it says how far.
		s.aside, s.given = append(s.aside, s.given...), nil
		if err := s.sweep(); err != nil {
			return err
		}
	}
	return nil
}

// freeze tells whether there is something to seal. What an earlier Keep could
// not seal comes first.
func (s *Set) freeze(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen != nil {
		return true
	}
	n := s.newest.len()
	old := n > 0 && s.periods.of(s.newest.oldest) < s.periods.of(now.UnixNano())
	due := n >= s.o.Newest || old || s.asked && (n > 0 || len(s.given) > 0)
	s.asked = false
	if due {
		s.frozen, s.newest = s.newest, newExact()
	}
	return due
}

// forget drops the runs of which everything has expired.
func (s *Set) forget(now time.Time, live func(seq uint64) bool) error {
	var errs []error
	expired := now.Add(-s.o.Remember).UnixNano()
	for i, r := range slices.Clone(s.runs) {
		last := i == len(s.runs)-1
		if r.newest >= expired || last && r.count == 0 {
			continue
		}
		errs = append(errs, s.forgetRun(r, now, live))
	}
	return errors.Join(errs...)
}

// forgetRun replaces a run by one of its live identities, or by nothing. The
// last run says how far the set is covered, so that something must stay.
func (s *Set) forgetRun(r *run, now time.Time, live func(seq uint64) bool) error {
	survives := func(e *entry) bool { return e.Seq != 0 && live(e.Seq) }
	survivors := 0
	c := newCursor(r)
	c.tolerant = true
	for c.next() {
		if err := s.between(c.at, now); err != nil {
			return err
		}
		if survives(&c.entry) {
			survivors++
		}
	}
	passedOver := c.err
	if survivors == 0 && r != s.runs[len(s.runs)-1] {
		return errors.Join(passedOver, s.replace([]*run{r}, nil))
	}
	c = newCursor(r)
	c.tolerant = true
	heir, err := s.write(header{first: r.first, last: r.last, covered: r.covered}, survivors, func() (entry, bool, error) {
		for c.next() {
			if err := s.between(c.at, now); err != nil {
				return entry{}, false, err
			}
			if survives(&c.entry) {
				c.entry.At = now.UnixNano()
				return c.entry, true, nil
			}
		}
		return entry{}, false, nil
	})
	if err == nil {
		err = s.replace([]*run{r}, heir)
	}
	return errors.Join(passedOver, err)
}

// merge merges runs until there is nothing to merge.
func (s *Set) merge(now time.Time) error {
	for {
		from, to := s.periods.plan(s.runs, now.UnixNano())
		if from == to {
			return nil
		}
		if err := s.mergeRuns(slices.Clone(s.runs[from:to]), now); err != nil {
			return err
		}
	}
}

func (s *Set) mergeRuns(runs []*run, now time.Time) error {
	var most int
	for _, r := range runs {
		most += int(r.count)
	}
	first, last := runs[0], runs[len(runs)-1]
	m := newMerge(runs)
	var n uint64
	heir, err := s.write(header{first: first.first, last: last.last, covered: last.covered}, most, func() (entry, bool, error) {
		n++
		if err := s.between(n, now); err != nil {
			return entry{}, false, err
		}
		return m.next()
	})
	if err != nil {
		return err
	}
	return s.replace(runs, heir)
}

// restEvery is how many entries a merge or a walk reads between two looks at
// whether there is something to seal: some milliseconds.
const restEvery = 1 << 16

// between does what long work must not keep waiting.
func (s *Set) between(n uint64, now time.Time) error {
	if n%restEvery != 0 {
		return nil
	}
	if s.closing.Load() {
		return ErrClosed
	}
	return s.seal(now)
}

// replace puts a run, nil for none, where neighbouring ones are.
func (s *Set) replace(old []*run, heir *run) error {
	s.mu.Lock()
	at := slices.Index(s.runs, old[0])
	var in []*run
	if heir != nil {
		in = append(in, heir)
		s.stored += int(heir.count)
	}
	s.runs = slices.Concat(s.runs[:at], in, s.runs[at+len(old):])
	for _, r := range old {
		s.stored -= int(r.count)
	}
	s.version.Add(1)
	s.mu.Unlock()
	for _, r := range old {
		_ = r.file.Close() // it was only read
		s.stray = append(s.stray, runName(r.number))
	}
	return s.sweep()
}

// sweep removes the files that are of no use, and renames those that were given
// up. That need not be durable: what comes back is swept by the next Open, or
// expires again, or is damaged again.
func (s *Set) sweep() error {
	for len(s.stray) > 0 {
		if err := s.o.FS.Remove(s.stray[0]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.stray = s.stray[1:]
	}
	for len(s.aside) > 0 {
		name := runName(s.aside[0])
		if err := s.o.FS.Rename(name, name+damaged); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.aside = s.aside[1:]
	}
	return nil
}
