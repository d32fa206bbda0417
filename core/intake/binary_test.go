package intake_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

const issuer = "https://login.example"

// tokens is generation of one key, with tokens of an issuer beside it, and one of
// them.
func tokens(t *testing.T, now time.Time) (*intake.Generation, string) {
	t.Helper()
	g := generation(t, 1, route.Rate{})
	private := ed25519.NewKeyFromSeed(secret(7)[:ed25519.SeedSize])
	key, err := jwk.Key{ID: "k", Public: private.Public()}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	a, err := trust.NewAuthority(trust.AuthoritySettings{Name: "login", Issuers: []string{issuer}, Audiences: []string{"headgate"}, Algs: []string{"EdDSA"}, UsableFor: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Take(1, sdk.TrustBundle{Version: 1, FetchedAt: now, FreshUntil: now.Add(time.Hour), UsableUntil: now.Add(time.Hour), Issuers: []sdk.IssuerTrust{{
		Issuer: issuer, MaxLifetime: time.Hour, Keys: []json.RawMessage{key}, Rules: sdk.TokenRules{Subject: []sdk.SubjectRule{{Claim: "/sub"}}}}}}, now); err != nil {
		t.Fatal(err)
	}
	if g.Trust, err = trust.New(trust.Rules{
		Auths:       []trust.Auth{{Name: "keys", Kind: trust.KindHMAC, Keys: []trust.Key{{ID: "k1", Principal: "p1", State: trust.StateActive, Material: secret(1), Sources: []string{"**"}, Types: []string{"**"}}}}},
		Authorities: []*trust.Authority{a}, Grants: []trust.Grant{{Auth: "login", Sources: []string{"**"}, Types: []string{"**"}}}}); err != nil {
		t.Fatal(err)
	}
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	signed := part(`{"alg":"EdDSA","kid":"k"}`) + "." + part(fmt.Sprintf(`{"iss":%q,"sub":"p","aud":"headgate","iat":%d,"exp":%d}`, issuer, now.Unix(), now.Unix()+60))
	return g, signed + "." + part(string(ed25519.Sign(private, []byte(signed))))
}

// Headers are made an event once a token has verified, and what is wrong with them
// is refused as all else is: counted, and in the log.
func TestBinaryModeIsReadForTokensAlone(t *testing.T) {
	b := newBench(t, intake.Options{}, generation(t, 1, route.Rate{}))
	g, token := tokens(t, b.now)
	b.Use(g)
	made := 0
	submit := func(c trust.Credential, err error) (intake.Receipt, *intake.Problem) {
		r, failed := b.Accept(context.Background(), intake.Submission{Credential: c, Body: []byte("1"), Structure: func(body []byte) ([]byte, error) {
			made++
			return event(string(body), ""), err
		}})
		p, _ := errors.AsType[*intake.Problem](failed)
		return r, p
	}
	if _, p := submit(trust.Credential{Authorization: []string{"Bearer " + token + "x"}}, nil); p == nil || p.Code != intake.Unauthenticated || made != 0 {
		t.Errorf("forged: %v, made %d times", p, made)
	}
	if _, p := submit(b.credential(1, "1", []byte("1")), nil); p == nil || p.Code != intake.UnsupportedType || made != 0 {
		t.Errorf("by a key: %v, made %d times", p, made)
	}
	good := trust.Credential{Authorization: []string{"Bearer " + token}}
	before := b.Counts().Refused
	_, p := submit(good, &intake.Problem{Code: intake.Malformed, Reason: "binary_mode"})
	if log := b.log.String(); p == nil || p.Code != intake.Malformed || b.Counts().Refused != before+1 || !strings.Contains(log, `"code":"malformed","reason":"binary_mode","principal":"login:`) {
		t.Errorf("malformed: %v, %+v\n%s", p, b.Counts(), log)
	}
	if r, p := submit(good, nil); p != nil || made != 2 || r.Results[0].ID != "1" || r.Results[0].Status != intake.Queued {
		t.Errorf("got %+v, %v, made %d times", r, p, made)
	}
}
