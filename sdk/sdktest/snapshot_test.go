package sdktest_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

// told errs unless an error is there where text is, and says it.
func told(t *testing.T, err error, text string) {
	t.Helper()
	if text == "" && err != nil || text != "" && (err == nil || !strings.Contains(err.Error(), text)) {
		t.Errorf("got %v: want %q", err, text)
	}
}

func TestSnapshotTimes(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		name                   string
		fetched, fresh, usable time.Duration
		want                   string
	}{
		{"in order", -time.Minute, time.Minute, time.Hour, ""},
		{"stale and usable", -time.Hour, -time.Minute, time.Hour, ""},
		{"a clock ahead", 20 * time.Second, time.Minute, time.Hour, ""},
		{"from the future", time.Minute, time.Hour, time.Hour, "fetched_at is 1m0s ahead"},
		{"stale before it was fetched", 0, -time.Minute, time.Hour, "fresh_until is before"},
		{"unusable before it is stale", 0, time.Hour, time.Minute, "usable_until is before"},
		{"unusable", -time.Hour, -time.Hour, 0, "nothing can be verified"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
			told(t, sdktest.SnapshotTimes(&pb.WatchTrustResponse{FetchedAt: at(c.fetched), FreshUntil: at(c.fresh), UsableUntil: at(c.usable)}, now), c.want)
		})
	}
}

func TestSnapshotPolicy(t *testing.T) {
	policy := sdk.ProviderPolicy{Issuers: []string{"i"}, Audiences: []string{"a"}, Algs: []string{"RS256", "HS256"}}
	for _, c := range []struct {
		name   string
		change func(*pb.WatchTrustResponse)
		want   string
	}{
		{"within", func(*pb.WatchTrustResponse) {}, ""},
		{"empty", func(m *pb.WatchTrustResponse) { m.Issuers = nil }, "no issuer"},
		{"issuer", func(m *pb.WatchTrustResponse) { m.Issuers[0].Issuer = "j" }, `issuer "j"`},
		{"issuer twice", func(m *pb.WatchTrustResponse) { m.Issuers = append(m.Issuers, m.Issuers[0]) }, "twice"},
		{"audience", func(m *pb.WatchTrustResponse) { m.Issuers[0].Audiences = []string{"a", "b"} }, `audience "b"`},
		{"no audience", func(m *pb.WatchTrustResponse) { m.Issuers[0].Audiences = nil }, "no audience"},
		{"alg", func(m *pb.WatchTrustResponse) { m.Issuers[0].Algs = []string{"ES256"} }, `alg "ES256"`},
		{"symmetric alg", func(m *pb.WatchTrustResponse) { m.Issuers[0].Algs = []string{"HS256"} }, `alg "HS256"`},
		{"leeway", func(m *pb.WatchTrustResponse) { m.Issuers[0].LeewaySeconds = 121 }, "leeway of 121 s"},
		{"lifetime", func(m *pb.WatchTrustResponse) { m.Issuers[0].MaxLifetimeSeconds = 86401 }, "live 86401 s"},
		{"no lifetime", func(m *pb.WatchTrustResponse) { m.Issuers[0].MaxLifetimeSeconds = 0 }, "live 0 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &pb.WatchTrustResponse{Issuers: []*pb.Issuer{{Issuer: "i", Audiences: []string{"a"}, Algs: []string{"RS256"}, LeewaySeconds: 120, MaxLifetimeSeconds: 86400}}}
			c.change(m)
			told(t, sdktest.SnapshotPolicy(m, policy), c.want)
		})
	}
}

func TestSnapshotKeys(t *testing.T) {
	rsa := func(bits int, e string) string {
		n := make([]byte, bits/8)
		n[0] = 0x80
		return fmt.Sprintf(`{"kty":"RSA","kid":"r","n":%q,"e":%q}`, base64.RawURLEncoding.EncodeToString(n), e)
	}
	const ec, okp = `{"kty":"EC","kid":"e","crv":"P-256","x":"AA","y":"AA"}`, `{"kty":"OKP","kid":"o","crv":"Ed25519","x":"AA","use":"sig"}`
	for _, c := range []struct {
		name string
		keys []string
		want string
	}{
		{"all sorts", []string{ec, okp, rsa(2048, "AQAB")}, ""},
		{"none", nil, "has 0 keys"},
		{"no object", []string{`[]`}, "no JSON object"},
		{"twice", []string{ec, ec}, "of another"},
		{"no kid", []string{`{"kty":"EC","crv":"P-256"}`}, "has no kid"},
		{"a number for a kid", []string{`{"kty":"EC","crv":"P-256","kid":7}`}, "wrong type"},
		{"private", []string{`{"kty":"RSA","kid":"r","n":"","e":"AQAB","d":""}`}, `private member "d"`},
		{"symmetric", []string{`{"kty":"oct","kid":"s","k":"AAAA"}`}, `private member "k"`},
		{"for encryption", []string{strings.Replace(okp, "sig", "enc", 1)}, `the use "enc"`},
		{"curve", []string{strings.Replace(ec, "P-256", "secp256k1", 1)}, `"secp256k1"`},
		{"X25519", []string{strings.Replace(okp, "Ed25519", "X25519", 1)}, `"X25519"`},
		{"small", []string{rsa(1024, "AQAB")}, "1024 bits"},
		{"huge", []string{rsa(8200, "AQAB")}, "8200 bits"},
		{"exponent", []string{rsa(2048, "Aw")}, "exponent"},
		{"modulus", []string{`{"kty":"RSA","kid":"r","n":"!","e":"AQAB"}`}, "not base64url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := &pb.Issuer{Issuer: "i"}
			for _, k := range c.keys {
				i.Keys = append(i.Keys, []byte(k))
			}
			told(t, sdktest.SnapshotKeys(&pb.WatchTrustResponse{Issuers: []*pb.Issuer{i}}), c.want)
		})
	}
}

func FuzzKeyFault(f *testing.F) {
	f.Add([]byte(`{"kty":"EC","kid":"e","crv":"P-256","x":"AA","y":"AA"}`))
	f.Add([]byte(`{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"}`))
	f.Add([]byte(`{"kty":"oct","kid":"s","k":"AAAA"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		kid, err := sdktest.KeyFault(text)
		if err != nil {
			return
		}
		var members map[string]any
		if json.Unmarshal(text, &members) != nil || kid == "" {
			t.Errorf("%q is taken for a key", text)
		}
		if _, private := members["d"]; private {
			t.Errorf("%q is private", text)
		}
	})
}
