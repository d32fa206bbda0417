package jwks

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// How long the place of a key set is believed.
const (
	discoveryEvery  = 24 * time.Hour
	discoveryUsable = 48 * time.Hour // when it cannot be read anew
)

// wellKnown is where an issuer's metadata is (OpenID Connect Discovery 1.0,
// section 4.1).
func wellKnown(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// discover asks where the issuer's key set is.
func (s *Source) discover(ctx context.Context, c *client, allowPrivate bool) (string, error) {
	from := s.Discovery
	if from == "" {
		from = wellKnown(s.Trust.Issuer)
	}
	d, err := c.get(ctx, from, "")
	if err != nil {
		return "", fmt.Errorf("discovery at %s: %w", from, err)
	}
	at, err := s.keySetURL(d.body, allowPrivate)
	if err != nil {
		return "", fmt.Errorf("discovery at %s: %w", from, err)
	}
	return at, nil
}

// keySetURL reads an issuer's metadata (section 3 there). It belongs to the
// issuer only if it names it, to the byte (section 4.3).
func (s *Source) keySetURL(text []byte, allowPrivate bool) (string, error) {
	metadata, err := jwk.Object(text)
	if err != nil {
		return "", fmt.Errorf("metadata: %w", err)
	}
	if issuer, _ := metadata["issuer"].(string); issuer != s.Trust.Issuer {
		return "", fmt.Errorf("metadata is that of the issuer %.200q: configure the issuer as it names itself, to the byte", issuer)
	}
	at, _ := metadata["jwks_uri"].(string)
	u, err := checkURL(at, allowPrivate)
	if err != nil {
		return "", fmt.Errorf("its jwks_uri %.200q %w", at, err)
	}
	if !s.trusts(u) {
		return "", fmt.Errorf("its jwks_uri %.200q is at another host than the issuer: if that is right, allow %.100q as a key host", at, hostOf(u))
	}
	return at, nil
}

// trusts says whether keys may come from where u is.
func (s *Source) trusts(u *url.URL) bool {
	own, err := url.Parse(s.Trust.Issuer)
	return err == nil && hostOf(u) == hostOf(own) || slices.ContainsFunc(s.KeyHosts, func(host string) bool {
		return hostOf(u) == hostOf(&url.URL{Scheme: u.Scheme, Host: host})
	})
}
