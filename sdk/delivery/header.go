package delivery

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/headgate-io/headgate/sdk"
)

// Header is frame 1 of a delivery. On a telemetry channel Seq, Attempt, Lease,
// Reply, Principal and Proof are absent.
type Header struct {
	Version     int            `json:"v"`
	ID          string         `json:"id"`     // of the event
	Source      string         `json:"source"` // of the event
	Channel     string         `json:"channel"`
	Seq         uint64         `json:"seq,omitempty"`     // opaque, grows with acceptance
	Attempt     int            `json:"attempt,omitempty"` // hand-overs of this event on this channel, from 1
	Lease       string         `json:"lease,omitempty"`   // 22 characters; the right to reply
	Reply       string         `json:"reply,omitempty"`   // endpoint to PUSH replies to
	Accepted    time.Time      `json:"accepted"`          // RFC 3339, UTC, milliseconds
	Expires     int64          `json:"exp"`               // Unix seconds; not to be acted on afterwards
	Principal   *sdk.Principal `json:"principal,omitempty"`
	Proof       *sdk.Proof     `json:"proof,omitempty"`
	TraceParent string         `json:"traceparent,omitempty"` // W3C Trace Context
	KeyID       string         `json:"kid"`
}

// acceptedLayout is RFC 3339 with milliseconds.
const acceptedLayout = "2006-01-02T15:04:05.000Z"

// Append appends the header's JSON to b. Reflection would cost more than the
// rest of a delivery together.
func (h *Header) Append(b []byte) []byte {
	b = append(b, `{"v":`...)
	b = strconv.AppendInt(b, Version, 10)
	b = appendMember(b, "id", h.ID)
	b = appendMember(b, "source", h.Source)
	b = appendMember(b, "channel", h.Channel)
	if h.Seq != 0 {
		b = append(b, `,"seq":`...)
		b = strconv.AppendUint(b, h.Seq, 10)
	}
	if h.Attempt != 0 {
		b = append(b, `,"attempt":`...)
		b = strconv.AppendInt(b, int64(h.Attempt), 10)
	}
	if h.Lease != "" {
		b = appendMember(b, "lease", h.Lease)
	}
	if h.Reply != "" {
		b = appendMember(b, "reply", h.Reply)
	}
	b = append(b, `,"accepted":"`...)
	b = h.Accepted.UTC().AppendFormat(b, acceptedLayout)
	b = append(b, `","exp":`...)
	b = strconv.AppendInt(b, h.Expires, 10)
	if p := h.Principal; p != nil {
		b = append(b, `,"principal":{"provider":`...)
		b = appendString(b, p.Provider)
		if p.Issuer != "" {
			b = appendMember(b, "issuer", p.Issuer)
		}
		b = appendMember(b, "subject", p.Subject)
		b = append(b, '}')
	}
	if p := h.Proof; p != nil {
		b = append(b, `,"proof":{"transport":`...)
		b = appendString(b, p.Transport)
		if p.Event != "" {
			b = appendMember(b, "event", p.Event)
		}
		b = append(b, '}')
	}
	if h.TraceParent != "" {
		b = appendMember(b, "traceparent", h.TraceParent)
	}
	b = appendMember(b, "kid", h.KeyID)
	return append(b, '}')
}

// ParseHeader reads frame 1. Members it does not know are left for later
// versions; another "v" is an error.
func ParseHeader(frame []byte) (Header, error) {
	var h Header
	if err := json.Unmarshal(frame, &h); err != nil {
		return Header{}, fmt.Errorf("delivery header: %w", err)
	}
	if h.Version != Version {
		return Header{}, fmt.Errorf("delivery header: version %d, this code reads %d", h.Version, Version)
	}
	return h, nil
}

func appendMember(b []byte, name, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string (RFC 8259, section 7). Invalid UTF-8
// becomes U+FFFD; an event that got this far has none.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += size
		}
	}
	return append(b, '"')
}
