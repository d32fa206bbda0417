package jwks

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// Terms are what the configurations of all providers say alike. A provider
// embeds it in its own struct.
type Terms struct {
	Leeway       time.Duration `json:"leeway" default:"60s" doc:"how far clocks may differ, at most 120s"`
	UsableFor    time.Duration `json:"usable_for" default:"24h" doc:"how long keys serve while the issuer is silent; the router's own usable_for may be shorter"`
	CAFile       string        `json:"ca_file" doc:"absolute path of the certificates (PEM) to believe instead of the system's"`
	AllowPrivate bool          `json:"allow_private" doc:"also ask private and loopback addresses, for an issuer in your own network"`
}

// Options reads the certificates, and gives every source the policy and the
// terms. How long a token may live is the router's to say, max_token_lifetime of
// the [[auth]], unless a source says that its issuer's live for less. Its error is
// sdk.Diagnostics.
func (t Terms) Options(p sdk.ProviderPolicy, sources []Source) (Options, error) {
	var faults sdk.Diagnostics
	if t.Leeway < 0 || t.Leeway > MaxLeeway {
		faults = append(faults, sdk.Diagnostic{Path: "/leeway", Text: fmt.Sprintf("want 0s to %s", MaxLeeway)})
	}
	if t.UsableFor <= 0 {
		faults = append(faults, sdk.Diagnostic{Path: "/usable_for", Text: "want more than no time"})
	}
	pool, err := t.pool()
	if err != nil {
		faults = append(faults, sdk.Diagnostic{Path: "/ca_file", Text: err.Error()})
	}
	if faults != nil {
		return Options{}, faults
	}
	for i := range sources {
		s := &sources[i].Trust
		s.Audiences, s.Algs, s.Leeway, s.MaxLifetime = p.Audiences, p.Algs, t.Leeway, cmp.Or(s.MaxLifetime, MaxTokenLifetime)
	}
	usable := t.UsableFor
	if p.UsableFor > 0 {
		usable = min(usable, p.UsableFor)
	}
	return Options{Sources: sources, AllowPrivate: t.AllowPrivate, CA: pool, UsableFor: usable}, nil
}

// pool is nil for the system's certificates.
func (t Terms) pool() (*x509.CertPool, error) {
	if t.CAFile == "" {
		return nil, nil
	}
	if !filepath.IsAbs(t.CAFile) {
		return nil, fmt.Errorf("want an absolute path: a plugin has no directory of its own")
	}
	text, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate in PEM", t.CAFile)
	}
	return pool, nil
}
