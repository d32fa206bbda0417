// Package memory is the outbox that keeps everything in memory. Nothing in it
// is durable: what it holds ends with the process, and so an event it takes is
// answered "queued", never "accepted". It serves tests, demos and routers whose
// commands may be lost.
package memory

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// Options bound a Store. Every bound must be positive.
type Options struct {
	Remember   time.Duration    // how long an identity is known
	KeepStatus time.Duration    // how long the end of an event can be asked for
	MaxIDs     int              // identities known at once
	Capacity   int64            // bytes of events held
	MaxPending map[string]int64 // bytes held per command channel
	Follow     bool             // facts are kept for a follower until it has Followed them; too many, and events are refused as ErrBusy
}

// Store is an outbox.Engine. Safe for concurrent use.
type Store struct {
	o Options

	mu       sync.Mutex
	closed   bool
	seq      uint64 // last one given
	low      uint64 // no record has it, or a lower one
	bytes    int64
	told     int64 // bytes of results, reasons and histories
	ids      map[identity]known
	idsByAge queue[agedIdentity]
	records  map[uint64]*record
	ended    queue[agedRecord] // records to forget, oldest first
	channels map[string]*channel
	waiters  map[uint64][]chan struct{}
	position outbox.Position
	facts    *facts
}

var (
	_ outbox.Engine    = (*Store)(nil)
	_ outbox.Following = (*Store)(nil)
)

// identity is a key's hash; 128 bits do not collide by chance.
type identity [16]byte

type known struct {
	seq    uint64
	digest [16]byte
}

type agedIdentity struct {
	id identity
	at time.Time
}

type agedRecord struct {
	seq uint64
	at  time.Time
}

// New returns an empty store for the channels named in o.MaxPending.
func New(o Options) *Store {
	s := &Store{
		o:   o,
		ids: make(map[identity]known), records: make(map[uint64]*record),
		channels: make(map[string]*channel), waiters: make(map[uint64][]chan struct{}),
	}
	for name, most := range o.MaxPending {
		s.channels[name] = newChannel(most)
	}
	if o.Follow {
		s.facts = newFacts(o.Capacity)
	}
	return s
}

// Append implements outbox.Accepting. It does not block.
func (s *Store) Append(_ context.Context, entries ...*outbox.Entry) []outbox.Appended {
	out := make([]outbox.Appended, len(entries))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range entries {
		out[i] = s.append(e)
	}
	return out
}

func (s *Store) append(e *outbox.Entry) outbox.Appended {
	if s.closed {
		return outbox.Appended{Err: outbox.ErrClosed}
	}
	id, digest := identity(e.Key().Hash()), [16]byte(e.Digest[:16])
	s.forget(e.Accepted)
	if k, ok := s.ids[id]; ok {
		if k.digest != digest {
			return outbox.Appended{Seq: k.seq, Verdict: outbox.Conflict}
		}
		return outbox.Appended{Seq: k.seq, Verdict: outbox.Duplicate}
	}
	if len(s.ids) >= s.o.MaxIDs {
		return outbox.Appended{Err: outbox.ErrIDsFull}
	}
	if len(e.Targets) > 0 {
		if s.facts.full(1, 1) {
			return outbox.Appended{Err: outbox.ErrBusy}
		}
		if err := s.room(e); err != nil {
			return outbox.Appended{Err: err}
		}
	}
	s.seq++
	s.ids[id] = known{seq: s.seq, digest: digest}
	s.idsByAge.push(agedIdentity{id: id, at: e.Accepted})
	if len(e.Targets) > 0 {
		s.add(e)
	}
	return outbox.Appended{Seq: s.seq, Verdict: outbox.Stored}
}

// room checks every bound before anything changes.
func (s *Store) room(e *outbox.Entry) error {
	size := sizeOf(e)
	for _, t := range e.Targets {
		c := s.channels[t.Channel]
		if c == nil {
			return fmt.Errorf("outbox: no channel %q", t.Channel)
		}
		if c.bytes+size > c.most {
			return fmt.Errorf("%w: %s", outbox.ErrChannelFull, t.Channel)
		}
	}
	if s.bytes+size > s.o.Capacity {
		return outbox.ErrFull
	}
	return nil
}

func (s *Store) add(e *outbox.Entry) {
	r := newRecord(s.seq, e)
	s.records[s.seq] = r
	s.bytes += r.size
	for i := range r.legs {
		s.channels[r.legs[i].target.Channel].enter(&r.legs[i])
	}
	s.tellAppended(e)
}

// forget drops records whose end is older than KeepStatus, and identities older
// than Remember that have none.
func (s *Store) forget(now time.Time) {
	for s.ended.len() > 0 && now.Sub(s.ended.front().at) > s.o.KeepStatus {
		s.forgetStatus(s.ended.pop().seq)
	}
	for s.low < s.seq && s.records[s.low+1] == nil {
		s.low++
	}
	for s.idsByAge.len() > 0 && now.Sub(s.idsByAge.front().at) > s.o.Remember {
		a := s.idsByAge.pop()
		if s.records[s.ids[a.id].seq] != nil { // still there to be asked for and settled
			s.idsByAge.push(agedIdentity{id: a.id, at: now})
			continue
		}
		delete(s.ids, a.id)
	}
}

