package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// What the log refuses for.
var (
	// ErrFailing: a write or a sync has failed, and the log is not whole again
	// yet. Nothing is written.
	ErrFailing = errors.New("audit: disk is failing")
	// ErrFull: what is left of the disk is reserved for what was accepted.
	ErrFull = errors.New("audit: disk is nearly full")
	// ErrRewound: after a failure the log has less than its follower told it.
	// The follower asks Resume, and tells again what comes after.
	ErrRewound = errors.New("audit: the disk has failed since: follow again from where Resume says")
	// ErrClosed: the log is closed.
	ErrClosed = errors.New("audit: log is closed")
	// ErrContradiction: what is on disk is not what a checkpoint says.
	ErrContradiction = errors.New("audit: the log on disk is not the one that was signed")
)

// The defaults.
const (
	DefaultMaxFile    = 64 << 20         // a file that any tool still opens
	DefaultCheckpoint = 10 * time.Second // so much can be cut off unseen where it is exported as often
)

// reserveParts is the part of the file system that the reserve is at most, as
// the journal's: 1/20.
const reserveParts = 20

// Options are the settings of a log.
type Options struct {
	FS         disk.FS            // the log's directory, and nothing else's
	Key        ed25519.PrivateKey // signs checkpoints
	Origin     string             // names the log in checkpoints, as in "router.example/audit"
	Boot       string             // names this run of the router in each line
	MaxFile    int64              // bytes; 0 means DefaultMaxFile
	Retain     time.Duration      // how long records are kept, file by file; 0 means forever
	Checkpoint time.Duration      // between two; 0 means DefaultCheckpoint
	Exports    []Export           // where checkpoints go
	Reserve    int64              // bytes of the disk that acceptances leave free; at most 5 % of it
	Log        zerolog.Logger
	Now        func() time.Time // nil means time.Now
}

// Log is an open audit log. Safe for concurrent use, with one follower.
type Log struct {
	o       Options
	signer  *signer
	key     string // verifier key
	ledger  *ledger
	exports []*exporter
	wake    chan struct{} // refusals wait to be written

	// turn is held to sync, to change the file, and to sign. Who holds it may
	// take mu, and not the other way round.
	turn chan struct{}

	mu      sync.Mutex
	file    disk.File // the newest of files
	files   []logFile
	written mark // as far as the lines go
	synced  mark // as far as they are on disk for sure
	waiters []*waiter
	loose   []loose
	cause   error // why file is not trusted any more
	signed  Checkpoint
	signing error // why the newest checkpoint could not be kept
	low     error // why the disk is full
	rewound bool
	closed  bool
	buf     []byte // one spare byte, and lines
	enc     encoder

	refusing atomic.Pointer[error]
	refusals refusals
	sums     sums
}

// logFile is a file of an open log.
type logFile struct {
	file
	opened time.Time
	bytes  int64 // of one that is sealed
}

// mark is a state of the log between two lines.
type mark struct {
	off  int64 // in the newest file
	tree edge
	last tlog.Hash // of the last line
	pos  Position
}

// waiter is a Write that waits for a sync.
type waiter struct {
	size int64 // of the log that must be on disk
	done chan error
}

// loose is a line that nobody tells again when it is lost with an unsynced tail.
type loose struct {
	size int64
	back func() // counts what it said once more
}

// Stats are what a log tells of itself.
type Stats struct {
	Size       int64         `json:"size"` // records since the beginning
	Root       tlog.Hash     `json:"root"`
	First      int64         `json:"first"` // index of the oldest record that is kept
	Files      int           `json:"files"`
	Bytes      int64         `json:"bytes"`
	Checkpoint int64         `json:"checkpoint"` // records that the newest one covers
	Signed     time.Time     `json:"signed,omitzero"`
	Exports    []ExportStats `json:"exports"`
	Suppressed uint64        `json:"suppressed"`         // refusals that were counted, and not written each, since the start
	Refusing   string        `json:"refusing,omitempty"` // Err
	Key        string        `json:"key"`                // verifier key of the checkpoints
}

// Stats returns counts.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Size: l.written.tree.size, Root: l.written.tree.root(), First: l.files[0].index, Files: len(l.files), Bytes: l.written.off,
		Checkpoint: l.signed.Size, Signed: l.signed.Time, Suppressed: l.refusals.total(), Key: l.key}
	for _, f := range l.files {
		s.Bytes += f.bytes
	}
	for _, e := range l.exports {
		s.Exports = append(s.Exports, e.stats())
	}
	if err := l.Err(); err != nil {
		s.Refusing = err.Error()
	}
	return s
}

// Err tells why nothing may be accepted now: a write or a sync has failed, a
// checkpoint cannot be kept, the disk is nearly full, or the log is closed. Nil
// when all is well. It costs next to nothing.
func (l *Log) Err() error {
	if err := l.refusing.Load(); err != nil {
		return *err
	}
	return nil
}

// tell sets what Err says. Callers hold mu.
func (l *Log) tell() {
	var err error
	switch {
	case l.closed:
		err = ErrClosed
	case l.cause != nil:
		err = fmt.Errorf("%w: %w", ErrFailing, l.cause)
	case l.signing != nil:
		err = fmt.Errorf("%w: %w", ErrFailing, l.signing)
	case l.low != nil:
		err = l.low
	default:
		l.refusing.Store(nil)
		return
	}
	l.refusing.Store(&err)
}

// Position is that of the newest record that the log was told.
func (l *Log) Position() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.pos
}

// Synced is the newest position that is on disk: what comes before it may be
// forgotten elsewhere.
func (l *Log) Synced() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.synced.pos
}

// Resume is where a follower goes on from, when it starts and whenever Append has
// returned an error. After a failed sync that is further back than it was: what
// comes after Synced is told again.
func (l *Log) Resume() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rewound = false
	return l.written.pos
}

// Close counts and writes what waits, signs the last checkpoint and tries once to
// export it. Run must have returned.
func (l *Log) Close() error {
	l.drain(true)
	l.turn <- struct{}{}
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		<-l.turn
		return nil
	}
	err := l.flush()
	if err == nil {
		err = l.sign()
	}
	l.mu.Lock()
	l.closed = true
	l.resolve(ErrClosed)
	l.tell()
	err = errors.Join(err, l.ledger.close())
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
	}
	l.mu.Unlock()
	<-l.turn
	ctx, cancel := context.WithTimeout(context.Background(), lastExport)
	defer cancel()
	l.exportOnce(ctx)
	for _, e := range l.exports {
		if c, ok := e.to.(interface{ Close() }); ok {
			c.Close()
		}
	}
	return err
}
