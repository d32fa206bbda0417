package jwks_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
)

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestNewRefuses(t *testing.T) {
	good := func(change func(*jwks.Source)) jwks.Options {
		s := source("https://example.com", "RS256")
		change(&s)
		return jwks.Options{Sources: []jwks.Source{s}}
	}
	for want, o := range map[string]jwks.Options{
		"name at least one":       {},
		"is there twice":          {Sources: []jwks.Source{source("https://example.com", "RS256"), source("https://example.com", "RS256")}},
		"want https":              good(func(s *jwks.Source) { s.Trust.Issuer = "http://example.com" }),
		"is http: want https":     good(func(s *jwks.Source) { s.Trust.Issuer = "http://127.0.0.1" }),
		`begins with "ftp"`:       good(func(s *jwks.Source) { s.Trust.Issuer = "ftp://example.com" }),
		"no URL with a host":      good(func(s *jwks.Source) { s.Trust.Issuer = "example.com" }),
		"is no URL":               good(func(s *jwks.Source) { s.Trust.Issuer = "https://exa mple.com" }),
		"has a user name":         good(func(s *jwks.Source) { s.Trust.Issuer = "https://user@example.com" }),
		"has a fragment":          good(func(s *jwks.Source) { s.Trust.Issuer = "https://example.com#" }),
		"has a query":             good(func(s *jwks.Source) { s.Trust.Issuer = "https://example.com?" }),
		"URL of its discovery is": good(func(s *jwks.Source) { s.Discovery = "http://example.com" }),
		"URL of its key set is":   good(func(s *jwks.Source) { s.Keys = "http://localhost" }),
		"is no host":              good(func(s *jwks.Source) { s.KeyHosts = []string{"https://example.com/"} }),
		"has no audiences":        good(func(s *jwks.Source) { s.Trust.Audiences = nil }),
		"has no algs":             good(func(s *jwks.Source) { s.Trust.Algs = nil }),
		`"none" is none of`:       good(func(s *jwks.Source) { s.Trust.Algs = []string{"none"} }),
		`"HS256" is none of`:      good(func(s *jwks.Source) { s.Trust.Algs = []string{"RS256", "HS256"} }),
		"leeway 2m1s":             good(func(s *jwks.Source) { s.Trust.Leeway = 121 * time.Second }),
		"lifetime of 0s":          good(func(s *jwks.Source) { s.Trust.MaxLifetime = 0 }),
		"lifetime of 24h0m1s":     good(func(s *jwks.Source) { s.Trust.MaxLifetime = 24*time.Hour + time.Second }),
		"usable_for":              {Sources: []jwks.Source{source("https://example.com", "RS256")}, UsableFor: -1},
	} {
		p, err := jwks.New(o)
		if _, ok := errors.AsType[sdk.Diagnostics](err); !ok || p != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	o := good(func(s *jwks.Source) {
		s.Trust.Issuer, s.Discovery, s.Keys, s.KeyHosts = "http://[::1]:8080/a", "http://localhost/d", "https://other.example/k?x=y", []string{"keys.example:8443"}
	})
	o.AllowPrivate = true
	if _, err := jwks.New(o); err != nil {
		t.Error(err)
	}
}

func TestDiscovery(t *testing.T) {
	s := source("https://example.com/a", "RS256")
	s.KeyHosts = []string{"Keys.example:443"}
	for name, c := range map[string]struct{ text, want string }{
		"good":                 {`{"issuer":"https://example.com/a","jwks_uri":"https://example.com/k?v=1"}`, ""},
		"host in capitals":     {`{"issuer":"https://example.com/a","jwks_uri":"https://EXAMPLE.com:443/k"}`, ""},
		"a key host":           {`{"issuer":"https://example.com/a","jwks_uri":"https://keys.example/k"}`, ""},
		"another issuer":       {`{"issuer":"https://example.com/b","jwks_uri":"https://example.com/k"}`, "that of the issuer"},
		"a slash more":         {`{"issuer":"https://example.com/a/","jwks_uri":"https://example.com/k"}`, "that of the issuer"},
		"a capital":            {`{"issuer":"https://Example.com/a","jwks_uri":"https://example.com/k"}`, "that of the issuer"},
		"no issuer":            {`{"Issuer":"https://example.com/a","jwks_uri":"https://example.com/k"}`, "that of the issuer"},
		"issuer is no string":  {`{"issuer":["https://example.com/a"],"jwks_uri":"https://example.com/k"}`, "that of the issuer"},
		"issuer twice":         {`{"issuer":"https://evil.example","issuer":"https://example.com/a","jwks_uri":"https://example.com/k"}`, "repeated"},
		"jwks_uri in any case": {`{"issuer":"https://example.com/a","jwks_uri":"https://example.com/k","JWKS_URI":"https://example.com/l"}`, "repeated"},
		"no jwks_uri":          {`{"issuer":"https://example.com/a"}`, "jwks_uri"},
		"http":                 {`{"issuer":"https://example.com/a","jwks_uri":"http://example.com/k"}`, "want https"},
		"http on a key host":   {`{"issuer":"https://example.com/a","jwks_uri":"http://keys.example/k"}`, "want https"},
		"file":                 {`{"issuer":"https://example.com/a","jwks_uri":"file:///etc/passwd"}`, "jwks_uri"},
		"another host":         {`{"issuer":"https://example.com/a","jwks_uri":"https://evil.example/k"}`, "allow \"evil.example\" as a key host"},
		"another port":         {`{"issuer":"https://example.com/a","jwks_uri":"https://example.com:8443/k"}`, "another host"},
		"a longer host":        {`{"issuer":"https://example.com/a","jwks_uri":"https://example.com.evil.example/k"}`, "another host"},
		"a user":               {`{"issuer":"https://example.com/a","jwks_uri":"https://example.com@evil.example/k"}`, "user name"},
		"no object":            {`[]`, "not one JSON object"},
		"two objects":          {`{"issuer":"https://example.com/a","jwks_uri":"https://example.com/k"}{}`, "not one JSON object"},
		"deep":                 {strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat(`}`, 10_000), "nested"},
	} {
		at, err := s.KeySetURL([]byte(c.text), false)
		if c.want == "" && (err != nil || at == "") || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %q, %v", name, at, err)
		}
	}
}

