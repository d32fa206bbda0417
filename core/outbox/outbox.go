// Package outbox holds accepted commands between their acceptance and their
// end. It is the only hand-over between the two halves of the router: intake
// appends, dispatch takes, asks and settles.
//
// The store is four small interfaces, [Accepting], [Dispatching], [Asking] and
// [Keeping], so that an engine can be replaced without touching either half.
// Package outboxtest holds the suite that every engine passes. Nothing here
// assumes one process: sequences are opaque, settling is idempotent, leases
// are verified by key.
package outbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"math/bits"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// Errors of an engine that callers branch on. Any other error of Append means
// that it is unknown whether the entry is stored.
var (
	// ErrChannelFull: a target channel has reached its max_pending. Nothing stored.
	ErrChannelFull = errors.New("outbox: channel is full")
	// ErrFull: the engine has reached its total size. Nothing stored.
	ErrFull = errors.New("outbox: store is full")
	// ErrDiskFull: what is left of the disk is reserved for what is stored
	// already. Nothing stored.
	ErrDiskFull = errors.New("outbox: disk is full")
	// ErrFailing: the disk failed, and is not trusted again yet. Nothing stored.
	ErrFailing = errors.New("outbox: disk is failing")
	// ErrBusy: more waits to be written than may wait. Nothing stored.
	ErrBusy = errors.New("outbox: too much waits to be written")
	// ErrIDsFull: max_ids identities are remembered already. Nothing stored.
	ErrIDsFull = errors.New("outbox: identity index is full")
	// ErrClosed: the engine is closed or closing. Nothing stored.
	ErrClosed = errors.New("outbox: closed")
	// ErrNotFound: no entry goes by that name.
	ErrNotFound = errors.New("outbox: no such entry")
)

// Key names an event: (source, id) is the only replay key.
type Key struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

// Hash is what an engine may remember a key by: 128 bits of SHA-256, which do
// not collide by chance.
func (k Key) Hash() [16]byte {
	var room [512]byte
	sum := sha256.Sum256(sdk.AppendPAE(room[:0], "headgate.key.v1", k.Source, k.ID))
	return [16]byte(sum[:16])
}

// Entry is one accepted event with everything its deliveries need. It is
// immutable once appended.
type Entry struct {
	Event     sdk.Event
	Digest    [32]byte // sdk.Event.Digest
	Principal sdk.Principal
	Proof     sdk.Proof
	Accepted  time.Time
	Expires   time.Time // the event's own expirytime; zero for never
	Targets   []Target  // one per command channel, no channel twice; may be empty
	Facts     Facts
}

// Facts are what the audit log says of an acceptance beside the entry itself.
// They are stored in the same commit.
type Facts struct {
	Request string   `json:"request,omitempty"` // id of the request
	Ingress string   `json:"ingress,omitempty"`
	Addr    string   `json:"addr,omitempty"` // of the peer
	Key     string   `json:"key,omitempty"`  // id of the key that proved the sender; for a token, of the one that it is signed by
	Routes  []string `json:"routes,omitempty"`
}

// Target is one channel an entry goes to.
type Target struct {
	Channel    string   `json:"channel"`
	Order      string   `json:"order,omitempty"` // order key; empty for none
	Park       bool     `json:"park,omitempty"`  // a dead letter keeps its lane closed (on_dead = "park")
	Transforms []string `json:"transforms,omitempty"`
}

// Key returns the entry's name.
func (e *Entry) Key() Key { return Key{Source: e.Event.Source, ID: e.Event.ID} }

// Verdict is what Append found out about an entry's identity.
type Verdict uint8

// The verdicts.
const (
	Stored    Verdict = iota // fresh; it is in the store now
	Duplicate                // same key, same digest, already in the store
	Conflict                 // same key, another digest; nothing stored
)

// Appended is the outcome of an Append for one entry. Err stands for itself:
// with it, only the package's own errors say that nothing is stored.
type Appended struct {
	Seq     uint64 // position in the store; of the first one for a Duplicate
	Verdict Verdict
	Durable bool // on disk and synced: the answer may say "accepted"
	Err     error
}

// Accepting stores events. Safe for concurrent use.
type Accepting interface {
	// Append stores entries whose keys are not known, each for itself, and
	// returns one outcome for each, in order, when all of them are as durable
	// as the engine makes them. A duplicate that overtakes the first one's
	// commit waits for it and shares its outcome. Of an entry without targets
	// only the identity is kept, in memory. When ctx ends first, the outcomes
	// that are not known yet have its error.
	Append(ctx context.Context, entries ...*Entry) []Appended
}

// Item is one entry handed out for one channel.
type Item struct {
	Seq      uint64
	Target   Target
	Entry    *Entry
	Attempt  int       // ordinal of this hand-over, from 1
	Failures int       // so far
	Since    time.Time // from when its age counts: acceptance, or the last redrive
	Until    time.Time // from Resume only: how long its lease may be kept up
}

