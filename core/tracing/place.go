package tracing

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// The bits of trace-flags: that the trace is sampled, which counts here, and that
// its id is random (W3C Trace Context Level 2, section 3.2.2.5.2), which is passed on.
const (
	sampledFlag = trace.FlagsSampled
	randomFlag  = 0x02
)

// maxState is the longest tracestate that is passed on: W3C Trace Context,
// section 3.3.1.5, wants 512 characters at least.
const maxState = 512

// place is where an event stands in a trace.
type place struct {
	trace   trace.TraceID
	parent  trace.SpanID // of the producer; zero for none
	flags   trace.TraceFlags
	state   string // as the event has it
	carried string // the event's own traceparent; empty where it has none that can be read
}

func (p *place) sampled() bool { return p.flags&sampledFlag != 0 }

// place finds where an event stands: where its traceparent says, by the extension
// for distributed tracing of CloudEvents 1.0.2; else in a trace of its own, which
// is the same for whoever asks, and is sampled as the setting wants.
func (t *Tracer) place(e *sdk.Event) place {
	if text, ok := e.Extension("traceparent"); ok {
		if p, ok := parseTraceParent(text); ok {
			if state, ok := e.Extension("tracestate"); ok && len(state) <= maxState {
				p.state = state
			}
			return p
		}
	}
	return t.first(ownTrace(e))
}

// first is the place of what begins a trace. It is sampled as OpenTelemetry's
// TraceIdRatioBased in Go decides, for ids that are random.
func (t *Tracer) first(in trace.TraceID) place {
	p := place{trace: in}
	if binary.BigEndian.Uint64(in[8:])>>1 < t.bound {
		p.flags = sampledFlag
	}
	return p
}

// parseTraceParent reads a traceparent (W3C Trace Context, section 3.2). Of a
// version to come what this one knows is read (section 3.2.4).
func parseTraceParent(text string) (place, bool) {
	const length = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(text) < length || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return place{}, false
	}
	p := place{carried: text}
	var version, flags [1]byte
	for _, part := range []struct {
		to   []byte
		from string
	}{{version[:], text[:2]}, {p.trace[:], text[3:35]}, {p.parent[:], text[36:52]}, {flags[:], text[53:55]}} {
		if !decodeHex(part.to, part.from) {
			return place{}, false
		}
	}
	switch {
	case version[0] == 0xff, !p.trace.IsValid(), !p.parent.IsValid():
		return place{}, false
	case len(text) > length && (version[0] == 0 || text[length] != '-'):
		return place{}, false
	}
	p.flags = trace.TraceFlags(flags[0])
	return p, true
}

// decodeHex reads lower-case hexadecimal digits, which alone are allowed.
func decodeHex(to []byte, from string) bool {
	for i := range len(from) {
		if c := from[i]; c >= 'A' && c <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(to, []byte(from))
	return err == nil
}

// traceParent writes one that names a span.
func (p *place) traceParent(s trace.SpanID) string {
	b := make([]byte, 0, 55)
	b = append(b, "00-"...)
	b = hex.AppendEncode(b, p.trace[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, s[:])
	return string(append(b, '-', '0', '0'+byte(p.flags&(sampledFlag|randomFlag))))
}

// room is for what is hashed below, so that it is not on the heap.
const room = 512

// ownTrace is the trace of an event that names none. Whoever sends it again
// continues it.
func ownTrace(e *sdk.Event) trace.TraceID {
	var b [room]byte
	sum := sha256.Sum256(sdk.AppendPAE(b[:0], "headgate.trace.v1", e.Source, e.ID))
	return trace.TraceID(sum[:16])
}

// acceptSpan is the span of an event's acceptance.
func acceptSpan(e *sdk.Event, accepted time.Time) trace.SpanID { return ownSpan(e, accepted, "", 0) }

// deliverSpan is the span of an entry's delivery.
func deliverSpan(e *outbox.Entry, channel string, attempt int) trace.SpanID {
	return ownSpan(&e.Event, e.Accepted, channel, attempt)
}

// ownSpan is the id of a span that others name. It is made of what is stored: the
// same after a restart, another when the same event is accepted again.
func ownSpan(e *sdk.Event, accepted time.Time, channel string, attempt int) trace.SpanID {
	var b [room]byte
	sum := sha256.Sum256(sdk.AppendPAE(b[:0], "headgate.span.v1", e.Source, e.ID,
		strconv.FormatInt(outbox.Nanos(accepted), 10), channel, strconv.Itoa(attempt)))
	return trace.SpanID(sum[:8])
}
