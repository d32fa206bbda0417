package audit

import (
	"strings"
	"sync"
	"time"
)

const (
	// refuseFirst is how many refusals of a kind are written each in a window.
	refuseFirst = 20
	// refuseWindow is the time after which the rest of a kind is written as one
	// count.
	refuseWindow = 10 * time.Second
	// refuseKinds is how many kinds are told apart: codes by doors, a few dozen.
	refuseKinds = 512
	// refuseReady is how many refusals wait to be written one by one.
	refuseReady = 256
)

// kind is what refusals are counted by: nothing in it is a peer's own text.
type kind struct{ action, reason, ingress string }

// window is what has come of a kind since it began.
type window struct {
	began   time.Time
	written int
	counted uint64
	since   time.Time // of the first counted one
}

// refusals bounds how much of a flood is written. The zero value needs init.
type refusals struct {
	mu    sync.Mutex
	kinds map[kind]*window
	ready []refusal
	now   func() time.Time
	all   uint64
}

// refusal is one that is to be written.
type refusal struct {
	of     kind
	record Record
	n      uint64 // that it stands for
}

func (r *refusals) init(now func() time.Time) { r.kinds, r.now = make(map[kind]*window), now }

func (r *refusals) total() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// Refuse tells of a refusal, which nobody waits for. It never blocks. Of a kind,
// by action, reason and ingress, the first ones in a window of time are written;
// the rest is counted, and written as audit.suppressed with its count: none is
// lost but by a crash, and memory stays bounded.
func (l *Log) Refuse(r Record) {
	if l.refusals.add(&r) {
		l.poke()
	}
}

func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default: // it is woken already
	}
}

// add reports whether the refusal is one to be written.
func (r *refusals) add(record *Record) bool {
	of := kind{bound(record.Action), bound(record.Reason), bound(record.Ingress)}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	_, w := r.window(of, now)
	if w.written >= refuseFirst || len(r.ready) >= refuseReady {
		r.count(w, now, 1)
		return false
	}
	w.written++
	kept := record.kept()
	if kept.Time.IsZero() {
		kept.Time = now
	}
	of = kind{bound(kept.Action), bound(kept.Reason), bound(kept.Ingress)}
	r.ready = append(r.ready, refusal{of, kept, 1})
	return true
}

func bound(s string) string { return s[:min(len(s), maxText)] }

// window finds a kind's window. Kinds beyond the bound share one.
func (r *refusals) window(of kind, now time.Time) (kind, *window) {
	w := r.kinds[of]
	if w == nil && len(r.kinds) >= refuseKinds {
		of = kind{action: "other"}
		w = r.kinds[of]
	}
	if w == nil {
		w = &window{began: now}
		r.kinds[kind{strings.Clone(of.action), strings.Clone(of.reason), strings.Clone(of.ingress)}] = w
	}
	return of, w
}

func (r *refusals) count(w *window, now time.Time, n uint64) {
	if w.counted == 0 {
		w.since = now
	}
	w.counted += n
	r.all += n
}

// take gives what is to be written: refusals, and the counts of windows that are
// over, or of all.
func (r *refusals) take(all bool) []refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, out := r.now(), r.ready
	r.ready = nil
	for of, w := range r.kinds {
		if !all && now.Sub(w.began) < refuseWindow {
			continue
		}
		if w.counted > 0 {
			out = append(out, refusal{of, Record{Time: now, Action: ActionSuppressed, Outcome: Deny, Reason: of.reason, Ingress: of.ingress,
				Since: w.since, Count: w.counted, Detail: map[string]string{"action": of.action}}, w.counted})
		}
		delete(r.kinds, of)
	}
	return out
}

// giveBack counts what could not be written, to be told later.
func (r *refusals) giveBack(lost *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	_, w := r.window(lost.of, now)
	r.count(w, now, lost.n)
	if lost.record.Action == ActionSuppressed {
		r.all -= lost.n // they are among all already
	}
}
