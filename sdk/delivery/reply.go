package delivery

import (
	"encoding/json"
	"errors"
	"time"
)

// The statuses of a reply.
const (
	StatusDone     = "done"     // the work is done
	StatusProgress = "progress" // still at it: the clock starts anew
	StatusRetry    = "retry"    // not now; no failure
	StatusFailed   = "failed"   // for good: to the dead letters
)

// Bounds of replies. They are part of the wire contract.
const (
	MaxReplies    = 1000           // in one frame
	MaxResult     = 64 << 10       // bytes of result
	MaxReason     = 1 << 10        // bytes of reason that are kept
	MaxRetryAfter = 24 * time.Hour // longer waits are shortened to it
)

// Reply is what a consumer reports back about a delivery.
type Reply struct {
	ID         string          `json:"id,omitempty"`
	Source     string          `json:"source,omitempty"`
	Lease      string          `json:"lease,omitempty"`
	Status     string          `json:"status,omitempty"`
	RetryAfter float64         `json:"retry_after,omitempty"` // seconds, with retry
	Reason     string          `json:"reason,omitempty"`
	Result     json.RawMessage `json:"result,omitempty"` // with done; shown to the edge

	// Goodbye gives up at once whatever the consumer still holds. It stands
	// alone, or beside id, source and lease of any delivery the consumer got
	// on the connection it leaves.
	Goodbye bool `json:"goodbye,omitempty"`
}

// ErrReply is wrapped by every error of ParseReplies.
var ErrReply = errors.New("not a reply")

// check judges a reply as a whole.
func (r *Reply) check() error {
	if r.Goodbye && r.Lease == "" && r.Status == "" {
		return nil
	}
	if r.ID == "" || r.Source == "" {
		return errors.New("id and source of the event are needed")
	}
	if !isLease(r.Lease) {
		return errors.New("lease is not the 22 characters of a delivery's header")
	}
	if r.Goodbye && r.Status == "" {
		return nil
	}
	switch r.Status {
	case StatusDone, StatusProgress, StatusRetry, StatusFailed:
	default:
		return errors.New("status is none of done, progress, retry, failed")
	}
	if r.RetryAfter < 0 {
		return errors.New("retry_after is negative")
	}
	if len(r.Result) > MaxResult {
		// The work is done all the same: the result goes, the reply stays.
		r.Result, r.Reason = nil, "result dropped: over 64 KiB"
	}
	return nil
}

// Delay is RetryAfter as a duration, at most MaxRetryAfter.
func (r *Reply) Delay() time.Duration {
	if r.RetryAfter >= MaxRetryAfter.Seconds() {
		return MaxRetryAfter
	}
	return time.Duration(r.RetryAfter * float64(time.Second))
}
