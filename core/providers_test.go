package core_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// ender ends something with the first line that it is given.
type ender struct {
	bytes.Buffer
	end func()
}

func (e *ender) Write(line []byte) (int, error) {
	defer e.end()
	return e.Buffer.Write(line)
}

// That a provider is told of a key is logged, and not which: nobody has proven it.
func TestHintsAreLoggedWithoutWhatIsUnproven(t *testing.T) {
	const issuer, now = "https://login.example", "2026-01-01T00:00:00Z"
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		t.Fatal(err)
	}
	a, err := trust.NewAuthority(trust.AuthoritySettings{Name: "login", Issuers: []string{issuer}, Audiences: []string{"headgate"}, Algs: []string{"EdDSA"}, UsableFor: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwk.Key{ID: "k", Public: public}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Take(1, sdk.TrustBundle{Version: 1, FetchedAt: at, FreshUntil: at.Add(time.Hour), UsableUntil: at.Add(time.Hour), Issuers: []sdk.IssuerTrust{{
		Issuer: issuer, MaxLifetime: time.Hour, Keys: []json.RawMessage{key}, Rules: sdk.TokenRules{Subject: []sdk.SubjectRule{{Claim: "/sub"}}}}}}, at); err != nil {
		t.Fatal(err)
	}
	s, err := trust.New(trust.Rules{Authorities: []*trust.Authority{a}})
	if err != nil {
		t.Fatal(err)
	}
	part := base64.RawURLEncoding.EncodeToString
	token := part([]byte(`{"alg":"EdDSA","kid":"SENDERTEXT"}`)) + "." + part([]byte(`{"iss":"`+issuer+`"}`)) + "." + part(make([]byte, 64))
	if _, err := s.Authenticate(trust.Credential{Authorization: []string{"Bearer " + token}}, at); err == nil {
		t.Fatal("taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	log := &ender{end: cancel}
	core.PassOnHints(ctx, a, zerolog.New(log))
	if text := log.String(); !strings.Contains(text, "the provider is told") || !strings.Contains(text, issuer) || strings.Contains(text, "SENDERTEXT") {
		t.Errorf("the log is:\n%s", text)
	}
}
