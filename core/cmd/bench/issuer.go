package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwk"
)

const (
	issuerName = "https://issuer.bench/oauth2/default"
	audience   = "https://events.bench"
	clientID   = "edge"
	tokenLife  = time.Hour // longer than a target is measured
	// rsaBits is what issuers of the field have.
	rsaBits = 2048
)

// issuer signs access tokens (RFC 9068) with one key, as an authorization server
// does. It is for one goroutine.
type issuer struct {
	alg     string // JOSE's name of it
	private crypto.Signer
	public  jwk.Key
	serial  int // of the last token
}

func newIssuer(alg string) (*issuer, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case "RS256", "PS256":
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("issuer: no algorithm %q", alg)
	}
	if err != nil {
		return nil, err
	}
	return &issuer{alg: alg, private: private, public: jwk.Key{ID: "bench-1", Alg: alg, Public: private.Public()}}, nil
}

// tokenRules say what of a token the router goes by.
func tokenRules() sdk.TokenRules {
	return sdk.TokenRules{Types: []string{"at+jwt"}, Client: "/client_id", Scopes: "/scope"}
}

// verifier checks its tokens.
func (i *issuer) verifier() (*jwt.Verifier, error) {
	return jwt.New(jwt.Policy{Issuer: issuerName, Audiences: []string{audience}, Algs: []string{i.alg}, Keys: []jwk.Key{i.public},
		MaxLifetime: tokenLife, Rules: tokenRules()})
}

// tokens gives one each of so many subjects.
func (i *issuer) tokens(subjects int) ([]string, error) {
	out := make([]string, subjects)
	for n := range out {
		var err error
		if out[n], err = i.token(fmt.Sprintf("sender-%d", n)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// token gives one that was never there before.
func (i *issuer) token(subject string) (string, error) {
	i.serial++
	now := time.Now().Unix()
	head, err := segment(map[string]any{"alg": i.alg, "kid": i.public.ID, "typ": "at+jwt"})
	if err != nil {
		return "", err
	}
	claims, err := segment(map[string]any{"iss": issuerName, "aud": audience, "sub": subject, "client_id": clientID, "scope": "orders:write readings:write",
		"jti": fmt.Sprintf("AT.%d", i.serial), "iat": now, "exp": now + int64(tokenLife/time.Second)})
	if err != nil {
		return "", err
	}
	text := head + "." + claims
	signature, err := i.sign(text)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func segment(members map[string]any) (string, error) {
	text, err := json.Marshal(members)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// sign makes a signature as JWS has it (RFC 7518, sections 3.3 to 3.5; RFC 8037,
// section 3.1).
func (i *issuer) sign(text string) ([]byte, error) {
	h := sha256.New()
	if i.alg == "ES384" {
		h = sha512.New384()
	}
	h.Write([]byte(text))
	switch private := i.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, h.Sum(nil))
		if err != nil {
			return nil, err
		}
		size := h.Size() // also that of the curve's numbers
		out := make([]byte, 2*size)
		r.FillBytes(out[:size])
		s.FillBytes(out[size:])
		return out, nil
	case *rsa.PrivateKey:
		var opts crypto.SignerOpts = crypto.SHA256
		if i.alg == "PS256" {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		}
		return private.Sign(rand.Reader, h.Sum(nil), opts)
	}
	return i.private.Sign(rand.Reader, []byte(text), crypto.Hash(0)) // Ed25519 has its own
}
