// Package receipt is what a router hands to a sender that wants to prove later
// what was accepted: [Receipt], signed by the router's delivery key. [Sign] makes
// one, [Open] checks one, offline, against the router's public keys.
//
// A receipt is a signed note (C2SP signed-note) of two lines: the first names the
// format, so that no other text that the key signs can be taken for one; the
// second is the receipt as JSON. The name of the key is "headgate.delivery/" and
// its key id. The audit log has a line of the same event, sequence and digest:
// headgate audit prove leads from the receipt to a checkpoint.
package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Receipt says that a router has taken an event, for good.
type Receipt struct {
	ID        string        `json:"id"`
	Source    string        `json:"source"`
	Digest    string        `json:"digest"`   // "sha256:" and hex of sdk.Event.Digest: two events are the same one if theirs are
	Accepted  time.Time     `json:"accepted"` // UTC
	Seq       uint64        `json:"seq"`      // position in the router's journal
	Principal sdk.Principal `json:"principal"`
}

const (
	firstLine  = "headgate.receipt.v1"
	namePrefix = "headgate.delivery/"

	// maxSize bounds what Open reads: source and id, of one event each, and little else.
	maxSize = 16 << 10

	// algEd25519 is the byte in front of such a key (C2SP signed-note).
	algEd25519 = 1
)

// Errors of Open.
var (
	ErrForm = errors.New("receipt: it is none")
	ErrKey  = errors.New("receipt: it is signed by no key of these")
)

// Digest is that of an event, as receipts and the audit log show it.
func Digest(sum [32]byte) string { return fmt.Sprintf("sha256:%x", sum) }

// Sign gives the text of a receipt.
func Sign(r Receipt, key ed25519.PrivateKey) ([]byte, error) {
	r.Accepted = r.Accepted.UTC()
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	text, err := note.Sign(&note.Note{Text: firstLine + "\n" + string(body) + "\n"}, signer{verifierOf(key.Public().(ed25519.PublicKey)), key})
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return text, nil
}

// Open checks a receipt against a router's keys, also those that have retired
// since: a receipt has no end.
func Open(text []byte, keys delivery.Keys) (*Receipt, error) {
	if len(text) > maxSize {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrForm, maxSize)
	}
	known := make([]note.Verifier, 0, len(keys))
	for _, k := range keys {
		known = append(known, verifierOf(k))
	}
	n, err := note.Open(text, note.VerifierList(known...))
	var unsigned *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unsigned):
		return nil, ErrKey
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	line, body, _ := bytes.Cut([]byte(n.Text), []byte("\n"))
	if string(line) != firstLine {
		return nil, fmt.Errorf("%w: its first line is not %s", ErrForm, firstLine)
	}
	if err := sdk.CheckJSON(bytes.TrimSuffix(body, []byte("\n"))); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	var r Receipt
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	return &r, nil
}

// verifier is a public key as a note's.
type verifier struct {
	name string
	key  ed25519.PublicKey
}

func verifierOf(key ed25519.PublicKey) verifier {
	return verifier{namePrefix + delivery.KeyID(key), key}
}

func (v verifier) Name() string { return v.name }

// KeyHash is that of the C2SP signed-note: it only picks the key.
func (v verifier) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(v.name+"\n\x01"), v.key...))
	return binary.BigEndian.Uint32(sum[:])
}

func (v verifier) Verify(text, signature []byte) bool { return ed25519.Verify(v.key, text, signature) }

type signer struct {
	verifier
	private ed25519.PrivateKey
}

func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.private, text), nil }

// VerifierKey gives a key as other tools for signed notes want it (its "vkey").
func VerifierKey(key ed25519.PublicKey) string {
	v := verifierOf(key)
	return fmt.Sprintf("%s+%08x+%s", v.name, v.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, key...)))
}
