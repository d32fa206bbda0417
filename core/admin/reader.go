package admin

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/headgate-io/headgate/sdk"
)

const (
	// readAhead is how many decisions a reader may be behind: a fraction of a
	// second of a busy router, some 300 KiB.
	readAhead = 1024
	// payloadAhead bounds the bytes of payloads that a reader keeps alive.
	payloadAhead = 16 << 20
)

// reader is one who looks at decisions.
type reader struct {
	filter         Tail
	types, sources *sdk.Glob // nil for any
	queue          chan queued
	bytes          atomic.Int64 // of payloads in the queue
	missed         atomic.Uint64
}

// queued is a decision with how many were missed before it.
type queued struct {
	Decision
	missed uint64
}

func newReader(t Tail) (*reader, error) {
	r := &reader{filter: t, queue: make(chan queued, readAhead)}
	for _, g := range []struct {
		pattern, sep string
		to           **sdk.Glob
	}{{t.Type, sdk.TypeSeparator, &r.types}, {t.Source, sdk.SourceSeparator, &r.sources}} {
		if g.pattern == "" {
			continue
		}
		glob, err := sdk.ParseGlob(g.pattern, g.sep)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBad, err)
		}
		*g.to = &glob
	}
	return r, nil
}

func (r *reader) wants(x *Decision) bool {
	return (!r.filter.Refused || x.What == Refused) &&
		(r.filter.Channel == "" || slices.Contains(x.Channels, r.filter.Channel)) &&
		(r.types == nil || r.types.Match(x.Type)) &&
		(r.sources == nil || r.sources.Match(x.Source))
}

// offer queues a decision that the reader wants; false where it is missed.
func (r *reader) offer(x Decision) bool {
	if !r.wants(&x) {
		return true
	}
	if !r.filter.Payload {
		x.Payload = nil
	}
	size, missed := int64(len(x.Payload)), r.missed.Swap(0)
	if r.bytes.Add(size) <= payloadAhead {
		select {
		case r.queue <- queued{x, missed}:
			return true
		default: // the newest is missed, and counted: what was queued stays in one piece
		}
	}
	r.bytes.Add(-size)
	r.missed.Add(missed + 1)
	return false
}

// took accounts for a decision that left the queue.
func (r *reader) took(x *Decision) { r.bytes.Add(-int64(len(x.Payload))) }
