package trust_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func identity(t *testing.T, s *trust.Snapshot, keyID string, signer *webhook.Signer) trust.Identity {
	t.Helper()
	id, err := s.Authenticate(credential(keyID, signer), now)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAuthorize(t *testing.T) {
	s := snapshot(t)
	till, bare := identity(t, s, "active", hmacSigner(t, 1)), identity(t, s, "bare", hmacSigner(t, 5))
	device := identity(t, s, "ed-active", edSigner(t, 11))
	const source, typ = "//shop.example/till/1", "com.example.order.created"
	forged := till
	forged.Principal.Subject = "root"
	renamed := bare
	renamed.KeyID = "active"
	pending := till
	pending.KeyID = "pending"

	for _, c := range []struct {
		name         string
		id           trust.Identity
		source, typ  string
		reqs         []trust.Requirement
		code, reason string // empty: taken
	}{
		{"no route asks for more", till, source, typ, nil, "", ""},
		{"nothing required", till, source, typ, []trust.Requirement{{}}, "", ""},
		{"its provider", till, source, typ, []trust.Requirement{{Auth: []string{"okta", "edge-keys"}}}, "", ""},
		{"its scopes", till, source, typ, []trust.Requirement{{Scopes: []string{"orders:read", "orders:write"}}}, "", ""},
		{"another kind of key", device, source, typ, []trust.Requirement{{Auth: []string{"device-keys"}, Scopes: []string{"orders:read"}}}, "", ""},

		{"another source", till, "//bank.example/1", typ, nil, trust.CodeForbidden, trust.ReasonSourceNotGranted},
		{"source that begins alike", till, "//shop.example.evil/1", typ, nil, trust.CodeForbidden, trust.ReasonSourceNotGranted},
		{"source in another case", till, "//SHOP.example/1", typ, nil, trust.CodeForbidden, trust.ReasonSourceNotGranted},
		{"source above", till, "//shop.example", typ, nil, trust.CodeForbidden, trust.ReasonSourceNotGranted},
		{"another type", till, source, "com.example.refund.created", nil, trust.CodeForbidden, trust.ReasonTypeNotGranted},
		{"type with a segment more", till, source, typ + ".v2", nil, trust.CodeForbidden, trust.ReasonTypeNotGranted},
		{"empty lists grant nothing", bare, source, typ, nil, trust.CodeForbidden, trust.ReasonSourceNotGranted},
		{"another provider", till, source, typ, []trust.Requirement{{Auth: []string{"device-keys"}}}, trust.CodeForbidden, trust.ReasonProviderNotAllowed},
		{"one scope missing", till, source, typ, []trust.Requirement{{Scopes: []string{"orders:write", "orders:delete"}}}, trust.CodeForbidden, trust.ReasonScopeMissing},
		{"the second route's provider", till, source, typ, []trust.Requirement{{Auth: []string{"edge-keys"}}, {Auth: []string{"okta"}}}, trust.CodeForbidden, trust.ReasonProviderNotAllowed},
		{"the first route's scope", till, source, typ, []trust.Requirement{{Scopes: []string{"x"}}, {}}, trust.CodeForbidden, trust.ReasonScopeMissing},

		{"nobody", trust.Identity{}, source, typ, nil, trust.CodeUnauthenticated, trust.ReasonKeyUnknown},
		{"principal that is not the key's", forged, source, typ, nil, trust.CodeUnauthenticated, trust.ReasonKeyUnknown},
		{"key that is not the principal's", renamed, source, typ, nil, trust.CodeUnauthenticated, trust.ReasonKeyUnknown},
		{"key that is pending", pending, source, typ, nil, trust.CodeUnauthenticated, trust.ReasonKeyPending},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.Authorize(c.id, c.id.Proof, &sdk.Event{ID: "evt-1", Source: c.source, Type: c.typ}, c.reqs)
			if c.code != "" {
				wantRefusal(t, err, c.code, c.reason)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// Sources without types, and types without sources, grant nothing.
func TestAuthorizeNeedsBoth(t *testing.T) {
	s, err := trust.New(trust.Rules{Auths: []trust.Auth{{Name: "a", Kind: trust.KindHMAC, Keys: []trust.Key{
		{ID: "sources", Principal: "p", State: trust.StateActive, Material: secret(1), Sources: []string{"**"}},
		{ID: "types", Principal: "p", State: trust.StateActive, Material: secret(2), Types: []string{"**"}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	e := &sdk.Event{Source: "//a", Type: "b"}
	wantRefusal(t, s.Authorize(identity(t, s, "sources", hmacSigner(t, 1)), sdk.Proof{}, e, nil), trust.CodeForbidden, trust.ReasonTypeNotGranted)
	wantRefusal(t, s.Authorize(identity(t, s, "types", hmacSigner(t, 2)), sdk.Proof{}, e, nil), trust.CodeForbidden, trust.ReasonSourceNotGranted)
}

// A key that was revoked between the two checks has no rights left.
func TestAuthorizeByTheLaterSnapshot(t *testing.T) {
	id := identity(t, snapshot(t), "active", hmacSigner(t, 1))
	later, err := trust.New(trust.Rules{Auths: []trust.Auth{{Name: "edge-keys", Kind: trust.KindHMAC, Keys: []trust.Key{
		{ID: "active", Principal: "till", State: trust.StateRevoked},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	e := &sdk.Event{Source: "//shop.example/1", Type: "com.example.order.created"}
	wantRefusal(t, later.Authorize(id, id.Proof, e, nil), trust.CodeUnauthenticated, trust.ReasonKeyRevoked)
}

func TestCheckEventID(t *testing.T) {
	s := snapshot(t)
	id := identity(t, s, "active", hmacSigner(t, 1))
	if err := s.CheckEventID(id, &sdk.Event{ID: "evt-1"}); err != nil {
		t.Error(err)
	}
	for _, other := range []string{"evt-2", "evt-1 ", "EVT-1", ""} {
		wantRefusal(t, s.CheckEventID(id, &sdk.Event{ID: other}), trust.CodeBadID, trust.ReasonEventIDMismatch)
	}
	wantRefusal(t, s.CheckEventID(trust.Identity{}, &sdk.Event{}), trust.CodeBadID, trust.ReasonEventIDMismatch)
}