// Action is what an Outcome does to an entry on one channel.
type Action uint8

// The actions. Done, Dead and Dropped are final; a final state is left only by
// Redrive and, for a dead letter, Dropped. Hold and Release are an operator's:
// what is held is not handed out, and keeps its lane closed, until it is
// released; a hand-over that is out goes on, and is held if it comes back.
// Lease is the last word about a hand-over that is out when the router ends.
const (
	Done    Action = iota
	Dead           // to the dead letters
	Dropped        // ended on purpose: cancelled, or a dead letter thrown away
	Retry          // handed out again at Due, with Failures as given
	Redrive        // a dead letter becomes pending again, with no failures
	Hold           // what is pending is not handed out any more
	Release        // what is held may be handed out again
	Lease          // stays out after a restart, until Due at most: see Resume
)

// Outcome is what became of one hand-over.
type Outcome struct {
	Seq      uint64
	Channel  string
	Action   Action
	Attempt  int       // of the hand-over it speaks of; 0 for an operator's act
	Unsent   bool      // it never left, so the attempt does not count
	Failures int       // new count, for Retry and Dead
	At       time.Time // when it happened
	Due      time.Time // for Retry: zero for at once; for Lease: the longest it may be held
	What     string    // one word for the history; empty keeps it out
	Reason   string
	Result   []byte // JSON, for Done
}

// Dispatching hands entries out. Safe for concurrent use, one caller of Ready
// per channel.
type Dispatching interface {
	// Ready hands out up to most entries of channel: heads of lanes that are
	// due at now, fresh ones and due retries in turn, oldest first. Each is
	// out, and its lane closed, until Settle names it. next is the time of the
	// earliest retry that is not due yet, zero for none. It does not block.
	Ready(channel string, now time.Time, most int) (items []Item, next time.Time, err error)
	// Settle records outcomes and returns when they are as durable as the
	// engine makes them; only then do their lanes open. It is idempotent: an
	// outcome for an entry that is final, or that speaks of an older attempt
	// (unless it is final itself), changes nothing and is no error.
	Settle(ctx context.Context, outcomes []Outcome) error
	// Shelve takes back items of a hand-over that cannot go on until something
	// outside the store comes back. Their attempts do not count, their lanes stay
	// closed, and they are not handed out until Unshelve names the shelf. Nothing
	// is written: after a restart they are ready. What lies on a shelf may be
	// held, and may end; a dead letter that is redriven there lies there again.
	// An item that is not out any more, or of another attempt, is left alone.
	Shelve(channel, shelf string, items []Item)
	// Unshelve lets what lies on a shelf be handed out again, in the order in
	// which it came there, before what was never handed out; what is put on that
	// shelf later waits for the next one. It returns at once, however much lies
	// there, and is a no-op for a shelf that has nothing. There may be very many
	// shelves.
	Unshelve(channel, shelf string)
	// Resume hands out, once after the store was opened, what a Lease kept out
	// on channel: with the attempt it had, and Until. Other items never have one.
	Resume(channel string) ([]Item, error)
	// Wake returns a channel that receives after anything happened that may
	// make an entry of the named channel ready. One waiter per channel.
	Wake(channel string) <-chan struct{}
}

// State is where an event is on one channel.
type State string

// The states.
const (
	StatePending State = "pending"
	StateDone    State = "done"
	StateFailed  State = "failed" // a dead letter
	StateDropped State = "dropped"
)

// Try is one line of an entry's history.
type Try struct {
	Attempt int       `json:"attempt"`
	At      time.Time `json:"at"`
	What    string    `json:"what"` // "retry", "failed", "lapsed", "lost", ...
	Reason  string    `json:"reason,omitempty"`
}

const (
	// MaxHistory is how many tries an entry keeps per channel, the newest ones.
	MaxHistory = 16
	// maxTryReason is how much of a reason a try keeps, in bytes.
	maxTryReason = 128
)

// AddTo gives a history with the outcome's line, if it has one. It changes
// nothing in the one it is given.
func (o *Outcome) AddTo(history []Try) []Try {
	if o.What == "" {
		return history
	}
	history = history[max(0, len(history)-MaxHistory+1):len(history):len(history)]
	return append(history, Try{Attempt: o.Attempt, At: o.At, What: o.What, Reason: o.Reason[:min(len(o.Reason), maxTryReason)]})
}

// ChannelStatus is the state of one event on one channel.
type ChannelStatus struct {
	Target
	State    State     `json:"state"`
	Attempt  int       `json:"attempt"`
	Failures int       `json:"failures,omitempty"`
	Out      bool      `json:"out,omitempty"`  // handed out now
	Held     bool      `json:"held,omitempty"` // by an operator, until released
	Due      time.Time `json:"due,omitzero"`
	At       time.Time `json:"at,omitzero"` // of the last change
	Reason   string    `json:"reason,omitempty"`
	Result   []byte    `json:"-"`
	History  []Try     `json:"history,omitempty"`
}

