package jwks

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// Terms are what the configurations of all providers say alike. A provider has
// these fields in its own struct, by these names:
//
//	CAFile       string        `json:"ca_file" doc:"..."`
//	AllowPrivate bool          `json:"allow_private" doc:"..."`
//	MaxLifetime  time.Duration `json:"max_token_lifetime" default:"1h" doc:"..."`
//	Leeway       time.Duration `json:"leeway" default:"60s" doc:"..."`
//	UsableFor    time.Duration `json:"usable_for" default:"24h" doc:"..."`
type Terms struct {
	CAFile       string // an absolute path; empty for the system's certificates
	AllowPrivate bool
	MaxLifetime  time.Duration
	Leeway       time.Duration
	UsableFor    time.Duration
}

// Options reads the certificates, and gives every source the policy and the
// terms. Its error is sdk.Diagnostics.
func (t Terms) Options(p sdk.ProviderPolicy, sources []Source) (Options, error) {
	var faults sdk.Diagnostics
	if t.MaxLifetime < time.Second || t.MaxLifetime > MaxTokenLifetime {
		faults = append(faults, sdk.Diagnostic{Path: "/max_token_lifetime", Text: fmt.Sprintf("want 1s to %s", MaxTokenLifetime)})
	}
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
		s.Audiences, s.Algs, s.Leeway, s.MaxLifetime = p.Audiences, p.Algs, t.Leeway, t.MaxLifetime
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