// Ready implements outbox.Dispatching.
func (s *Store) Ready(name string, now time.Time, most int) ([]outbox.Item, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[name]
	if c == nil {
		return nil, time.Time{}, fmt.Errorf("outbox: no channel %q", name)
	}
	if s.closed {
		return nil, time.Time{}, outbox.ErrClosed
	}
	items, next := c.take(now, most)
	return items, next, nil
}

// Resume implements outbox.Dispatching: nothing was out before this store.
func (s *Store) Resume(string) ([]outbox.Item, error) { return nil, nil }

// Wake implements outbox.Dispatching.
func (s *Store) Wake(name string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channels[name].wake
}

// Settle implements outbox.Dispatching. Where far too much waits for the
// follower it gives ErrBusy, and settles nothing.
func (s *Store) Settle(_ context.Context, outcomes []outbox.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return outbox.ErrClosed
	}
	if s.facts.full(len(outcomes), 2) {
		return outbox.ErrBusy
	}
	for i := range outcomes {
		o := &outcomes[i]
		r := s.records[o.Seq]
		if r == nil {
			continue
		}
		l := r.leg(o.Channel)
		if l == nil {
			continue
		}
		before, takenBack := l.told.size(), l.takenBack(o)
		if s.channels[o.Channel].settle(l, o) {
			s.told += l.told.size() - before
			if !takenBack {
				s.tellSettled(l, o)
			}
			s.changed(r, o.At)
		}
	}
	for s.told > s.o.Capacity/toldShare && s.ended.len() > 0 { // what ended longest ago is forgotten early
		s.forgetStatus(s.ended.pop().seq)
	}
	return nil
}

// toldShare bounds what consumers and operators have told of events: to a
// quarter of the capacity, beyond what pending events need.
const toldShare = 4

func (s *Store) forgetStatus(seq uint64) {
	r := s.records[seq]
	if r == nil || !r.final() || r.entry != nil {
		return
	}
	for i := range r.legs {
		s.told -= r.legs[i].told.size()
	}
	delete(s.records, seq)
}

// changed frees what a record no longer needs and tells who waits for its end.
func (s *Store) changed(r *record, at time.Time) {
	if !r.final() {
		return
	}
	if !r.any(failed) && r.entry != nil { // a dead letter keeps its payload
		s.bytes -= r.size
		r.entry = nil
		s.ended.push(agedRecord{seq: r.seq, at: at})
	}
	for _, w := range s.waiters[r.seq] {
		close(w)
	}
	delete(s.waiters, r.seq)
}

// Lookup implements outbox.Asking.
func (s *Store) Lookup(_ context.Context, key outbox.Key) (outbox.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(key)
	if err != nil {
		return outbox.Status{}, err
	}
	return r.status(), nil
}

func (s *Store) find(key outbox.Key) (*record, error) {
	k, ok := s.ids[identity(key.Hash())]
	if !ok {
		return nil, outbox.ErrNotFound
	}
	r := s.records[k.seq]
	if r == nil || r.key != key {
		return nil, outbox.ErrNotFound
	}
	return r, nil
}

// Await implements outbox.Asking.
func (s *Store) Await(ctx context.Context, key outbox.Key) (outbox.Status, error) {
	s.mu.Lock()
	r, err := s.find(key)
	if err != nil {
		s.mu.Unlock()
		return outbox.Status{}, err
	}
	if r.final() {
		defer s.mu.Unlock()
		return r.status(), nil
	}
	w := make(chan struct{})
	s.waiters[r.seq] = append(s.waiters[r.seq], w)
	s.mu.Unlock()
	select {
	case <-w:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unwait(r.seq, w)
	return r.status(), nil
}

func (s *Store) unwait(seq uint64, w chan struct{}) {
	list := s.waiters[seq]
	for i := range list {
		if list[i] == w {
			list[i] = list[len(list)-1]
			s.waiters[seq] = list[:len(list)-1]
			break
		}
	}
	if len(s.waiters[seq]) == 0 {
		delete(s.waiters, seq)
	}
}

// defaultList is how many statuses List gives when it is not told.
const defaultList = 100

// List implements outbox.Asking.
func (s *Store) List(_ context.Context, f outbox.Filter) ([]outbox.Status, error) {
	if f.Limit <= 0 {
		f.Limit = defaultList
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []outbox.Status
	for seq := range s.after(f.After) {
		if r := s.records[seq]; r != nil && r.fits(f) {
			out = append(out, r.status())
			if len(out) == f.Limit {
				break
			}
		}
	}
	return out, nil
}

// after gives the sequences above seq in order: all of them, or only those of
// records where they stand far apart, as after an old dead letter.
func (s *Store) after(seq uint64) iter.Seq[uint64] {
	seq = max(seq, s.low)
	if s.seq-seq > 8*uint64(len(s.records)) {
		list := slices.Collect(maps.Keys(s.records))
		list = slices.DeleteFunc(list, func(n uint64) bool { return n <= seq })
		slices.Sort(list)
		return slices.Values(list)
	}
	return func(yield func(uint64) bool) {
		for n := seq + 1; n <= s.seq && yield(n); n++ {
		}
	}
}
