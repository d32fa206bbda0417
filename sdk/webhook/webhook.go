// Package webhook signs requests to a headgate router as Standard Webhooks
// 1.0.0 lays down: an id, a time and a body, joined by dots, under an HMAC
// secret ("v1") or an Ed25519 key ("v1a"). It imports the standard library
// only.
//
// Start with [ParseSecret] and [NewHMACSigner], or [ParsePrivate] and
// [NewEd25519Signer], then set three headers on every request:
//
//	webhook-id         the event's id, such that ValidID takes it
//	webhook-timestamp  Timestamp(now)
//	webhook-signature  signer.Sign(id, now, body)
//
// and headgate-key-id, which names the key. Sign each attempt anew and keep the
// id: the router takes a time that lies within 300 seconds of its own clock, and
// knows a retry by the event's id.
//
// Promise: what this package signs, the router and every other language's
// library read alike; sdk/testdata/vectors/webhook.json shows it.
package webhook

import (
	"strconv"
	"time"
)

// The headers of a signed request, in lower case as ZeroMQ producers write
// them. HTTP compares them without regard to case.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
	HeaderKeyID     = "headgate-key-id"
)

// The versions of a signature: what stands before its comma.
const (
	VersionHMAC    = "v1"  // HMAC-SHA-256
	VersionEd25519 = "v1a" // Ed25519, RFC 8032
)

// MaxID is the longest webhook-id in bytes.
const MaxID = 128

// Content gives the signed bytes: id, timestamp and body, joined by dots
// (Standard Webhooks 1.0.0, "Signature scheme"). They are unambiguous only for
// a [ValidID] and a [ValidTimestamp].
func Content(id, timestamp string, body []byte) []byte {
	out := make([]byte, 0, len(id)+len(timestamp)+2+len(body))
	out = append(out, id...)
	out = append(out, '.')
	out = append(out, timestamp...)
	out = append(out, '.')
	return append(out, body...)
}

// GetBody gives what a GET signs in place of a body: "GET " and the request
// target, byte for byte as it stands in the request line (RFC 9112, section 3.2).
func GetBody(target string) []byte { return append([]byte("GET "), target...) }

// Timestamp gives the value of webhook-timestamp: whole seconds since 1970.
func Timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// ValidID reports whether id matches ^[A-Za-z0-9_-]{1,128}$. A dot in an id
// would let bytes move between id, timestamp and body under one signature.
func ValidID(id string) bool {
	if len(id) == 0 || len(id) > MaxID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// ValidTimestamp reports whether ts matches ^[1-9][0-9]{9}$: one spelling for
// each second from 2001 to 2286, no sign, no leading zero.
func ValidTimestamp(ts string) bool {
	if len(ts) != 10 || ts[0] == '0' {
		return false
	}
	for i := range len(ts) {
		if ts[i] < '0' || ts[i] > '9' {
			return false
		}
	}
	return true
}
