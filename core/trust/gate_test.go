package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

func TestNewAuthorityRefuses(t *testing.T) {
	good := trust.AuthoritySettings{Name: "okta", Issuers: []string{staff}, Audiences: []string{audience}, Algs: []string{"RS256"}, UsableFor: time.Hour}
	if _, err := trust.NewAuthority(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		say    string
		change func(*trust.AuthoritySettings)
	}{
		{"no name", func(s *trust.AuthoritySettings) { s.Name = "" }},
		{"issuers: there is none", func(s *trust.AuthoritySettings) { s.Issuers = nil }},
		{"issuers: one is empty", func(s *trust.AuthoritySettings) { s.Issuers = []string{staff, ""} }},
		{"issuers: one stands there twice", func(s *trust.AuthoritySettings) { s.Issuers = []string{staff, devices, staff} }},
		{"audiences: there is none", func(s *trust.AuthoritySettings) { s.Audiences = []string{} }},
		{"audiences: one is empty", func(s *trust.AuthoritySettings) { s.Audiences = []string{""} }},
		{"algs: there is none", func(s *trust.AuthoritySettings) { s.Algs = nil }},
		{"usable_for is 0s", func(s *trust.AuthoritySettings) { s.UsableFor = 0 }},
		{"usable_for is -1s", func(s *trust.AuthoritySettings) { s.UsableFor = -time.Second }},
		{"lifetime of tokens", func(s *trust.AuthoritySettings) { s.MaxLifetime = 24*time.Hour + 1 }},
		{"lifetime of tokens", func(s *trust.AuthoritySettings) { s.MaxLifetime = -1 }},
	} {
		s := good
		c.change(&s)
		if a, err := trust.NewAuthority(s); err == nil || a != nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: got %v", c.say, err)
		}
	}
}