func TestTerms(t *testing.T) {
	dir := t.TempDir()
	noPEM := filepath.Join(dir, "no.pem")
	if err := os.WriteFile(noPEM, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := jwks.Terms{Leeway: time.Minute, UsableFor: time.Hour}
	for path, change := range map[string]func(*jwks.Terms){
		"/leeway: want":         func(t *jwks.Terms) { t.Leeway = -1 },
		"/usable_for: want":     func(t *jwks.Terms) { t.UsableFor = 0 },
		"/ca_file: want an abs": func(t *jwks.Terms) { t.CAFile = "ca.pem" },
		"/ca_file: cannot be":   func(t *jwks.Terms) { t.CAFile = filepath.Join(dir, "absent") },
		"/ca_file: " + noPEM:    func(t *jwks.Terms) { t.CAFile = noPEM },
	} {
		bad := good
		change(&bad)
		_, err := bad.Options(sdk.ProviderPolicy{}, nil)
		if _, ok := errors.AsType[sdk.Diagnostics](err); !ok || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	policy := sdk.ProviderPolicy{Audiences: []string{"a"}, Algs: []string{"RS256"}}
	o, err := good.Options(policy, []jwks.Source{{Trust: sdk.IssuerTrust{Issuer: "https://example.com"}}, {Trust: sdk.IssuerTrust{MaxLifetime: time.Hour}}})
	if err != nil {
		t.Fatal(err)
	}
	if s := o.Sources[0].Trust; s.Audiences[0] != "a" || s.Algs[0] != "RS256" || s.Leeway != time.Minute || s.MaxLifetime != jwks.MaxTokenLifetime || o.UsableFor != time.Hour || o.AllowPrivate || o.CA != nil {
		t.Errorf("%+v", o)
	}
	if s := o.Sources[1].Trust; s.MaxLifetime != time.Hour {
		t.Errorf("an issuer's own lifetime is gone: %+v", s)
	}
}
