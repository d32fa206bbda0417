package sdktest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// Bounds of a snapshot that every router has.
const (
	maxKeys     = 64               // of one issuer
	maxLeeway   = 120              // seconds
	maxLifetime = 24 * 60 * 60     // seconds of a token
	minRSA      = 2048             // bits
	maxRSA      = 8192             // bits; a larger one only costs time
	maxAhead    = 30 * time.Second // of fetched_at, for clocks that differ
)

// snapshotTimes finds times that are not in their order, or of no use now.
func snapshotTimes(m *pluginv1.WatchTrustResponse, now time.Time) error {
	fetched, fresh, usable := time.UnixMilli(m.GetFetchedAt()), time.UnixMilli(m.GetFreshUntil()), time.UnixMilli(m.GetUsableUntil())
	switch {
	case fetched.After(now.Add(maxAhead)):
		return fmt.Errorf("fetched_at is %s ahead", fetched.Sub(now).Round(time.Second))
	case fresh.Before(fetched):
		return errors.New("fresh_until is before fetched_at")
	case usable.Before(fresh):
		return errors.New("usable_until is before fresh_until")
	case !usable.After(now):
		return fmt.Errorf("usable_until is %s ago: nothing can be verified by it", now.Sub(usable).Round(time.Second))
	}
	return nil
}

// snapshotPolicy finds what the router's own configuration does not allow.
func snapshotPolicy(m *pluginv1.WatchTrustResponse, policy sdk.ProviderPolicy) error {
	if len(m.GetIssuers()) == 0 {
		return errors.New("the snapshot has no issuer")
	}
	seen := make(map[string]bool)
	for _, i := range m.GetIssuers() {
		if !slices.Contains(policy.Issuers, i.GetIssuer()) {
			return fmt.Errorf("the issuer %s is not one of the policy's", quoted(i.GetIssuer()))
		}
		if seen[i.GetIssuer()] {
			return fmt.Errorf("the issuer %s is there twice", quoted(i.GetIssuer()))
		}
		seen[i.GetIssuer()] = true
		if len(i.GetAudiences()) == 0 || len(i.GetAlgs()) == 0 {
			return fmt.Errorf("the issuer %s has no audience or no alg", quoted(i.GetIssuer()))
		}
		for _, a := range i.GetAudiences() {
			if !slices.Contains(policy.Audiences, a) {
				return fmt.Errorf("the audience %s is not one of the policy's", quoted(a))
			}
		}
		for _, a := range i.GetAlgs() {
			if a == "none" || strings.HasPrefix(a, "HS") || !slices.Contains(policy.Algs, a) {
				return fmt.Errorf("the alg %s is not one of the policy's, or proves nothing", quoted(a))
			}
		}
		if i.GetLeewaySeconds() > maxLeeway {
			return fmt.Errorf("a leeway of %d s: want at most %d s", i.GetLeewaySeconds(), maxLeeway)
		}
		if n := i.GetMaxLifetimeSeconds(); n == 0 || n > maxLifetime {
			return fmt.Errorf("tokens that live %d s: want 1 s to 24 h", n)
		}
	}
	return nil
}

// snapshotKeys finds keys that are no public signature keys, or not to be told
// apart.
func snapshotKeys(m *pluginv1.WatchTrustResponse) error {
	for _, i := range m.GetIssuers() {
		if n := len(i.GetKeys()); n == 0 || n > maxKeys {
			return fmt.Errorf("the issuer %s has %d keys: want 1 to %d", quoted(i.GetIssuer()), n, maxKeys)
		}
		seen := make(map[string]bool)
		for n, text := range i.GetKeys() {
			kid, err := keyFault(text)
			if err == nil && seen[kid] {
				err = fmt.Errorf("has the kid %s of another", quoted(kid))
			}
			if err != nil {
				return fmt.Errorf("key %d of the issuer %s %w", n+1, quoted(i.GetIssuer()), err)
			}
			seen[kid] = true
		}
	}
	return nil
}

// privateMembers are those of a JSON Web Key that only its owner knows
// (RFC 7518, section 6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// curves are those a key may be on, by its type (RFC 7518, section 6.2.1.1; RFC
// 8037, section 2).
var curves = map[string][]string{"EC": {"P-256", "P-384", "P-521"}, "OKP": {"Ed25519"}}

// keyFault reads one JSON Web Key.
func keyFault(text []byte) (kid string, err error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return "", errors.New("is no JSON object")
	}
	for _, name := range privateMembers {
		if _, there := members[name]; there {
			return "", fmt.Errorf("has the private member %q: publish the public key alone", name)
		}
	}
	var k struct{ Kid, Kty, Use, Crv, N, E string }
	if err := json.Unmarshal(text, &k); err != nil {
		return "", errors.New("has a member of the wrong type")
	}
	switch {
	case k.Kid == "":
		return "", errors.New("has no kid")
	case k.Use != "" && k.Use != "sig":
		return "", fmt.Errorf("is for the use %s: want sig", quoted(k.Use))
	case k.Kty == "RSA":
		return k.Kid, rsaFault(k.N, k.E)
	case curves[k.Kty] == nil:
		return "", fmt.Errorf("has the kty %s: want RSA, EC or OKP", quoted(k.Kty))
	case !slices.Contains(curves[k.Kty], k.Crv):
		return "", fmt.Errorf("is on the curve %s: want one of %s", quoted(k.Crv), strings.Join(curves[k.Kty], ", "))
	}
	return k.Kid, nil
}

func rsaFault(n, e string) error {
	modulus, err := base64.RawURLEncoding.DecodeString(n)
	if err != nil {
		return errors.New("has a modulus that is not base64url")
	}
	if bits := new(big.Int).SetBytes(modulus).BitLen(); bits < minRSA || bits > maxRSA {
		return fmt.Errorf("has %d bits: want %d to %d", bits, minRSA, maxRSA)
	}
	if e != "AQAB" {
		return errors.New("has another exponent than 65537")
	}
	return nil
}
