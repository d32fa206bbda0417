package dispatch

import (
	"context"
	"sync"
)

// Transforms are those that a router has now, by the names that entries are
// accepted with. They come and go while entries that name them wait. Safe for
// concurrent use; a nil one has none.
type Transforms struct {
	mu      sync.Mutex
	now     map[string]Transform
	changed chan struct{} // closed by the next Set
	missed  map[string]bool
}

// NewTransforms returns transforms to begin with.
func NewTransforms(now map[string]Transform) *Transforms {
	return &Transforms{now: now, changed: make(chan struct{}), missed: make(map[string]bool)}
}

// Set puts others in place of all of them. What goes through a chain meanwhile
// ends with those that it began with.
func (t *Transforms) Set(now map[string]Transform) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range t.missed {
		if now[name] != nil {
			delete(t.missed, name)
		}
	}
	t.now = now
	close(t.changed)
	t.changed = make(chan struct{})
}

// find gives a transform, nil for a name that nobody knows, and what is closed
// when that may be another.
func (t *Transforms) find(name string) (Transform, <-chan struct{}) {
	if t == nil {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now[name], t.changed
}

// missing notes that nobody knows a name, and reports whether that is news: it is
// logged once, however many chains and channels name it.
func (t *Transforms) missing(name string) (news bool) {
	if t == nil {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	news = !t.missed[name]
	t.missed[name] = true
	return news
}

// await returns when the named one can be called, or ctx has ended. It reports
// false when nobody knows the name, and others were put in place of all meanwhile.
func (t *Transforms) await(ctx context.Context, name string) (known bool) {
	for ctx.Err() == nil {
		now, changed := t.find(name)
		var available <-chan struct{} // of one that nobody knows: never
		if now != nil {
			available = now.Available()
		}
		select {
		case <-available:
			return true
		case <-changed:
			if again, _ := t.find(name); now == nil && again == nil {
				return false
			}
		case <-ctx.Done():
		}
	}
	return true
}
