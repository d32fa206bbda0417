package delivery

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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

// ParseReplies reads one frame: a reply, or an array of them. Each reply of an
// array stands for itself: the good ones are returned, the error joins (as
// errors.Join does) what is wrong with each of the others.
func ParseReplies(frame []byte) ([]Reply, error) {
	texts := []json.RawMessage{frame}
	if trimmed := bytes.TrimLeft(frame, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		texts = nil
		if err := json.Unmarshal(frame, &texts); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %w", ErrReply, err))
		}
	}
	if len(texts) == 0 || len(texts) > MaxReplies {
		return nil, errors.Join(fmt.Errorf("%w: %d in one frame, 1 to %d are read", ErrReply, len(texts), MaxReplies))
	}
	replies := make([]Reply, 0, len(texts))
	var bad []error
	for _, text := range texts {
		var r Reply
		err := json.Unmarshal(text, &r)
		if err == nil {
			err = r.check()
		}
		if err != nil {
			bad = append(bad, fmt.Errorf("%w: %w", ErrReply, err))
			continue
		}
		replies = append(replies, r)
	}
	return replies, errors.Join(bad...)
}

func (r *Reply) check() error {
	if r.Goodbye && r.Lease == "" && r.Status == "" {
		return nil
	}
	if r.ID == "" || r.Source == "" {
		return errors.New("id and source of the event are needed")
	}
	// The length too: encoding/base64 passes over line breaks.
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(r.Lease); err != nil || len(raw) != leaseSize || len(r.Lease) != leaseLength {
		return errors.New("lease is not the 22 characters of a delivery's header")
	}
	if r.Goodbye && r.Status == "" {
		return nil
	}
	switch r.Status {
	case StatusDone, StatusProgress, StatusRetry, StatusFailed:
	default:
		return fmt.Errorf("status is none of done, progress, retry, failed")
	}
	if r.RetryAfter < 0 {
		return errors.New("retry_after is negative")
	}
	if len(r.Reason) > MaxReason {
		r.Reason = r.Reason[:MaxReason]
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
