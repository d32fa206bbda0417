package promise_test

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// ask says which token is wanted. What is empty is as for a sender with every
// right.
type ask struct {
	client   string
	audience string
	scope    string
	bound    *ecdsa.PrivateKey // by a DPoP proof (RFC 9449)
}

// token gets an access token by the client credentials grant (RFC 6749, section
// 4.4).
func (p *idp) token(a ask) string {
	p.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"},
		"scope":      {cmp.Or(a.scope, "orders:write")},
		"resource":   {cmp.Or(a.audience, audience)}, // RFC 8707
	}
	if p.secret == "" { // RFC 7523, section 2.2
		client := cmp.Or(a.client, edgeClient)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", signed(p.T, p.key, nil, jwt.MapClaims{"iss": client, "sub": client, "aud": p.tokens,
			"jti": rand.Text(), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}))
	}
	req, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.tokens, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if p.secret != "" {
		req.SetBasicAuth(zitadelClient, p.secret)
	}
	if a.bound != nil {
		req.Header.Set("DPoP", signed(p.T, a.bound, map[string]any{"typ": "dpop+jwt", "jwk": publicJWK(p.T, a.bound)},
			jwt.MapClaims{"htm": http.MethodPost, "htu": p.tokens, "jti": rand.Text(), "iat": time.Now().Unix()}))
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct {
		Token string `json:"access_token"`
		Error string
		Why   string `json:"error_description"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || said.Token == "" {
		p.Fatalf("no token: %d %s %s, %v", resp.StatusCode, said.Error, said.Why, err)
	}
	return said.Token
}

func newES256(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicJWK(t *testing.T, key *ecdsa.PrivateKey) json.RawMessage {
	t.Helper()
	text, err := jwk.Key{Alg: "ES256", Public: key.Public()}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signed is a JWT by ES256, with more in its header.
func signed(t *testing.T, key *ecdsa.PrivateKey, header map[string]any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	for name, value := range header {
		token.Header[name] = value
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
