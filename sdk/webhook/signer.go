package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// Signer makes signatures with one key. It is safe for concurrent use.
type Signer struct {
	secret []byte             // one of the two
	key    ed25519.PrivateKey // is set
}

// NewHMACSigner signs with a secret of [MinSecret] to [MaxSecret] bytes, "v1".
func NewHMACSigner(secret []byte) (*Signer, error) {
	if err := CheckSecret(secret); err != nil {
		return nil, err
	}
	return &Signer{secret: append([]byte(nil), secret...)}, nil
}

// NewEd25519Signer signs with a private key, "v1a".
func NewEd25519Signer(key ed25519.PrivateKey) (*Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("webhook private key has %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	return &Signer{key: append(ed25519.PrivateKey(nil), key...)}, nil
}

// Sign gives the value of webhook-signature, "v1,<base64>" or "v1a,<base64>",
// for a request with this webhook-id, the [Timestamp] of at, and this body. Two
// such values joined by a space are a valid header too, while a key rotates.
// The router refuses an id that is no [ValidID], whatever its signature.
func (s *Signer) Sign(id string, at time.Time, body []byte) string {
	content := Content(id, Timestamp(at), body)
	if s.key != nil {
		return VersionEd25519 + "," + base64.StdEncoding.EncodeToString(ed25519.Sign(s.key, content))
	}
	mac := hmac.New(sha256.New, s.secret)
	mac.Write(content)
	return VersionHMAC + "," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
