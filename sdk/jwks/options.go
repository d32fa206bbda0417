package jwks

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// Bounds that every router has.
const (
	MaxLeeway        = 120 * time.Second
	MaxTokenLifetime = 24 * time.Hour
	MaxKeys          = 64 // of one issuer
)

// DefaultUsableFor is how long keys serve after the last fetch. The router has a
// bound of its own, usable_for of the [[auth]].
const DefaultUsableFor = 24 * time.Hour

// Source is one issuer to follow.
type Source struct {
	// Trust is how the issuer's tokens are checked, without Keys and times.
	// Its Issuer is the one that tokens and discovery name, to the byte.
	Trust sdk.IssuerTrust
	// Discovery is the URL of the issuer's metadata; empty for the issuer with
	// /.well-known/openid-configuration (OpenID Connect Discovery 1.0, section 4).
	Discovery string
	// Keys is the URL of the issuer's key set; empty for what discovery says.
	Keys string
	// KeyHosts are hosts (name, or name:port where that is not the scheme's)
	// beside the issuer's own that discovery may say the key set is at.
	KeyHosts []string
}

// Options are what a Provider follows, and how. Only Sources are needed.
type Options struct {
	Sources []Source
	// AllowPrivate opens private and loopback addresses, and http for loopback.
	// Link-local addresses, where clouds keep credentials, stay closed.
	AllowPrivate bool
	CA           *x509.CertPool // whom to believe who an issuer is; nil for the system's
	// Proxy is an HTTP proxy for all requests; nil for none, whatever the
	// environment says. Addresses are the proxy's to check then.
	Proxy     *url.URL
	UsableFor time.Duration // how long keys serve after the last fetch; 0 for DefaultUsableFor
	Log       *slog.Logger  // nil for slog's default

	dial   func(ctx context.Context, network, address string) (net.Conn, error) // instead of the guarded one
	random func() float64                                                       // within [0, 1)
}

// check finds all faults at once.
func (o *Options) check() error {
	var faults sdk.Diagnostics
	fault := func(format string, args ...any) {
		faults = append(faults, sdk.Diagnostic{Text: fmt.Sprintf(format, args...)})
	}
	if len(o.Sources) == 0 {
		fault("issuers: name at least one")
	}
	if o.UsableFor < 0 {
		fault("usable_for: want more than no time")
	}
	seen := make(map[string]bool)
	for _, s := range o.Sources {
		if seen[s.Trust.Issuer] {
			fault("issuer %s: is there twice", s.Trust.Issuer)
		}
		seen[s.Trust.Issuer] = true
		for _, text := range s.faults(o.AllowPrivate) {
			fault("issuer %s: %s", s.Trust.Issuer, text)
		}
	}
	if faults != nil {
		return faults
	}
	return nil
}

func (s *Source) faults(allowPrivate bool) (list []string) {
	if u, err := checkURL(s.Trust.Issuer, allowPrivate); err != nil {
		list = append(list, err.Error())
	} else if u.RawQuery != "" || u.ForceQuery {
		list = append(list, "has a query, which no issuer has (OpenID Connect Discovery 1.0, section 2)")
	}
	for _, place := range []struct{ what, url string }{{"discovery", s.Discovery}, {"key set", s.Keys}} {
		if _, err := checkURL(place.url, allowPrivate); err != nil && place.url != "" {
			list = append(list, fmt.Sprintf("the URL of its %s %v", place.what, err))
		}
	}
	for _, host := range s.KeyHosts {
		if u, err := url.Parse("https://" + host); err != nil || host == "" || u.Host != host {
			list = append(list, fmt.Sprintf("key host %.80q is no host: write example.com, or example.com:8443", host))
		}
	}
	if len(s.Trust.Audiences) == 0 || slices.Contains(s.Trust.Audiences, "") {
		list = append(list, "has no audiences, or an empty one: name those that tokens for this router are issued to")
	}
	if len(s.Trust.Algs) == 0 {
		list = append(list, "has no algs: name those that it signs with")
	}
	for _, alg := range s.Trust.Algs {
		if !slices.Contains(jwk.Algs(), alg) {
			list = append(list, fmt.Sprintf("alg %.20q is none of %s", alg, strings.Join(jwk.Algs(), ", ")))
		}
	}
	if s.Trust.Leeway < 0 || s.Trust.Leeway > MaxLeeway {
		list = append(list, fmt.Sprintf("leeway %s is not within 0s and %s", s.Trust.Leeway, MaxLeeway))
	}
	if s.Trust.MaxLifetime < time.Second || s.Trust.MaxLifetime > MaxTokenLifetime {
		list = append(list, fmt.Sprintf("a token's lifetime of %s is not within 1s and %s", s.Trust.MaxLifetime, MaxTokenLifetime))
	}
	return list
}