// Status is the state of one event.
type Status struct {
	Key
	Seq       uint64
	Entry     *Entry // nil once the payload is gone
	Type      string
	Principal sdk.Principal
	Proof     sdk.Proof
	KeyID     string // of the key that proved the sender: Facts.Key
	Accepted  time.Time
	Channels  []ChannelStatus
}

// State is the state of the whole event: pending while any channel is, else
// failed if any channel failed, else dropped if any was dropped, else done.
func (s *Status) State() State {
	worst := StateDone
	for _, c := range s.Channels {
		switch {
		case c.State == StatePending:
			return StatePending
		case c.State == StateFailed:
			worst = StateFailed
		case c.State == StateDropped && worst == StateDone:
			worst = StateDropped
		}
	}
	return worst
}

// Filter selects entries for List. Zero fields select everything.
type Filter struct {
	Channel   string
	State     State
	Source    string
	Type      string
	Principal string // as sdk.Principal's String gives it
	KeyID     string // of the key that proved the sender: see ByKey
	Held      bool   // only what is held
	Limit     int    // 0 means 100
	After     uint64 // sequences above it only, to page
}

// tokenTransport is the sdk.Proof.Transport of a token.
const tokenTransport = "jwt"

// ByKey tells whether KeyID names the key that proved a sender. An id alone is that
// of a registered key, never that of the key which signed a token: its issuer calls
// those as it likes. AUTH:ID is a key of that [[auth]], whichever it is.
func (f *Filter) ByKey(who sdk.Principal, by sdk.Proof, keyID string) bool {
	if f.KeyID == "" {
		return true
	}
	if auth, id, full := strings.Cut(f.KeyID, ":"); full {
		return auth == who.Provider && id == keyID
	}
	return f.KeyID == keyID && by.Transport != tokenTransport
}

// Asking reads. Safe for concurrent use.
type Asking interface {
	// Lookup returns the status of one event, ErrNotFound when none goes by
	// that key or its status is no longer kept.
	Lookup(ctx context.Context, key Key) (Status, error)
	// Await is Lookup, once the event is final or ctx has ended.
	Await(ctx context.Context, key Key) (Status, error)
	// List returns statuses in order of sequence.
	List(ctx context.Context, f Filter) ([]Status, error)
}

// ChannelStats counts one channel's entries.
type ChannelStats struct {
	Pending int   `json:"pending"` // ready, waiting for a retry, shelved, or out
	Out     int   `json:"out"`
	Dead    int   `json:"dead"`
	Held    int   `json:"held"`    // of the pending ones
	Shelved int   `json:"shelved"` // of the pending ones that are not held; when very many come off, for a while still
	Bytes   int64 `json:"bytes"`   // held by pending entries and dead letters
}

// Stats counts what the engine holds.
type Stats struct {
	Engine   string                  `json:"engine"`
	Durable  bool                    `json:"durable"`
	Entries  int                     `json:"entries"`  // with a payload
	IDs      int                     `json:"ids"`      // identities remembered
	Bytes    int64                   `json:"bytes"`    // payload bytes held
	Capacity int64                   `json:"capacity"` // payload bytes it may hold
	Channels map[string]ChannelStats `json:"channels"`
	Disk     *Disk                   `json:"disk,omitempty"` // of an engine that has one
}

// Disk is what an engine tells of its disk.
type Disk struct {
	Bytes    int64     `json:"bytes"` // files of the store
	Free     int64     `json:"free"`  // of the file system
	Reserve  int64     `json:"reserve"`
	Segments int       `json:"segments"`
	Refusing string    `json:"refusing,omitempty"` // why nothing is accepted now
	Damaged  int       `json:"damaged"`            // records found unreadable since the start
	Commits  Histogram `json:"commits"`            // records per commit
	Writes   Histogram `json:"writes"`             // bytes per commit
	Syncs    Histogram `json:"syncs"`              // microseconds per commit, write and sync
}

// Histogram counts values by powers of two: Counts[i] are those below 1<<i that
// no earlier bucket has; the last one has all the rest.
type Histogram struct {
	Counts [32]uint64 `json:"counts"`
	Sum    uint64     `json:"sum"`
}

// Add counts one value.
func (h *Histogram) Add(v uint64) {
	h.Counts[min(bits.Len64(v), len(h.Counts)-1)]++
	h.Sum += v
}

// Keeping looks after the store.
type Keeping interface {
	// Verify checks everything that can be checked, and names the first fault.
	Verify(ctx context.Context) error
	Stats() Stats
	// Close ends the store. Appends and settles after it return ErrClosed.
	Close() error
}

// Copying is what an engine with files adds.
type Copying interface {
	// Backup puts a copy of the store as it is now into dir, an empty
	// directory, while the store goes on.
	Backup(ctx context.Context, dir string) error
}

// Engine is a whole store.
type Engine interface {
	Accepting
	Dispatching
	Asking
	Keeping
}
