package trust_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// A refusal tells what the sender's own people need to know, and no more.
func TestUnverified(t *testing.T) {
	h := newHouse(t)
	keyed := func(id string, n byte) trust.Credential { return credential(id, hmacSigner(t, n)) }
	token := func(kid string, c claims) trust.Credential { return shown(signed(t, kid, 31, good(c))) }
	iss := func(more ...trust.Unverified) []trust.Unverified {
		return append([]trust.Unverified{{Name: "iss", Value: staff}}, more...)
	}
	k1 := trust.Unverified{Name: "kid", Value: "k1"}
	for _, c := range []struct {
		name   string
		c      trust.Credential
		reason string
		want   []trust.Unverified
	}{
		{"unknown key", keyed("nobody", 1), "key_unknown", []trust.Unverified{{Name: "key", Value: "nobody"}}},
		{"a secret for an id", keyed(webhook.FormatSecret(webhook.NewSecret()), 1), "key_unknown", []trust.Unverified{{Name: "key", Value: "(no id of a key)"}}},
		{"a secret that could be an id", keyed("whsec_MTExMTExMTExMTExMTExMTEx", 1), "key_unknown", []trust.Unverified{{Name: "key", Value: "(no id of a key)"}}},
		{"another's issuer", token("k1", claims{"iss": "https://evil.example/\x1b[2J"}), "issuer_unknown", []trust.Unverified{{Name: "iss", Value: `https://evil.example/\x1b[2J`}}},
		{"unknown kid", token("k9", nil), "key_unknown", iss(trust.Unverified{Name: "kid", Value: "k9"})},
		{"wrong signature", shown(signed(t, "k1", 99, good(nil))), "signature_mismatch", iss(k1)},
		{"another audience", token("k1", claims{"aud": []string{"api://x", "api://y"}}), "audience_mismatch", iss(k1, trust.Unverified{Name: "/aud", Value: `["api://x","api://y"]`})},
		{"long issuer", token("k1", claims{"iss": strings.Repeat("é", 200)}), "issuer_unknown", []trust.Unverified{{Name: "iss", Value: strings.Repeat("é", 128) + "..."}}},
		{"late", token("k1", claims{"iat": now.Add(-2 * time.Hour).Unix(), "exp": 1700000000}), "", nil},
		{"no token", shown("abc"), "token_malformed", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.Authenticate(c.c, now)
			r, ok := err.(*trust.Refusal)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if c.reason == "" { // whatever the clock makes of it, the date stands there
				if !slices.ContainsFunc(r.Unverified, func(u trust.Unverified) bool { return u == trust.Unverified{Name: "/exp", Value: "1700000000"} }) {
					t.Errorf("%s: got %v", r.Reason, r.Unverified)
				}
				return
			}
			if r.Reason != c.reason || !slices.Equal(r.Unverified, c.want) {
				t.Errorf("%s, got %+v, want %+v", r.Reason, r.Unverified, c.want)
			}
		})
	}
}
