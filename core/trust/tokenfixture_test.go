package trust_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// Two authorities: okta with two issuers, sts with one.
const (
	staff   = "https://okta.example/oauth2/staff"
	devices = "https://okta.example/oauth2/devices"
	account = "https://sts.example/123456789012"

	audience = "api://headgate"
)

type claims = map[string]any

func rawJWK(t testing.TB, kid string, public any) json.RawMessage {
	t.Helper()
	text, err := jwk.Key{ID: kid, Public: public}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// issuer trusts, by kid, the Ed25519 keys of these seeds.
func issuer(t testing.TB, name string, keys map[string]byte) sdk.IssuerTrust {
	t.Helper()
	i := sdk.IssuerTrust{Issuer: name, MaxLifetime: time.Hour, Leeway: time.Minute, Rules: sdk.TokenRules{
		Subject: []sdk.SubjectRule{{Claim: "/uid", Prefix: "user:"}, {Claim: "/cid", Prefix: "client:"}},
		Client:  "/cid", Groups: "/groups", Scopes: "/scp",
	}}
	for kid, n := range keys {
		i.Keys = append(i.Keys, rawJWK(t, kid, ed25519.PublicKey(public(n))))
	}
	return i
}

// bundle was fetched just now, is fresh for 10 minutes and usable for an hour.
func bundle(version uint64, issuers ...sdk.IssuerTrust) sdk.TrustBundle {
	return sdk.TrustBundle{Version: version, FetchedAt: now, FreshUntil: now.Add(10 * time.Minute), UsableUntil: now.Add(time.Hour), Issuers: issuers}
}

func authority(t testing.TB, name string, issuers ...string) *trust.Authority {
	t.Helper()
	a, err := trust.NewAuthority(trust.AuthoritySettings{Name: name, Issuers: issuers, Audiences: []string{audience, "api://other"},
		Algs: []string{"EdDSA", "ES256"}, UsableFor: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func take(t testing.TB, a *trust.Authority, generation int, b sdk.TrustBundle, at time.Time) {
	t.Helper()
	if err := a.Take(generation, b, at); err != nil {
		t.Fatal(err)
	}
}

// house is a snapshot with authorities that trust one key per issuer: the kid is
// "k1" for each, the seeds are 31, 32 and 33.
type house struct {
	*trust.Snapshot
	okta, sts *trust.Authority
	rules     trust.Rules
}

func newHouse(t testing.TB, change ...func(*trust.Rules)) *house {
	t.Helper()
	h := &house{okta: authority(t, "okta", staff, devices), sts: authority(t, "sts", account)}
	take(t, h.okta, 1, bundle(1, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k1": 32})), now)
	take(t, h.sts, 1, bundle(1, issuer(t, account, map[string]byte{"k1": 33})), now)
	h.rules = trust.Rules{
		Auths: []trust.Auth{{Name: "edge-keys", Kind: trust.KindHMAC, Keys: []trust.Key{{ID: "active", Principal: "till", State: trust.StateActive,
			Material: secret(1), Sources: []string{"//shop.example/**"}, Types: []string{"com.example.order.*"}, Scopes: []string{"orders:write"}}}}},
		Authorities: []*trust.Authority{h.okta, h.sts},
		Grants: []trust.Grant{
			{Auth: "okta", Sources: []string{"//shop.example/**"}, Types: []string{"com.example.order.*"}, Scopes: []string{"orders:write"}},
			{Auth: "sts", Sources: []string{"//shop.example/**"}, Types: []string{"**"}},
		},
		Cache: jwt.NewCache(1 << 20),
	}
	for _, c := range change {
		c(&h.rules)
	}
	h.Snapshot = h.again(t)
	return h
}

// again is another snapshot by the same rules.
func (h *house) again(t testing.TB) *trust.Snapshot {
	t.Helper()
	s, err := trust.New(h.rules)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// good are the claims of a token of staff that is taken.
func good(change claims) claims {
	c := claims{"iss": staff, "aud": audience, "iat": now.Unix(), "exp": now.Add(30 * time.Minute).Unix(), "jti": "AT.1",
		"sub": "ann@shop.example", "uid": "00u1", "cid": "0oa1", "scp": []string{"orders:write"}}
	maps.Copy(c, change)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// signed is a token by the Ed25519 key of that seed.
func signed(t testing.TB, kid string, n byte, c claims) string {
	t.Helper()
	token := gojwt.NewWithClaims(gojwt.SigningMethodEdDSA, gojwt.MapClaims(c))
	token.Header["kid"] = kid
	text, err := token.SignedString(private(n))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func shown(token string) trust.Credential {
	return trust.Credential{Authorization: []string{"Bearer " + token}}
}

// bound shows a token of staff that is bound to the Ed25519 key of that seed,
// with the key.
func bound(t testing.TB, n byte, change claims) trust.Credential {
	t.Helper()
	key := jwk.Key{Public: ed25519.PublicKey(public(n))}
	all := claims{"cnf": claims{"jkt": key.Thumbprint()}}
	maps.Copy(all, change)
	c := shown(signed(t, "k1", 31, good(all)))
	c.EventKey = []string{string(rawJWK(t, "", key.Public))}
	return c
}

func mustAuthenticate(t testing.TB, s *trust.Snapshot, c trust.Credential) trust.Identity {
	t.Helper()
	id, err := s.Authenticate(c, now)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// order is an order of that source, with more members.
func order(t testing.TB, source, more string) sdk.Event {
	t.Helper()
	e, err := sdk.ParseEvent(fmt.Appendf(nil, `{"specversion":"1.0","id":"evt-1","source":%q,"type":"com.example.order.created"%s,"data":{"amount":1}}`, source, more))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// signEvent signs e end to end with the Ed25519 key of that seed.
func signEvent(t testing.TB, e sdk.Event, keyID string, n byte, extensions ...string) sdk.Event {
	t.Helper()
	s, err := dsse.NewSigner(keyID, private(n), extensions...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Sign(&e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// resign is the event with this dssematerial, whatever it says.
func resign(t testing.TB, e sdk.Event, change func(envelope map[string]any)) sdk.Event {
	t.Helper()
	value, _ := e.Extension(dsse.Attribute)
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	var envelope map[string]any
	if err := json.Unmarshal(text, &envelope); err != nil {
		t.Fatal(err)
	}
	change(envelope)
	if text, err = json.Marshal(envelope); err != nil {
		t.Fatal(err)
	}
	e.SetExtension(dsse.Attribute, base64.StdEncoding.EncodeToString(text))
	return e
}
