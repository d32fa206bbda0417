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
	Transforms  []Transform    `json:"transforms,omitempty"`  // those the event went through, in order
	In          string         `json:"in,omitempty"`          // with Transforms and an original: "sha256:" and hex over frame 3
	TraceParent string         `json:"traceparent,omitempty"` // W3C Trace Context
	KeyID       string         `json:"kid"`
}

// Transform is a transform that an event went through, whatever it made of it.
type Transform struct {
	Name    string `json:"name"`    // by the router's configuration
	Version string `json:"version"` // of the plugin
}

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
	b = appendTime(b, h.Accepted)
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
	for i, t := range h.Transforms {
		if i == 0 {
			b = append(b, `,"transforms":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = appendMember(appendString(b, t.Name), "version", t.Version)
		b = append(b, '}')
	}
	if len(h.Transforms) > 0 {
		b = append(b, ']')
	}
	if h.In != "" {
		b = appendMember(b, "in", h.In)
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

// appendTime appends t as RFC 3339 in UTC, cut to milliseconds. Package time is
// quick at its RFC3339 alone, so the milliseconds are put in afterwards.
func appendTime(b []byte, t time.Time) []byte {
	b = t.UTC().AppendFormat(b, time.RFC3339)
	ms := t.Nanosecond() / int(time.Millisecond)
	b[len(b)-1] = '.' // was Z
	return append(b, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string (RFC 8259, section 7). Invalid UTF-8
// becomes U+FFFD; an event that got this far has none.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	kept := 0 // s up to here is in b
	for i := 0; i < len(s); {
		c, size := s[i], 1
		switch {
		case c == '"' || c == '\\':
			b = append(append(b, s[kept:i]...), '\\', c)
			kept = i + 1
		case c < 0x20:
			b = append(append(b, s[kept:i]...), '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			kept = i + 1
		case c >= utf8.RuneSelf:
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError {
				b = utf8.AppendRune(append(b, s[kept:i]...), r)
				kept = i + size
			}
		}
		i += size
	}
	b = append(b, s[kept:]...)
	return append(b, '"')
}
