package dispatch

import (
	"context"
	"crypto/subtle"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// maxBadFrom bounds the connections whose bad replies are counted apart; beyond
// it they are counted anew. Frames may come after their connection has ended.
const maxBadFrom = 8192

// leasesTried bounds how many attempts of an entry a lease is held against,
// newest first, so that a bad one costs a bounded number of hashes.
const leasesTried = 256

// Desk checks replies: their form, then their lease, by computing it again for
// the entry they name. It passes them on to the channel the lease is for. Its
// methods are safe for concurrent use, but for Take, which one goroutine calls.
type Desk struct {
	Asking   outbox.Asking
	Leases   *delivery.Leases
	Channels map[string]*Channel
	Log      zerolog.Logger
	Refused  func(peer Peer, replies int, err error) // told of replies that are refused; it does not block. Nil for nobody

	now        atomic.Pointer[map[string]*Channel] // in place of Channels
	taken, bad atomic.Uint64

	mu      sync.Mutex
	badFrom map[uint64]int // per reply connection that still lives
}

// Use puts other channels in place.
func (d *Desk) Use(channels map[string]*Channel) { d.now.Store(&channels) }

func (d *Desk) channels() map[string]*Channel {
	if now := d.now.Load(); now != nil {
		return *now
	}
	return d.Channels
}

// Take reads one frame from a reply connection.
func (d *Desk) Take(ctx context.Context, conn uint64, name, addr string, frame []byte) {
	peer := Peer{ID: conn, Name: name, Addr: addr}
	replies, err := delivery.ParseReplies(frame)
	if err != nil {
		d.refuse(peer, err)
	}
	perChannel := make(map[*Channel][]Reply, 1)
	pass := func() {
		for c, checked := range perChannel {
			d.taken.Add(uint64(len(checked)))
			c.Replied(ctx, checked...)
		}
		clear(perChannel)
	}
	for i := range replies {
		r := &replies[i]
		if r.Goodbye && r.Lease == "" {
			pass() // what was said before it counts before it
			known := false
			for _, c := range d.channels() {
				known = c.Farewell(peer.ID) || known
			}
			if !known {
				d.refuse(peer, errStranger)
			}
			continue
		}
		c, checked, err := d.check(ctx, peer, r)
		if err != nil {
			d.refuse(peer, err)
			continue
		}
		perChannel[c] = append(perChannel[c], checked)
	}
	pass()
}

// Gone notes that a reply connection has ended. Frames of it may still come.
func (d *Desk) Gone(peer uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.badFrom, peer)
}

var errStranger = errors.New("goodbye on a connection that has not replied before: say whose, with id, source and lease of any delivery")

var errLease = errors.New("no delivery of that event was ever leased so")

// check finds what the lease was given for.
func (d *Desk) check(ctx context.Context, peer Peer, r *delivery.Reply) (*Channel, Reply, error) {
	st, err := d.Asking.Lookup(ctx, outbox.Key{Source: r.Source, ID: r.ID})
	if err != nil {
		return nil, Reply{}, err
	}
	for _, leg := range st.Channels {
		c := d.channels()[leg.Channel]
		if c == nil {
			continue
		}
		for attempt := leg.Attempt; attempt > 0 && attempt > leg.Attempt-leasesTried; attempt-- {
			if d.granted(delivery.Grant{Channel: leg.Channel, Seq: st.Seq, Attempt: attempt}, peer.Name, r.Lease) {
				return c, Reply{Seq: st.Seq, Attempt: attempt, Newest: attempt == leg.Attempt,
					Final: leg.State != outbox.StatePending, From: peer.ID, Reply: *r}, nil
			}
		}
	}
	return nil, Reply{}, errLease
}

// granted reports whether a lease was given for g, to the peer of that name or
// to one without a key, whose right is everybody's who knows it. A lease that was
// given to a name is no other's.
func (d *Desk) granted(g delivery.Grant, name, lease string) bool {
	for _, g.Peer = range []string{name, ""} {
		if subtle.ConstantTimeCompare([]byte(d.Leases.Lease(g)), []byte(lease)) == 1 {
			return true
		}
		if name == "" {
			break
		}
	}
	return false
}

func (d *Desk) refuse(peer Peer, err error) {
	count := 1
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
		count, err = len(joined.Unwrap()), joined.Unwrap()[0] // one line for a frame
	}
	d.bad.Add(uint64(count))
	d.mu.Lock()
	if d.badFrom == nil || len(d.badFrom) >= maxBadFrom {
		d.badFrom = make(map[uint64]int)
	}
	d.badFrom[peer.ID] += count
	n := d.badFrom[peer.ID]
	d.mu.Unlock()
	d.Log.Warn().Str("addr", peer.Addr).Int("bad_from_conn", n).Err(err).Msg("reply refused")
	if d.Refused != nil {
		d.Refused(peer, count, err)
	}
}

// Counts gives how many replies were taken and how many refused.
func (d *Desk) Counts() (taken, bad uint64) { return d.taken.Load(), d.bad.Load() }
