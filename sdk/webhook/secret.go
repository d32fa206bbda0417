package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
)

// Bounds of an HMAC secret in bytes. Standard Webhooks 1.0.0 allows 24 to 64;
// headgate asks for the strength of the MAC itself.
const (
	MinSecret = 32
	MaxSecret = 64
)

const prefixSecret = "whsec_"

// ParseSecret reads "whsec_" and standard base64 with padding. Errors never
// hold any of the text.
func ParseSecret(text string) ([]byte, error) {
	secret, err := decode("webhook secret", prefixSecret, text)
	if err != nil {
		return nil, err
	}
	if err := CheckSecret(secret); err != nil {
		return nil, err
	}
	return secret, nil
}

// CheckSecret refuses a secret shorter than [MinSecret] or longer than
// [MaxSecret] bytes.
func CheckSecret(secret []byte) error {
	if len(secret) < MinSecret || len(secret) > MaxSecret {
		return fmt.Errorf("webhook secret has %d bytes, want %d to %d: make a new one", len(secret), MinSecret, MaxSecret)
	}
	return nil
}

// FormatSecret is the inverse of [ParseSecret].
func FormatSecret(secret []byte) string {
	return prefixSecret + base64.StdEncoding.EncodeToString(secret)
}

// NewSecret makes a random secret of [MinSecret] bytes.
func NewSecret() []byte {
	secret := make([]byte, MinSecret)
	rand.Read(secret) // never fails: crypto/rand.Read
	return secret
}

// decode reads prefix and base64 in its one spelling. Go's base64 skips CR and
// LF even when strict, so they are refused first.
func decode(noun, prefix, text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return nil, fmt.Errorf("%s does not start with %s", noun, prefix)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return nil, fmt.Errorf("%s is not standard base64 with padding after %s", noun, prefix)
	}
	return raw, nil
}
