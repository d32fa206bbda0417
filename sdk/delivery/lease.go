package delivery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"

	"github.com/headgate-io/headgate/sdk"
)

// leaseLabel names a lease in its own bytes; leaseSize is 128 bits, which
// nobody guesses, and leaseLength their base64url without padding.
const (
	leaseLabel  = "headgate.lease.v1"
	leaseSize   = 16
	leaseLength = 22
)

// Grant is what a lease is given for: one attempt to deliver one entry.
type Grant struct {
	Channel string
	Seq     uint64
	Attempt int
	Peer    string // name of the peer's CURVE key; empty for none
}

// Leases makes leases with the router's lease key. It is not safe for
// concurrent use.
type Leases struct {
	mac       hash.Hash
	text, sum []byte
}

// NewLeases returns a maker of leases.
func NewLeases(key []byte) *Leases { return &Leases{mac: hmac.New(sha256.New, key)} }

// Lease is the right to reply for a grant: the first 16 bytes, in base64url, of
// HMAC-SHA-256(key, PAE("headgate.lease.v1", channel, seq, attempt, peer)) with
// the numbers in decimal. It is checked by computing it again, so it outlives
// restarts and works on every router that shares the key.
func (l *Leases) Lease(g Grant) string {
	l.text = sdk.AppendPAE(l.text[:0], leaseLabel, g.Channel, strconv.FormatUint(g.Seq, 10), strconv.Itoa(g.Attempt), g.Peer)
	l.mac.Reset()
	l.mac.Write(l.text)
	l.sum = l.mac.Sum(l.sum[:0])
	var lease [leaseLength]byte
	base64.RawURLEncoding.Encode(lease[:], l.sum[:leaseSize])
	return string(lease[:])
}

// leaseText decodes a lease. What it leaves in the last character must be zero.
var leaseText = base64.RawURLEncoding.Strict()

// isLease reports whether text has the form of a lease. The length on either
// side counts: encoding/base64 passes over line breaks.
func isLease(text string) bool {
	if len(text) != leaseLength {
		return false
	}
	var raw [leaseSize]byte
	n, err := leaseText.Decode(raw[:], []byte(text))
	return err == nil && n == leaseSize
}

// LeaseMark is what logs may show of a lease: eight hexadecimal digits of its hash.
func LeaseMark(lease string) string {
	sum := sha256.Sum256([]byte(lease))
	return hex.EncodeToString(sum[:4])
}
