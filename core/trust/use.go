package trust

import (
	"sync"
	"sync/atomic"
	"time"
)

// Uses remembers when each registered key was last used, over as many snapshots
// as share it. The zero value is ready, and safe for concurrent use.
type Uses struct {
	mu   sync.Mutex
	keys map[string]*use
}

// of gives the use of the key with that id.
func (u *Uses) of(id string) *use {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.keys == nil {
		u.keys = make(map[string]*use)
	}
	if u.keys[id] == nil {
		u.keys[id] = new(use)
	}
	return u.keys[id]
}

// use is when a key last proved a sender, in Unix seconds; 0 for never.
type use struct{ second atomic.Int64 }

// at writes only when the second has changed: a busy key's line of memory is
// shared by every core that reads it.
func (u *use) at(now time.Time) {
	if second := now.Unix(); u.second.Load() != second {
		u.second.Store(second)
	}
}

// last is the zero time for never.
func (u *use) last() time.Time {
	if second := u.second.Load(); second != 0 {
		return time.Unix(second, 0).UTC()
	}
	return time.Time{}
}
