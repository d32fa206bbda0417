package admin

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Decision is one thing that the router decided about an event.
type Decision struct {
	At        time.Time `json:"at"`
	What      Deciding  `json:"what"`
	Code      string    `json:"code,omitempty"`   // of a refusal
	Reason    string    `json:"reason,omitempty"` // of a refusal or a failure
	Request   string    `json:"request,omitempty"`
	Ingress   string    `json:"ingress,omitempty"`
	Addr      string    `json:"addr,omitempty"`      // of the sender, or the consumer
	Principal string    `json:"principal,omitempty"` // proven
	ID        string    `json:"id,omitempty"`
	Source    string    `json:"source,omitempty"`
	Type      string    `json:"type,omitempty"`
	Seq       uint64    `json:"seq,omitempty"`
	Channels  []string  `json:"channels,omitempty"` // where an accepted event goes; else the one it is about
	Attempt   int       `json:"attempt,omitempty"`
	Bytes     int       `json:"bytes,omitempty"`
	Payload   []byte    `json:"payload,omitempty"` // the event as it stands; read only
}

// Deciding is what a decision is.
type Deciding string

// What is decided: by intake, up to Refused, and then by dispatch.
const (
	Accepted  Deciding = "accepted"
	Queued    Deciding = "queued"
	Duplicate Deciding = "duplicate"
	Refused   Deciding = "refused"
	Delivered Deciding = "delivered"
	Finished  Deciding = "done"
	Retried   Deciding = "retry"
	Dead      Deciding = "dead"
	Dropped   Deciding = "dropped"
)

// Decisions hands decisions on to whoever looks at them. The zero value is ready,
// and nil takes decisions, too. Safe for concurrent use.
type Decisions struct {
	readers atomic.Pointer[[]*reader] // nil while nobody looks
	mu      sync.Mutex                // of those who come and go
	missed  atomic.Uint64
}

// maxReaders bounds what every decision costs while somebody looks.
const maxReaders = 16

// On tells whether anybody looks. Ask it before a Decision is put together.
func (d *Decisions) On() bool { return d != nil && d.readers.Load() != nil }

// Publish hands a decision to all who look. It never blocks.
func (d *Decisions) Publish(x Decision) {
	if !d.On() {
		return
	}
	if readers := d.readers.Load(); readers != nil {
		for _, r := range *readers {
			if !r.offer(x) {
				d.missed.Add(1)
			}
		}
	}
}

// Readers is how many look.
func (d *Decisions) Readers() int {
	if d == nil {
		return 0
	}
	if readers := d.readers.Load(); readers != nil {
		return len(*readers)
	}
	return 0
}

// Missed is how many decisions readers have missed since the start.
func (d *Decisions) Missed() uint64 {
	if d == nil {
		return 0
	}
	return d.missed.Load()
}

// join adds a reader; false when there are too many. The caller leaves again.
func (d *Decisions) join(r *reader) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*reader
	if old := d.readers.Load(); old != nil {
		list = slices.Clone(*old)
	}
	if len(list) >= maxReaders {
		return false
	}
	list = append(list, r)
	d.readers.Store(&list)
	return true
}

func (d *Decisions) leave(r *reader) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(*d.readers.Load()), func(other *reader) bool { return other == r })
	if len(list) == 0 {
		d.readers.Store(nil)
		return
	}
	d.readers.Store(&list)
}
