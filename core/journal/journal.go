package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/ids"
	"github.com/headgate-io/headgate/core/journal/index"
	"github.com/headgate-io/headgate/core/outbox"
)

// Options are what a Journal is made of. Every bound must be positive.
type Options struct {
	Dir        string           // its own; made when it is not there
	Remember   time.Duration    // how long an identity is known
	KeepStatus time.Duration    // how long the end of an event can be asked for
	MaxIDs     int              // identities known at once
	Capacity   int64            // bytes of events held, counted for each channel
	MaxPending map[string]int64 // bytes held per command channel
	Reserve    int64            // bytes of the disk that events leave free; at most 5 % of it
	Segment    int64            // bytes of a segment; 0 for 64 MiB, less on a small disk, more of a large journal
	NewestIDs  int              // identities known in memory exactly; 0 for many
	Follow     bool             // facts are kept for a follower until it has Followed them
	FS         disk.FS          // instead of Dir
	Log        zerolog.Logger
}

const (
	// segmentSize is that of a segment on a disk with room.
	segmentSize = 64 << 20
	// maxSegment is the largest, and maxSegments what a full journal has about:
	// files are kept open.
	maxSegment  = 256 << 20
	maxSegments = 256
	// minSegment is that of one on a disk with little.
	minSegment = 1 << 20
	// maxWaiting bounds the bytes that wait to be written: a disk that is slower
	// than its senders refuses, and does not fill the memory.
	maxWaiting = 64 << 20
	// maxCached bounds the bytes of entries that are kept in memory because they
	// are likely to be handed out soon.
	maxCached = 32 << 20
)

// Journal is an outbox.Engine on a disk. Make one with [Open]. Safe for
// concurrent use.
type Journal struct {
	o    Options
	fs   disk.FS
	ids  *ids.Set
	log  zerolog.Logger
	seen atomic.Int64 // newest time there was; no time goes back

	// reading is held while a file is read, so that it is not closed meanwhile;
	// it is taken before mu.
	reading sync.RWMutex

	// writing is held by who commits; with it go pen, seq and ordinal. It is
	// taken before reading and mu.
	writing sync.Mutex
	pen     pen
	seq     uint64 // last one given
	ordinal uint64 // last one given to an outcome

	mended *segment // the one that failed, while its file is there; writing

	// tidying is held by who tidies, and taken before everything else.
	tidying sync.Mutex

	mu       sync.Mutex
	closed   bool
	gather   *group // what the next commit writes
	joining  map[ids.Hash]*pending
	channels map[string]*channel
	segments []*segment // by number; the last one is written
	cache    cache
	waiters  map[uint64][]chan struct{}
	refusing error // why events are refused: ErrDiskFull or ErrFailing
	cause    error // of it
	spare    int64 // bytes of the spare segment, 0 for none
	pins     int   // who needs every segment to stay
	newest   outbox.Position
	followed outbox.Position
	recent   *recent // nil when nobody follows
	stats    outbox.Disk

	tidy chan struct{} // there is something to tidy
}

var (
	_ outbox.Engine    = (*Journal)(nil)
	_ outbox.Copying   = (*Journal)(nil)
	_ outbox.Following = (*Journal)(nil)
)

// channel is one command channel.
type channel struct {
	name     string
	legs     *index.Channel
	most     int64
	reserved int64 // bytes that are being committed
	wake     chan struct{}

	sent   uint64 // legs up to here may be handed out: it is on disk
	cursor uint64 // highest sequence handed out, or about to be
	hungry bool   // it was asked for more than it had
	eldest eldest // that was read last
}

func newChannel(name string, most int64) *channel {
	return &channel{name: name, legs: index.New(), most: most, wake: make(chan struct{}, 1)}
}

func (c *channel) signal() {
	select {
	case c.wake <- struct{}{}:
	default: // a signal is waiting already; one is enough
	}
}

// channel gives one by name, made if it is not there. Callers hold mu.
func (j *Journal) channel(name string) *channel {
	c := j.channels[name]
	if c == nil {
		c = newChannel(name, 0)
		j.channels[name] = c
	}
	return c
}

// segment gives one by number, nil for none. Callers hold mu.
func (j *Journal) segment(number uint32) *segment {
	i, ok := slices.BinarySearchFunc(j.segments, number, func(s *segment, n uint32) int { return cmp.Compare(s.number, n) })
	if !ok {
		return nil
	}
	return j.segments[i]
}

// now is a time that never goes back.
func (j *Journal) now(t time.Time) int64 {
	n := outbox.Nanos(t)
	for {
		seen := j.seen.Load()
		if n <= seen {
			return seen
		}
		if j.seen.CompareAndSwap(seen, n) {
			return n
		}
	}
}

// Newest is the newest time in the journal: no clock should be behind it.
func (j *Journal) Newest() time.Time { return outbox.Instant(j.seen.Load()) }

// Close seals the journal. Appends and settles after it return ErrClosed.
func (j *Journal) Close() error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	j.recent.signal()
	for seq, waiting := range j.waiters {
		for _, w := range waiting {
			close(w)
		}
		delete(j.waiters, seq)
	}
	g := j.gather
	j.mu.Unlock()
	if !g.empty() {
		<-g.done // its leader writes it
	}
	j.tidying.Lock()
	defer j.tidying.Unlock()
	j.writing.Lock()
	defer j.writing.Unlock()
	var errs []error
	if j.refusing == nil || !errors.Is(j.refusing, outbox.ErrFailing) {
		all, err := j.noteOuts()
		errs = append(errs, err, j.seal(all && err == nil))
		errs = append(errs, j.summarise())
	}
	j.reading.Lock()
	defer j.reading.Unlock()
	for _, s := range j.segments {
		errs = append(errs, s.close())
	}
	if j.mended != nil {
		errs = append(errs, j.mended.close())
	}
	errs = append(errs, j.ids.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("journal: close: %w", err)
	}
	return nil
}

func (s *segment) close() error {
	var err error
	if s.summary != nil {
		err = s.summary.file.Close()
	}
	return errors.Join(err, s.file.Close())
}
