package intake

import "sync/atomic"

// waitShare is the part of the bytes that may be worked on which those who wait for
// an end may hold: a fourth, half of them where bodies grew as they came. So nobody
// who waits keeps others from coming.
const waitShare = 4

// waiting are the requests that wait for an end.
type waiting struct {
	room  chan struct{} // one for each
	bytes atomic.Int64  // of their bodies
}

func newWaiting(most int) waiting { return waiting{room: make(chan struct{}, most)} }

// enter reports whether a request with a body of so many bytes may wait, of most that
// may be worked on, or 0 for no bound. Overflow policy: who may not is answered at
// once and may ask again. Nobody else being there, any may.
func (w *waiting) enter(body, most int64) bool {
	select {
	case w.room <- struct{}{}:
	default:
		return false
	}
	if holds := w.bytes.Add(body); most > 0 && holds > most/waitShare && holds > body {
		w.leave(body)
		return false
	}
	return true
}

func (w *waiting) leave(body int64) {
	w.bytes.Add(-body)
	<-w.room
}
