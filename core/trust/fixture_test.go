package trust_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
)

var (
	now  = time.Unix(1767225600, 0)
	body = []byte(`{"specversion":"1.0","id":"evt-1"}`)
)

func secret(n byte) []byte { return bytes.Repeat([]byte{n}, webhook.MinSecret) }

func private(n byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(secret(n)) }

func public(n byte) []byte { return private(n).Public().(ed25519.PublicKey) }

func hmacSigner(t testing.TB, n byte) *webhook.Signer {
	t.Helper()
	s, err := webhook.NewHMACSigner(secret(n))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func edSigner(t testing.TB, n byte) *webhook.Signer {
	t.Helper()
	s, err := webhook.NewEd25519Signer(private(n))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// snapshot has a key in each state, of each kind.
func snapshot(t testing.TB) *trust.Snapshot {
	t.Helper()
	key := func(id, state string, material []byte) trust.Key {
		return trust.Key{ID: id, Principal: "till", State: state, Material: material,
			Sources: []string{"//shop.example/**"}, Types: []string{"com.example.order.*"}, Scopes: []string{"orders:write", "orders:read"}}
	}
	s, err := trust.New(trust.Rules{Auths: []trust.Auth{
		{Name: "edge-keys", Kind: trust.KindHMAC, Keys: []trust.Key{
			key("active", trust.StateActive, secret(1)),
			key("retiring", trust.StateRetiring, secret(2)),
			key("pending", trust.StatePending, secret(3)),
			key("revoked", trust.StateRevoked, secret(4)),
			key("tombstone", trust.StateRevoked, nil),
			{ID: "bare", Principal: "nobody", State: trust.StateActive, Material: secret(5)},
		}},
		{Name: "device-keys", Kind: trust.KindEd25519, Keys: []trust.Key{
			key("ed-active", trust.StateActive, public(11)),
			key("ed-pending", trust.StatePending, public(13)),
			key("ed-revoked", trust.StateRevoked, public(14)),
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// credential is a good one for evt-1 by that signer.
func credential(keyID string, s *webhook.Signer) trust.Credential {
	return trust.Credential{
		KeyID:     []string{keyID},
		WebhookID: []string{"evt-1"},
		Timestamp: []string{webhook.Timestamp(now)},
		Signature: []string{s.Sign("evt-1", now, body)},
		Signed:    body,
	}
}

func wantRefusal(t *testing.T, err error, code, reason string) *trust.Refusal {
	t.Helper()
	var r *trust.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want %s: %s", err, code, reason)
	}
	if r.Code != code || r.Reason != reason {
		t.Errorf("got %v, want %s: %s", r, code, reason)
	}
	return r
}
