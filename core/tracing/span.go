package tracing

import (
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// kind is the SpanKind of opentelemetry/proto/trace/v1/trace.proto.
type kind uint64

const (
	internal kind = 1
	server   kind = 2
	producer kind = 4
	consumer kind = 5
)

// statusError is STATUS_CODE_ERROR there.
const statusError = 2

// The bits of a span's flags beyond those of W3C: whether the parent is another
// process's is known, and is so.
const (
	flagRemoteKnown = 0x100
	flagRemote      = 0x200
)

// span is one that is over.
type span struct {
	place
	id     spanID
	parent spanID // zero for none
	remote bool   // the parent is of another process
	name   string
	kind   kind
	began  time.Time
	ended  time.Time
	failed bool
	with   attributes
}

// append encodes a span as the protobuf that it travels as: Span of trace.proto.
// It costs a tenth of what the generated code does, and a queue of the bytes holds
// on to nothing of the event.
func (s *span) append(b []byte) []byte {
	b = appendBytes(b, 1, s.trace[:])
	b = appendBytes(b, 2, s.id[:])
	if s.state != "" {
		b = appendString(b, 3, s.state)
	}
	flags := uint32(s.flags) | flagRemoteKnown
	if s.parent != (spanID{}) {
		b = appendBytes(b, 4, s.parent[:])
		if s.remote {
			flags |= flagRemote
		}
	}
	b = appendString(b, 5, s.name)
	b = appendVarint(b, 6, uint64(s.kind))
	b = appendTime(b, 7, s.began)
	if s.ended.Before(s.began) { // clocks that were set
		s.ended = s.began
	}
	b = appendTime(b, 8, s.ended)
	b = append(b, s.with...)
	if s.failed {
		b = appendMessage(b, 15, func(b []byte) []byte { return appendVarint(b, 3, statusError) })
	}
	b = protowire.AppendTag(b, 16, protowire.Fixed32Type)
	return protowire.AppendFixed32(b, flags)
}

// maxText bounds a text of an attribute, in bytes.
const maxText = 256

// maxTexts bounds the texts of a list.
const maxTexts = 16

// attributes are those of a span, encoded.
type attributes []byte

// attributesField is that of Span.
const attributesField = 9

func (a *attributes) text(key, value string) {
	if value != "" {
		*a = appendAttribute(*a, attributesField, key, func(b []byte) []byte { return appendString(b, 1, bounded(value)) })
	}
}

func (a *attributes) number(key string, value int) {
	*a = appendAttribute(*a, attributesField, key, func(b []byte) []byte { return appendVarint(b, 3, uint64(value)) })
}

func (a *attributes) yes(key string, value bool) {
	if value {
		*a = appendAttribute(*a, attributesField, key, func(b []byte) []byte { return appendVarint(b, 2, 1) })
	}
}

func (a *attributes) texts(key string, values []string) {
	if len(values) == 0 {
		return
	}
	*a = appendAttribute(*a, attributesField, key, func(b []byte) []byte {
		return appendMessage(b, 5, func(b []byte) []byte {
			for _, v := range values[:min(len(values), maxTexts)] {
				b = appendMessage(b, 1, func(b []byte) []byte { return appendString(b, 1, bounded(v)) })
			}
			return b
		})
	})
}

// bounded cuts a text, and makes it one that protobuf takes.
func bounded(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxText)], "\uFFFD") }

// appendAttribute appends a KeyValue of common.proto, whose AnyValue is what value
// appends.
func appendAttribute(b []byte, field protowire.Number, key string, value func([]byte) []byte) []byte {
	return appendMessage(b, field, func(b []byte) []byte { return appendMessage(appendString(b, 1, key), 2, value) })
}

// maxLength is the bytes that are left for the length of a message before it is
// known: of one that is shorter than 16 KiB.
const maxLength = 2

// appendMessage appends what body does as a message of less than 16 KiB. The length
// stands in two bytes, whatever it is: protobuf takes that.
func appendMessage(b []byte, field protowire.Number, body func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	at := len(b)
	b = body(append(b, make([]byte, maxLength)...))
	n := len(b) - at - maxLength
	b[at], b[at+1] = byte(n)|0x80, byte(n>>7)
	return b
}

func appendBytes(b []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), value)
}

func appendString(b []byte, field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), value)
}

func appendVarint(b []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), value)
}

func appendTime(b []byte, field protowire.Number, at time.Time) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), uint64(at.UnixNano()))
}
