package intake

import (
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

// Admission bounds what all doors take together, whoever sends it. The zero
// Admission is no bound.
type Admission struct {
	PerSecond float64 // requests, with one second's worth at once; 0 for no limit
	Bytes     int64   // of bodies that are read or worked on; 0 for no bound
}

// admission is what stands before a signature is looked at: it is cheap, and
// knows nobody.
type admission struct {
	log    zerolog.Logger
	bucket atomic.Pointer[rate.Limiter] // nil for no limit
	most   atomic.Int64
	used   atomic.Int64
	shed   atomic.Uint64 // since it was told last
	told   atomic.Int64  // in nanoseconds since 1970
}

// use puts other bounds in place. What was admitted stays.
func (a *admission) use(to Admission, now time.Time) {
	a.most.Store(to.Bytes)
	b, limit := a.bucket.Load(), rate.Limit(to.PerSecond)
	switch {
	case limit <= 0:
		a.bucket.Store(nil)
	case b == nil || b.Limit() != limit:
		b = rate.NewLimiter(limit, max(int(to.PerSecond), 1))
		b.AllowN(now, 0) // its time begins
		a.bucket.Store(b)
	}
}

// Work is a request that was admitted, with what it holds of the bytes that may
// be worked on. It belongs to one goroutine at a time.
type Work struct {
	in      *Intake
	ingress string
	bytes   int64
}

// The bounds of [limits] that a request meets before its body is read.
const (
	boundAdmission = "admission"
	boundBytes     = "work_bytes"
	// BoundRequests and BoundZMQRequests are those of a door, which tells them to
	// [Intake.Shed].
	BoundRequests    = "requests"
	BoundZMQRequests = "zmq_requests"
)

// Bounds are all of them.
func Bounds() []string {
	return []string{boundAdmission, boundBytes, BoundRequests, BoundZMQRequests}
}

// Admit is asked by an ingress before anything of a request but its headers is
// read. The request holds so many bytes from now on, and says that it may come to
// hold announced ones. The error is a *Problem: too much is worked on already.
// Everything that was admitted has to be Done.
func (in *Intake) Admit(ingress string, bytes, announced int64) (Work, error) {
	a := &in.admission
	if b := a.bucket.Load(); b != nil {
		if now := in.o.Now(); !b.AllowN(now, 1) {
			return Work{}, in.Shed(ingress, boundAdmission)
		}
	}
	if most := a.most.Load(); most > 0 && announced > most-a.used.Load() {
		return Work{}, in.Shed(ingress, boundBytes)
	}
	w := Work{in: in, ingress: ingress}
	err := w.Grow(bytes)
	return w, err
}

// Grow has a request hold so many bytes more, or errs as Admit does and leaves
// it as it is.
func (w *Work) Grow(bytes int64) error {
	if w.in == nil {
		return nil
	}
	a := &w.in.admission
	most := a.most.Load()
	for used := a.used.Load(); ; used = a.used.Load() {
		if most > 0 && bytes > most-used {
			return w.in.Shed(w.ingress, boundBytes)
		}
		if a.used.CompareAndSwap(used, used+bytes) {
			w.bytes += bytes
			return nil
		}
	}
}

// Done gives back what the request holds: it is answered.
func (w *Work) Done() {
	if w.in != nil {
		w.in.admission.used.Add(-w.bytes)
		w.bytes = 0
	}
}

// shedTold is how often it is told that requests are refused unread: a line for
// each would be work that anybody can cause.
const shedTold = time.Second

// Shed counts a request that an ingress refuses unread, because of a bound of
// [limits], and gives the *Problem to answer.
func (in *Intake) Shed(ingress, bound string) error {
	a := &in.admission
	in.counts.refused.Add(1)
	if in.o.Observe != nil {
		in.o.Observe.Shed(ingress, bound)
	}
	n := a.shed.Add(1)
	now, told := in.o.Now().UnixNano(), a.told.Load()
	if now-told >= int64(shedTold) && a.told.CompareAndSwap(told, now) {
		a.shed.Add(-n)
		a.log.Warn().Uint64("requests", n).Str("bound", "limits."+bound).Msg("refused unread: more comes than may be worked on")
	}
	return &Problem{Code: Overloaded, RetryAfter: retrySoon, Reason: bound}
}
