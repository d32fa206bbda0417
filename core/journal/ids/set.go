// Package ids remembers identities: which events were accepted, so that none
// is accepted twice.
//
// [Open] a [Set], [Set.Add] what is accepted, ask it by [Set.Find], and let
// one goroutine call [Set.Keep] every second or so. The newest identities are
// in memory. Keep moves them to runs: files of sorted identities, of which
// only an index of 18 bits an identity is in memory. A fresh identity is told
// from all the others without reading the disk in more than 99 of 100 cases,
// a known one with one read of 4 KiB, however many there are.
//
// A run is synced before anything relies on it. What is not in a run yet is
// lost by a crash: [Set.Covered] says how far the caller need not worry. An
// entry that was damaged is never taken for an identity that is not known.
package ids

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// Errors that callers branch on.
var (
	// ErrDamaged: a run does not hold what was written to it.
	ErrDamaged = errors.New("damaged")
	// ErrClosed: the set was closed meanwhile.
	ErrClosed = errors.New("ids: closed")
)

// Hash names an identity. The bits of hashes must be evenly spread, as those
// of a cryptographic hash are; otherwise the disk is read more often.
type Hash [16]byte

// Digest tells two events that go by one identity apart.
type Digest [16]byte

// Known is what is known of an identity.
type Known struct {
	Seq    uint64 // 0 for an identity without an entry
	Digest Digest
	At     int64 // of acceptance, Unix nanoseconds
}

// DefaultNewest is how many identities stay in memory until they make a run.
// They take 15 MB; as many as 1<<18 would take 29, their map having just grown.
const DefaultNewest = 200_000

// Options are the settings of a Set.
type Options struct {
	FS disk.FS
	// Remember is how long an identity is known at least. It is forgotten after
	// half as long again at most, or twenty minutes if that is longer.
	Remember time.Duration
	// Max is how many identities make the set full. Those that have expired
	// count until they are forgotten. 0 for no bound.
	Max int
	// Newest is how many identities stay in memory; 0 for DefaultNewest.
	Newest int
	// Drop opens a set without its damaged runs. Their identities are not
	// known, Covered is 0, and the first run that is sealed makes it final:
	// then the damaged files get another name, and nothing reads them again.
	Drop bool
}

// Set is a set of identities. Safe for concurrent use.
type Set struct {
	o       Options
	periods periods
	version atomic.Uint64
	closing atomic.Bool

	finds, reads atomic.Uint64

	// mu is held for look-ups in memory and to put something in its place,
	// never while the disk works.
	mu      sync.RWMutex
	newest  *exact
	frozen  *exact // on its way into a run; nil for none
	runs    []*run // oldest first; replaced, never changed
	stored  int    // identities in runs
	covered uint64
	asked   bool // Seal was called

	// keeping is held by Keep, Verify and Close.
	keeping sync.Mutex
	number  uint64   // of the next run
	stray   []string // files to be removed
	given   []uint64 // damaged runs that Open gave up, until a seal makes it final
	aside   []uint64 // of these, what is to be renamed
}

// exact is a part of the set that is in memory.
type exact struct {
	known   map[Hash]Known
	covered uint64 // the largest sequence added
	oldest  int64  // time of acceptance
}

func newExact() *exact { return &exact{known: make(map[Hash]Known)} }

func (e *exact) len() int {
	if e == nil {
		return 0
	}
	return len(e.known)
}

func (e *exact) find(h Hash) (Known, bool) {
	if e == nil {
		return Known{}, false
	}
	k, ok := e.known[h]
	return k, ok
}

// Add remembers an identity, and forgets what was known of it before. Sequences
// grow from call to call, but for zeros.
func (s *Set) Add(h Hash, k Known) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.newest.known) == 0 || k.At < s.newest.oldest {
		s.newest.oldest = k.At
	}
	s.newest.known[h] = k
	s.newest.covered = max(s.newest.covered, k.Seq)
}

// Find returns what is known of an identity. It may read the disk. An identity
// that has expired may be found or not: At tells. With an error it is unknown
// whether the identity is known.
func (s *Set) Find(h Hash) (Known, bool, error) {
	s.finds.Add(1)
	for {
		s.mu.RLock()
		k, ok := s.findNewest(h)
		runs, version := s.runs, s.version.Load()
		s.mu.RUnlock()
		if ok {
			return k, true, nil
		}
		k, ok, err := s.findStored(runs, h)
		if err == nil || s.version.Load() == version {
			return k, ok, err
		}
		// The run was replaced and closed meanwhile.
	}
}

func (s *Set) findStored(runs []*run, h Hash) (Known, bool, error) {
	for i := len(runs) - 1; i >= 0; i-- {
		k, ok, reads, err := runs[i].find(h)
		if reads > 0 {
			s.reads.Add(reads)
		}
		if ok || err != nil {
			return k, ok, err
		}
	}
	return Known{}, false, nil
}

// FindNewest returns what is known of an identity that is still in memory. It
// never reads the disk.
func (s *Set) FindNewest(h Hash) (Known, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.findNewest(h)
}

func (s *Set) findNewest(h Hash) (Known, bool) {
	if k, ok := s.newest.find(h); ok {
		return k, true
	}
	return s.frozen.find(h)
}

// Version changes whenever identities leave memory. So a caller with a lock
// around Add need not hold it while the disk is read: Version, Find, then
// under the lock FindNewest, and after it Version again. If Find and
// FindNewest found nothing, and Version is what it was, the identity is fresh.
// Version read before FindNewest would miss what leaves memory in between.
func (s *Set) Version() uint64 { return s.version.Load() }

// Len is how many identities are remembered at most: one that was added again
// counts twice until its runs are merged.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.len()
}

func (s *Set) len() int { return s.newest.len() + s.frozen.len() + s.stored }

// Full tells whether Max is reached. Add goes on regardless.
func (s *Set) Full() bool { return s.o.Max > 0 && s.Len() >= s.o.Max }

// Covered is up to where a crash loses nothing: every identity added with a
// sequence above zero and not above it is in a run, synced. After Open, what
// lies above it is to be added again.
func (s *Set) Covered() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.covered
}

// Files are the names of the runs in use. They stay while no Keep works.
func (s *Set) Files() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for _, r := range s.runs {
		names = append(names, runName(r.number))
	}
	return names
}

// exactCost is what an identity takes in memory, in bytes: from 73 to 115 as
// the map has grown long ago or just now.
const exactCost = 96

// Memory is about how many bytes the set holds. A merge takes the index of the
// run that it makes for a while.
func (s *Set) Memory() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.memory()
}

func (s *Set) memory() int64 {
	n := int64(s.newest.len()+s.frozen.len()) * exactCost
	for _, r := range s.runs {
		n += r.index.memory()
	}
	return n
}

// Stats counts what a Set holds and did.
type Stats struct {
	Newest    int // identities in memory
	Runs      int
	IDs       int // as Len
	Memory    int64
	DiskReads uint64 // by Find, 4 KiB each
	Finds     uint64
}

// Stats returns the figures of the moment.
func (s *Set) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return Stats{Newest: s.newest.len() + s.frozen.len(), Runs: len(s.runs), IDs: s.len(), Memory: s.memory(), DiskReads: s.reads.Load(), Finds: s.finds.Load()}
}

// Close closes the files and syncs nothing: what is not in a run is where the
// caller has it. A Keep that works gives up, and Close waits for it.
func (s *Set) Close() error {
	s.closing.Store(true)
	s.keeping.Lock()
	defer s.keeping.Unlock()
	var errs []error
	for _, r := range s.runs {
		errs = append(errs, r.file.Close())
	}
	return errors.Join(errs...)
}
