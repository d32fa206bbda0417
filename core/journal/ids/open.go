package ids

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Open opens the set in a directory; an empty one gives an empty set. It reads
// the index of every run, and removes what a crash left behind. Its error
// names every run that is damaged, and wraps [ErrDamaged]: then [Options].Drop
// opens the set without them.
func Open(o Options) (_ *Set, err error) {
	if o.Newest == 0 {
		o.Newest = DefaultNewest
	}
	s := &Set{o: o, periods: periodsOf(o.Remember), newest: newExact(), number: 1}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	// A crash may have left names that no sync made durable.
	if err := o.FS.Sync(); err != nil {
		return nil, err
	}
	numbers, err := s.list()
	if err != nil {
		return nil, err
	}
	if err := s.openRuns(numbers); err != nil {
		return nil, err
	}
	for _, r := range s.runs {
		s.stored += int(r.count)
		s.covered = r.covered
	}
	if len(s.given) > 0 {
		s.covered = 0
	}
	return s, s.sweep()
}

// list returns the numbers of the runs that are there.
func (s *Set) list() ([]uint64, error) {
	names, err := s.o.FS.List()
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		number, ending, ok := parseName(name)
		if !ok {
			continue
		}
		s.number = max(s.number, number+1)
		switch ending {
		case draft:
			s.stray = append(s.stray, name)
		case whole:
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}

// openRuns opens the runs, leaves out those that others replaced, and puts
// them in order.
func (s *Set) openRuns(numbers []uint64) error {
	var errs []error
	var opened []*run
	for _, number := range numbers {
		r, err := openRun(s.o.FS, number)
		switch {
		case err == nil:
			opened = append(opened, r)
		case s.o.Drop && errors.Is(err, ErrDamaged):
			s.given = append(s.given, number)
		default:
			errs = append(errs, err)
		}
	}
	for _, r := range opened {
		if slices.ContainsFunc(opened, func(o *run) bool { return o.replaces(&r.header) }) {
			_ = r.file.Close()
			s.stray = append(s.stray, runName(r.number))
			continue
		}
		s.runs = append(s.runs, r)
	}
	slices.SortFunc(s.runs, func(a, b *run) int { return cmp.Compare(a.first, b.first) })
	for i := 1; i < len(s.runs); i++ {
		if a, b := s.runs[i-1], s.runs[i]; a.last >= b.first {
			errs = append(errs, fmt.Errorf("ids: %s and %s hold the same part of the set: remove the one that was put there", runName(a.number), runName(b.number)))
		}
	}
	return errors.Join(errs...)
}