// jwkOf is a JSON Web Key of these members.
func jwkOf(t testing.TB, members map[string]any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestGateRefuses shows that each of these leaves the last good bundle at work.
func TestGateRefuses(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	identityPoint := make([]byte, 32)
	identityPoint[0] = 1
	const day = 24 * time.Hour
	until := now.Add(time.Hour)
	one := func(b *sdk.TrustBundle) *sdk.IssuerTrust { return &b.Issuers[0] }
	key := func(text json.RawMessage) func(*sdk.TrustBundle) {
		return func(b *sdk.TrustBundle) { one(b).Keys = append(one(b).Keys, text) }
	}
	for _, c := range []struct {
		name, reason string
		change       func(*sdk.TrustBundle)
		generation   int // 2 unless it is said
	}{
		{name: "no issuers", reason: trust.BundleEmpty, change: func(b *sdk.TrustBundle) { b.Issuers = nil }},
		{name: "V53 no keys", reason: trust.BundleKeysAbsent, change: func(b *sdk.TrustBundle) { one(b).Keys = nil }},
		{name: "V59 foreign issuer", reason: trust.BundleIssuerOutside, change: func(b *sdk.TrustBundle) { b.Issuers = append(b.Issuers, issuer(t, account, map[string]byte{"k1": 99})) }},
		{name: "foreign issuer alone", reason: trust.BundleIssuerOutside, change: func(b *sdk.TrustBundle) { b.Issuers = []sdk.IssuerTrust{issuer(t, account, map[string]byte{"k1": 99})} }},
		{name: "issuer in other letters", reason: trust.BundleIssuerOutside, change: func(b *sdk.TrustBundle) { one(b).Issuer = strings.ToUpper(staff) }},
		{name: "issuer twice", reason: trust.BundleIssuerRepeated, change: func(b *sdk.TrustBundle) { b.Issuers = append(b.Issuers, b.Issuers[0]) }},
		{name: "issuer gone", reason: trust.BundleIssuerGone, change: func(b *sdk.TrustBundle) { b.Issuers = b.Issuers[1:] }},
		{name: "other audience", reason: trust.BundleAudienceOutside, change: func(b *sdk.TrustBundle) { one(b).Audiences = []string{audience, "api://evil"} }},
		{name: "empty audience", reason: trust.BundleAudienceOutside, change: func(b *sdk.TrustBundle) { one(b).Audiences = []string{""} }},
		{name: "other alg", reason: trust.BundleAlgOutside, change: func(b *sdk.TrustBundle) { one(b).Algs = []string{"EdDSA", "RS256"} }},
		{name: "alg none", reason: trust.BundleAlgOutside, change: func(b *sdk.TrustBundle) { one(b).Algs = []string{"none"} }},
		{name: "HS256", reason: trust.BundleAlgOutside, change: func(b *sdk.TrustBundle) { one(b).Algs = []string{"HS256"} }},

		{name: "generation back", reason: trust.BundleGenerationBack, generation: 1, change: func(*sdk.TrustBundle) {}},
		{name: "V60 version back", reason: trust.BundleVersionBack, change: func(b *sdk.TrustBundle) { b.Version = 6 }},
		{name: "version repeated", reason: trust.BundleVersionRepeated, change: func(b *sdk.TrustBundle) { b.Version = 7; b.FetchedAt = now.Add(time.Second) }},
		{name: "fetched in the future", reason: trust.BundleFetchedInFuture, change: func(b *sdk.TrustBundle) { b.FetchedAt = now.Add(time.Minute + 1) }},
		{name: "fetched back", reason: trust.BundleFetchedBack, change: func(b *sdk.TrustBundle) { b.FetchedAt = now.Add(-time.Minute - 1) }},
		{name: "fetched back in a newer generation", reason: trust.BundleFetchedBack, generation: 3, change: func(b *sdk.TrustBundle) { b.FetchedAt = now.Add(-time.Minute - 1) }},
		{name: "fresh before it was fetched", reason: trust.BundleTimesOutOfOrder, change: func(b *sdk.TrustBundle) { b.FreshUntil = now.Add(-1) }},
		{name: "usable before it is stale", reason: trust.BundleTimesOutOfOrder, change: func(b *sdk.TrustBundle) { b.UsableUntil = b.FreshUntil.Add(-1) }},
		{name: "no times", reason: trust.BundleTimesOutOfOrder, change: func(b *sdk.TrustBundle) { b.FreshUntil, b.UsableUntil = time.Time{}, time.Time{} }},
		{name: "an issuer's times", reason: trust.BundleTimesOutOfOrder, change: func(b *sdk.TrustBundle) { one(b).FreshUntil, one(b).UsableUntil = now.Add(2), now.Add(1) }},
		{name: "expired", reason: trust.BundleExpired, change: func(b *sdk.TrustBundle) { b.FreshUntil, b.UsableUntil = now, now }},

		{name: "V55 symmetric key", reason: trust.BundleKeyBad, change: key(jwkOf(t, map[string]any{"kty": "oct", "kid": "s", "k": b64(secret(1))}))},
		{name: "V60 private key", reason: trust.BundleKeyBad, change: key(jwkOf(t, map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "p", "x": b64(public(60)), "d": b64(secret(60))}))},
		{name: "key for encryption", reason: trust.BundleKeyBad, change: key(jwkOf(t, map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "e", "use": "enc", "x": b64(public(60))}))},
		{name: "V51 point of small order", reason: trust.BundleKeyBad, change: key(jwkOf(t, map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": b64(identityPoint)}))},
		{name: "V52 RSA of 1024 bits", reason: trust.BundleKeyBad, change: key(jwkOf(t, map[string]any{"kty": "RSA", "kid": "r", "e": "AQAB", "n": b64(append([]byte{0x80}, append(make([]byte, 126), 1)...))}))},
		{name: "V52 RSA with e = 3", reason: trust.BundleKeyBad, change: key(jwkOf(t, map[string]any{"kty": "RSA", "kid": "r", "e": "Aw", "n": b64(rsaKey.N.Bytes())}))},
		{name: "no key", reason: trust.BundleKeyBad, change: key(json.RawMessage("null"))},
		{name: "key of no allowed alg", reason: trust.BundleRulesBad, change: key(rawJWK(t, "r", &rsaKey.PublicKey))},
		{name: "key of another curve", reason: trust.BundleRulesBad, change: key(rawJWK(t, "c", &p384.PublicKey))},
		{name: "kid twice", reason: trust.BundleRulesBad, change: key(rawJWK(t, "k1", private(60).Public()))},
		{name: "no kid", reason: trust.BundleRulesBad, change: key(rawJWK(t, "", private(60).Public()))},
		{name: "V60 10,000 keys", reason: trust.BundleKeysTooMany, change: func(b *sdk.TrustBundle) { one(b).Keys = make([]json.RawMessage, 10_000) }},
		{name: "65 keys", reason: trust.BundleKeysTooMany, change: func(b *sdk.TrustBundle) {
			for n := range jwt.MaxKeys {
				one(b).Keys = append(one(b).Keys, rawJWK(t, fmt.Sprint("n", n), private(byte(n)).Public()))
			}
		}},
		{name: "leeway", reason: trust.BundleRulesBad, change: func(b *sdk.TrustBundle) { one(b).Leeway = 2*time.Minute + 1 }},
		{name: "lifetime", reason: trust.BundleLifetimeTooLong, change: func(b *sdk.TrustBundle) { one(b).MaxLifetime = day + 1 }},
		{name: "no lifetime", reason: trust.BundleRulesBad, change: func(b *sdk.TrustBundle) { one(b).MaxLifetime = 0 }},
		{name: "rules that are none", reason: trust.BundleRulesBad, change: func(b *sdk.TrustBundle) { one(b).Rules.Forbid = []string{"nonce"} }},
		{name: "bad second issuer", reason: trust.BundleKeysAbsent, change: func(b *sdk.TrustBundle) { b.Issuers[1].Keys = nil }},

		{name: "revocations gone", reason: trust.BundleRevocationsShrink, change: func(b *sdk.TrustBundle) { b.Revoked = nil }},
		{name: "revocations gone in a newer generation", reason: trust.BundleRevocationsShrink, generation: 3, change: func(b *sdk.TrustBundle) { b.Revoked = nil; b.Version = 1 }},
		{name: "revocation of another", reason: trust.BundleRevocationsShrink, change: func(b *sdk.TrustBundle) { b.Revoked[0].Value = "AT.8" }},
		{name: "revocation of another issuer", reason: trust.BundleRevocationsShrink, change: func(b *sdk.TrustBundle) { b.Revoked[0].Issuer = devices }},
		{name: "revocation of another kind", reason: trust.BundleRevocationsShrink, change: func(b *sdk.TrustBundle) { b.Revoked[0].Kind = "kid" }},
		{name: "revocation ends sooner", reason: trust.BundleRevocationsShrink, change: func(b *sdk.TrustBundle) { b.Revoked[0].Expires = until.Add(-1) }},
		{name: "revocation of fewer tokens", reason: trust.BundleRevocationsShrink, change: func(b *sdk.TrustBundle) { b.Revoked[0].Before = until }},
		{name: "revocation of earlier tokens", reason: trust.BundleRevocationsShrink, change: func(b *sdk.TrustBundle) { b.Revoked[1].Before = now.Add(-1) }},
		{name: "too many revocations", reason: trust.BundleRevocationsTooMany, change: func(b *sdk.TrustBundle) { b.Revoked = make([]sdk.Revocation, trust.MaxRevocations+1) }},
		{name: "revocation of no kind", reason: trust.BundleRevocationBad, change: func(b *sdk.TrustBundle) { b.Revoked[0].Kind = "sub" }},
		{name: "revocation for a foreign issuer", reason: trust.BundleRevocationBad, change: func(b *sdk.TrustBundle) { b.Revoked[0].Issuer = account }},
		{name: "revocation of nothing", reason: trust.BundleRevocationBad, change: func(b *sdk.TrustBundle) { b.Revoked[0].Value = "" }},
		{name: "revocation without an end", reason: trust.BundleRevocationBad, change: func(b *sdk.TrustBundle) { b.Revoked[0].Expires = time.Time{} }},
		{name: "revocation until 1970", reason: trust.BundleRevocationBad, change: func(b *sdk.TrustBundle) { b.Revoked[0].Expires = time.UnixMilli(0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			base := func(version uint64) sdk.TrustBundle {
				b := bundle(version, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k1": 32}))
				b.Revoked = []sdk.Revocation{
					{Kind: "jti", Issuer: staff, Value: "AT.7", Expires: until},
					{Kind: "subject", Issuer: staff, Value: "user:00u7", Before: now, Expires: until},
					{Kind: "kid", Issuer: staff, Value: "gone", Expires: now},
				}
				return b
			}
			take(t, h.okta, 2, base(7), now)
			before := h.okta.Fact(now)
			b := base(8)
			c.change(&b)
			generation := c.generation
			if generation == 0 {
				generation = 2
			}
			err := h.okta.Take(generation, b, now)
			var refused *trust.BundleError
			if !errors.As(err, &refused) || refused.Reason != c.reason || refused.Auth != "okta" {
				t.Fatalf("got %v, want %s", err, c.reason)
			}
			for _, material := range []string{b64(secret(1)), b64(secret(60)), b64(public(60)), b64(identityPoint)} {
				if strings.Contains(err.Error(), material) {
					t.Errorf("the error holds key material: %v", err)
				}
			}
			after := h.okta.Fact(now)
			if after.Refused == nil || after.Refused.Reason != c.reason || after.Refused.Detail == "" {
				t.Errorf("the fact says %+v", after.Refused)
			}
			if after.Refused = nil; !reflect.DeepEqual(before, after) {
				t.Errorf("it was refused, and %+v became %+v", before, after)
			}
			mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(nil))))
			if _, err := h.Authenticate(shown(signed(t, "k1", 31, good(claims{"jti": "AT.7"}))), now); err == nil {
				t.Error("the last good revocations are not in force")
			}
			// What is good is taken again, and the alarm ends.
			take(t, h.okta, 2, base(9), now)
			if h.okta.Fact(now).Refused != nil {
				t.Error("the alarm goes on")
			}
		})
	}
}

func TestGateTakes(t *testing.T) {
	day := 24 * time.Hour
	two := func(version uint64) sdk.TrustBundle {
		return bundle(version, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k1": 32}))
	}
	for _, c := range []struct {
		name       string
		generation int
		change     func(*sdk.TrustBundle)
		at         time.Time
	}{
		{"a newer version", 1, func(b *sdk.TrustBundle) { b.Version = 9 }, now},
		{"the same again, by a watch that began anew", 1, func(b *sdk.TrustBundle) { b.Version = 1 }, now},
		{"a newer generation counts anew", 2, func(b *sdk.TrustBundle) { b.Version = 0 }, now},
		{"fetched at the edge of the skew", 1, func(b *sdk.TrustBundle) { b.FetchedAt = now.Add(time.Minute) }, now},
		{"not fetched anew", 1, func(b *sdk.TrustBundle) {}, now.Add(time.Minute)},
		{"the last clock was far ahead", 1, func(b *sdk.TrustBundle) { b.FetchedAt = now.Add(-day); b.FreshUntil = now.Add(-day + 1) }, now.Add(-time.Hour)},
		{"the clock was set back by less than the skew", 1, func(b *sdk.TrustBundle) { b.FetchedAt = now.Add(-29 * time.Second) }, now.Add(-29 * time.Second)},
		{"the same, by a newer generation", 2, func(b *sdk.TrustBundle) { b.FetchedAt = now.Add(-time.Minute) }, now},
		{"an issuer that is dead alone", 1, func(b *sdk.TrustBundle) { b.Issuers[0].UsableUntil = now.Add(-time.Hour) }, now},
	} {
		a := authority(t, "okta", staff, devices)
		take(t, a, 1, two(1), now)
		b := two(2)
		c.change(&b)
		if err := a.Take(c.generation, b, c.at); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What the settings let in by mistake no bundle gets through.
func TestNoBundleMakesATokenSymmetric(t *testing.T) {
	for _, alg := range []string{"HS256", "none", "Ed25519", "eddsa"} {
		a, err := trust.NewAuthority(trust.AuthoritySettings{Name: "okta", Issuers: []string{staff}, Audiences: []string{audience},
			Algs: []string{"EdDSA", alg}, UsableFor: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		err = a.Take(1, bundle(1, issuer(t, staff, map[string]byte{"k1": 31})), now)
		var refused *trust.BundleError
		if !errors.As(err, &refused) || refused.Reason != trust.BundleRulesBad {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

// Old keys live no longer for being published again, nor by a clock that is ahead.
func TestUsableIsClamped(t *testing.T) {
	for _, c := range []struct {
		name                       string
		fetched, usable, own, want time.Duration
	}{
		{"shorter than the settings'", 0, time.Hour, 0, time.Hour},
		{"longer than the settings'", 0, 1000 * time.Hour, 0, 24 * time.Hour},
		{"fetched long ago", -20 * time.Hour, 1000 * time.Hour, 0, 4 * time.Hour},
		{"fetched by a clock that is ahead", time.Minute, 1000 * time.Hour, 0, 24 * time.Hour},
		{"the issuer's own, earlier", 0, 2 * time.Hour, time.Hour, time.Hour},
		{"the issuer's own, later", 0, 2 * time.Hour, 3 * time.Hour, 2 * time.Hour},
		{"the issuer's own, past the settings'", 0, 1000 * time.Hour, 1000 * time.Hour, 24 * time.Hour},
	} {
		a := authority(t, "okta", staff)
		b := bundle(1, issuer(t, staff, map[string]byte{"k1": 31}))
		b.FetchedAt, b.UsableUntil = now.Add(c.fetched), now.Add(c.usable)
		if c.own != 0 {
			b.Issuers[0].UsableUntil = now.Add(c.own)
		}
		take(t, a, 1, b, now)
		f := a.Fact(now).Issuers[0]
		if got := f.UsableUntil.Sub(now); got != c.want {
			t.Errorf("%s: usable for %v, want %v", c.name, got, c.want)
		}
		if f.FreshUntil.After(f.UsableUntil) {
			t.Errorf("%s: fresh until %v, and usable until %v", c.name, f.FreshUntil, f.UsableUntil)
		}
	}
	a := authority(t, "okta", staff)
	b := bundle(1, issuer(t, staff, map[string]byte{"k1": 31}))
	b.FetchedAt = now.Add(-24 * time.Hour)
	err := a.Take(1, b, now)
	var refused *trust.BundleError
	if !errors.As(err, &refused) || refused.Reason != trust.BundleExpired {
		t.Errorf("fetched a day ago: %v", err)
	}
}

// An authority takes the bundle's audiences and algs as far as it names some, and
// the shorter of the two lifetimes.
func TestBundleNarrows(t *testing.T) {
	s := trust.AuthoritySettings{Name: "okta", Issuers: []string{staff}, Audiences: []string{audience, "api://other"}, Algs: []string{"EdDSA"},
		UsableFor: time.Hour, MaxLifetime: 10 * time.Minute}
	a, err := trust.NewAuthority(s)
	if err != nil {
		t.Fatal(err)
	}
	snap, err := trust.New(trust.Rules{Authorities: []*trust.Authority{a}})
	if err != nil {
		t.Fatal(err)
	}
	try := func(c claims) string {
		_, err := snap.Authenticate(shown(signed(t, "k1", 31, good(c))), now)
		if err != nil {
			return err.(*trust.Refusal).Reason
		}
		return ""
	}
	i := issuer(t, staff, map[string]byte{"k1": 31})
	take(t, a, 1, bundle(1, i), now)
	short := now.Unix() + 600
	if got := try(claims{"exp": short, "aud": "api://other"}); got != "" {
		t.Errorf("no audiences: %s", got)
	}
	if got := try(claims{"exp": short + 1}); got != string(jwt.LifetimeTooLong) {
		t.Errorf("beyond the settings' lifetime: %q", got)
	}
	i.Audiences, i.MaxLifetime = []string{audience}, time.Minute
	take(t, a, 1, bundle(2, i), now)
	if got := try(claims{"exp": now.Unix() + 60, "aud": "api://other"}); got != string(jwt.AudienceMismatch) {
		t.Errorf("beyond the bundle's audiences: %q", got)
	}
	if got := try(claims{"exp": now.Unix() + 61}); got != string(jwt.LifetimeTooLong) {
		t.Errorf("beyond the bundle's lifetime: %q", got)
	}
}

// V47
func TestRevocations(t *testing.T) {
	iat := now.Unix()
	revoke := func(kind, issuer, value string, before time.Time) sdk.Revocation {
		return sdk.Revocation{Kind: kind, Issuer: issuer, Value: value, Before: before, Expires: now.Add(time.Hour)}
	}
	for _, c := range []struct {
		name   string
		r      sdk.Revocation
		reason string // empty: taken
	}{
		{"kid", revoke("kid", staff, "k1", time.Time{}), trust.ReasonKeyRevoked},
		{"jti", revoke("jti", staff, "AT.1", time.Time{}), trust.ReasonTokenRevoked},
		{"subject", revoke("subject", staff, "user:00u1", time.Time{}), trust.ReasonSubjectRevoked},
		{"issued before", revoke("subject", staff, "user:00u1", now.Add(time.Nanosecond)), trust.ReasonSubjectRevoked},
		{"issued then", revoke("subject", staff, "user:00u1", now), ""},
		{"issued later", revoke("kid", staff, "k1", now.Add(-time.Hour)), ""},
		{"expired, and still there", sdk.Revocation{Kind: "jti", Issuer: staff, Value: "AT.1", Expires: now.Add(-time.Hour)}, trust.ReasonTokenRevoked},
		{"another kid", revoke("kid", staff, "k2", time.Time{}), ""},
		{"another jti", revoke("jti", staff, "AT.2", time.Time{}), ""},
		{"subject without its prefix", revoke("subject", staff, "00u1", time.Time{}), ""},
		{"another issuer's", revoke("kid", devices, "k1", time.Time{}), ""},
	} {
		h := newHouse(t)
		token := shown(signed(t, "k1", 31, good(claims{"iat": iat})))
		mustAuthenticate(t, h.Snapshot, token) // so that it is remembered
		b := bundle(2, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k1": 32}))
		b.Revoked = []sdk.Revocation{c.r}
		take(t, h.okta, 1, b, now)
		for range 2 {
			id, err := h.Authenticate(token, now)
			if c.reason == "" {
				if err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
				continue
			}
			wantRefusal(t, err, trust.CodeUnauthenticated, c.reason)
			if id != (trust.Identity{}) {
				t.Errorf("%s: given %+v", c.name, id)
			}
		}
	}
}

// Of two revocations of the same thing both count, in whatever order they stand.
func TestRevocationsAddUp(t *testing.T) {
	narrow := sdk.Revocation{Kind: "subject", Issuer: staff, Value: "user:00u1", Before: now.Add(-time.Hour), Expires: now.Add(2 * time.Hour)}
	wide := sdk.Revocation{Kind: "subject", Issuer: staff, Value: "user:00u1", Expires: now.Add(time.Hour)}
	for _, list := range [][]sdk.Revocation{{narrow, wide}, {wide, narrow}} {
		h := newHouse(t)
		b := bundle(2, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k1": 32}))
		b.Revoked = list
		take(t, h.okta, 1, b, now)
		_, err := h.Authenticate(shown(signed(t, "k1", 31, good(nil))), now)
		wantRefusal(t, err, trust.CodeUnauthenticated, trust.ReasonSubjectRevoked)
		b.Version, b.Revoked = 3, []sdk.Revocation{wide} // ends an hour sooner than narrow did
		if err := h.okta.Take(1, b, now); err == nil {
			t.Error("shrank")
		}
		b.Revoked = nil
		later := now.Add(2 * time.Hour)
		b.FetchedAt, b.FreshUntil, b.UsableUntil = later, later, later.Add(time.Hour)
		take(t, h.okta, 1, b, later)
	}
}

func TestFact(t *testing.T) {
	a := authority(t, "okta", staff, devices)
	f := a.Fact(now)
	if f.Name != "okta" || len(f.Issuers) != 2 || f.Issuers[0].State != trust.TrustNone || f.Refused != nil {
		t.Errorf("at first: %+v", f)
	}
	b := bundle(5, issuer(t, devices, map[string]byte{"k9": 32}))
	b.Revoked = []sdk.Revocation{{Kind: "jti", Issuer: staff, Value: "x", Expires: now}}
	take(t, a, 3, b, now)
	text, err := json.Marshal(a.Fact(now.Add(time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"okta","generation":3,"version":5,"taken_at":"2026-01-01T00:00:00Z","fetched_at":"2026-01-01T00:00:00Z","revocations":1,` +
		`"issuers":[{"issuer":"https://okta.example/oauth2/staff","state":"none"},` +
		`{"issuer":"https://okta.example/oauth2/devices","state":"fresh","keys":["k9"],"fresh_until":"2026-01-01T00:10:00Z","usable_until":"2026-01-01T01:00:00Z"}]}`
	if string(text) != want {
		t.Errorf("got %s", text)
	}
}

// TestSilentIssuersAgeAlone: what another issuer fetches keeps nobody's keys
// alive.
func TestSilentIssuersAgeAlone(t *testing.T) {
	a := authority(t, "okta", staff, devices)
	b := bundle(1, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k2": 32}))
	b.UsableUntil = now.Add(1000 * time.Hour)
	b.Issuers[1].FetchedAt = now.Add(-20 * time.Hour)
	take(t, a, 1, b, now)
	for i, want := range []time.Duration{24 * time.Hour, 4 * time.Hour} {
		if got := a.Fact(now).Issuers[i].UsableUntil.Sub(now); got != want {
			t.Errorf("issuer %d: usable for %v, want %v", i, got, want)
		}
	}
}

// TestNextProcessVouchesForLess: a process that never reached one issuer brings
// new keys of the other, and the last ones of the first serve on for as long as
// they were good.
func TestNextProcessVouchesForLess(t *testing.T) {
	a := authority(t, "okta", staff, devices)
	take(t, a, 1, bundle(1, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k2": 32})), now)
	usable := a.Fact(now).Issuers[1].UsableUntil
	next := func(version uint64, at time.Time) {
		t.Helper()
		b := bundle(version, issuer(t, staff, map[string]byte{"k3": 33}))
		b.FetchedAt, b.FreshUntil, b.UsableUntil = at, at.Add(time.Minute), at.Add(time.Hour)
		take(t, a, 2, b, at)
	}
	next(1, now.Add(30*time.Minute))
	next(2, now.Add(40*time.Minute))
	f := a.Fact(now.Add(50 * time.Minute))
	if f.Issuers[0].Keys[0] != "k3" || f.Issuers[1].Keys[0] != "k2" || !f.Issuers[1].UsableUntil.Equal(usable) || f.Issuers[1].State != trust.TrustStale {
		t.Errorf("facts %+v", f.Issuers)
	}
	if f := a.Fact(now.Add(2 * time.Hour)); f.Issuers[1].State != trust.TrustDead {
		t.Errorf("facts %+v", f.Issuers[1])
	}
	next(3, now.Add(3*time.Hour))
	if f := a.Fact(now.Add(3 * time.Hour)); f.Issuers[1].State != trust.TrustDead || !f.Issuers[1].UsableUntil.Equal(usable) {
		t.Errorf("facts %+v", f.Issuers[1])
	}
}
