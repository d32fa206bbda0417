package config

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// eventKey checks one [[event_keys]] and reads its key.
func (k *checker) eventKey(e *EventKey, key string) {
	k.name("event_keys", e.ID, join(key, "id"))
	if _, err := sdk.ParseGlob(e.Source, sdk.SourceSeparator); err != nil && e.Source != "" {
		k.bad(join(key, "source"), "%v", err)
	}
	if e.Public == "" {
		return // required says so
	}
	text := e.Public
	if path, found := strings.CutPrefix(text, "file:"); found {
		content, err := readFile(k.c.Path(path), maxSecretFile)
		if err != nil {
			k.bad(join(key, "public"), "%s: %v", path, err)
			return
		}
		text = string(content)
	}
	public, err := parseEventKey(strings.TrimSpace(text))
	if err != nil {
		k.bad(join(key, "public"), "%v", err)
		return
	}
	e.Key = public
}

var errEventKey = errors.New("must be a public key for P-256 (ES256) or Ed25519: PEM (PUBLIC KEY), one JWK, or whpk_ and base64")

// parseEventKey reads a public key in one of the forms that tools write.
func parseEventKey(text string) (crypto.PublicKey, error) {
	var public crypto.PublicKey
	switch {
	case strings.HasPrefix(text, "whpk_"):
		key, err := webhook.ParsePublic(text)
		if err != nil {
			return nil, err
		}
		return ed25519.PublicKey(key), nil
	case strings.HasPrefix(text, "{"):
		key, err := jwk.Parse([]byte(text))
		if err != nil {
			return nil, err
		}
		public = key.Public
	default:
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
			return nil, errEventKey
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errEventKey, err)
		}
		public = key
	}
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return key, nil
		}
	case ed25519.PublicKey:
		return key, webhook.CheckPublic(key)
	}
	return nil, errEventKey
}
