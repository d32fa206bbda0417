// Package signature checks what a sender signed. Everything in it is pure: no
// I/O, no clock, no goroutine.
//
// Start with [ParseWebhook], which reads the headers of a Standard Webhooks
// request, then [Webhook.Verify] with a [Key].
//
// Promise: a request that verifies was signed, byte for byte as given, by a
// holder of the key, at a time within [ReplayWindow]. Every refusal is a
// [Reason].
package signature

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// ReplayWindow is how far webhook-timestamp may lie from now, either way
// (Standard Webhooks 1.0.0, "Verifying webhook authenticity").
const ReplayWindow = 300 * time.Second

// MaxSignatures is how many signatures of one request are read: two keys in
// rotation, each in both versions. The rest is never looked at, so a long header
// buys no work.
const MaxSignatures = 4

// Headers are the values of the webhook headers as received, one element for
// each time the header occurred.
type Headers struct {
	ID        []string
	Timestamp []string
	Signature []string
}

// Webhook is a header set of the right form and time. Nothing in it is proven
// before Verify.
type Webhook struct {
	ID         string
	timestamp  string
	signatures string
}

// ParseWebhook takes headers that occur exactly once each, with an id and a
// timestamp of the only form there is (see [webhook.ValidID]) and a time within
// [ReplayWindow] of now. The error is a [Reason].
func ParseWebhook(h Headers, now time.Time) (Webhook, error) {
	id, err := once(h.ID, WebhookIDAbsent, WebhookIDRepeated)
	if err != nil {
		return Webhook{}, err
	}
	timestamp, err := once(h.Timestamp, TimestampAbsent, TimestampRepeated)
	if err != nil {
		return Webhook{}, err
	}
	signatures, err := once(h.Signature, SignatureAbsent, SignatureRepeated)
	if err != nil {
		return Webhook{}, err
	}
	if !webhook.ValidID(id) {
		return Webhook{}, WebhookIDMalformed
	}
	if !webhook.ValidTimestamp(timestamp) {
		return Webhook{}, TimestampMalformed
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return Webhook{}, TimestampMalformed
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > ReplayWindow {
		return Webhook{}, TimestampOutsideWindow
	}
	return Webhook{ID: id, timestamp: timestamp, signatures: signatures}, nil
}

func once(values []string, absent, repeated Reason) (string, error) {
	switch len(values) {
	case 0:
		return "", absent
	case 1:
		return values[0], nil
	}
	return "", repeated
}

// Verify reports whether one of the first [MaxSignatures] signatures is key's
// over the id, the timestamp and the signed bytes. Signatures of another
// version than the key's are passed over, known or not. A request costs one
// MAC under an HMAC key, whatever its header holds. The error is a [Reason].
func (w Webhook) Verify(key *Key, signed []byte) error {
	c := key.over(w.ID, w.timestamp, signed)
	outcome := SignatureAbsent
	for i, rest, more := 0, w.signatures, true; more && i < MaxSignatures; i++ {
		var entry string
		entry, rest, more = strings.Cut(rest, " ")
		version, text, _ := strings.Cut(entry, ",")
		if version != key.version {
			continue
		}
		var buf [maxSize + 2]byte // base64 decodes in groups of three
		sig, ok := decode(&buf, text, key.size)
		switch {
		case ok && c.fits(sig):
			return nil
		case ok:
			outcome = SignatureMismatch
		case outcome == SignatureAbsent:
			outcome = SignatureMalformed
		}
	}
	return outcome
}

// strict refuses set bits after the last byte: one signature, one spelling.
var strict = base64.StdEncoding.Strict()

// decode reads exactly size bytes from their only spelling. Go's base64 skips
// CR and LF even when strict; a text that has any is then too short to give
// size bytes at the length that they take.
func decode(buf *[maxSize + 2]byte, text string, size int) ([]byte, bool) {
	if len(text) != strict.EncodedLen(size) {
		return nil, false
	}
	n, err := strict.Decode(buf[:], []byte(text))
	return buf[:n], err == nil && n == size
}
