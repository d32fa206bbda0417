package trust_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestNewRefuses(t *testing.T) {
	good := trust.Key{ID: "k", Principal: "p", State: trust.StateActive, Material: secret(1)}
	with := func(change func(*trust.Key)) trust.Key {
		k := good
		change(&k)
		return k
	}
	hm := func(keys ...trust.Key) []trust.Auth {
		return []trust.Auth{{Name: "a", Kind: trust.KindHMAC, Keys: keys}}
	}
	ed := func(material []byte) []trust.Auth {
		return []trust.Auth{{Name: "a", Kind: trust.KindEd25519, Keys: []trust.Key{with(func(k *trust.Key) { k.Material = material })}}}
	}
	second := func(id string, material []byte) trust.Key {
		return trust.Key{ID: id, Principal: "p", State: trust.StateActive, Material: material}
	}
	identity := make([]byte, 32)
	identity[0] = 1
	for _, c := range []struct {
		name  string
		auths []trust.Auth
		say   string
	}{
		{"auth without a name", []trust.Auth{{Kind: trust.KindHMAC}}, "has no name"},
		{"auth twice", []trust.Auth{{Name: "a", Kind: trust.KindHMAC}, {Name: "a", Kind: trust.KindHMAC}}, "used twice"},
		{"unknown kind", []trust.Auth{{Name: "a", Kind: "rsa"}}, `kind "rsa"`},
		{"no kind", []trust.Auth{{Name: "a"}}, `kind ""`},
		{"no id", hm(with(func(k *trust.Key) { k.ID = "" })), "id is not"},
		{"id with a slash", hm(with(func(k *trust.Key) { k.ID = "a/b" })), "id is not"},
		{"long id", hm(with(func(k *trust.Key) { k.ID = strings.Repeat("k", 65) })), "id is not"},
		{"id twice", hm(good, second("k", secret(2))), "id is taken"},
		{"id twice, once revoked", hm(trust.Key{ID: "k", Principal: "p", State: trust.StateRevoked}, good), "id is taken"},
		{"id in two auths", append(hm(good), trust.Auth{Name: "b", Kind: trust.KindEd25519, Keys: []trust.Key{second("k", public(1))}}), "id is taken"},
		{"no principal", hm(with(func(k *trust.Key) { k.Principal = "" })), "principal is empty"},
		{"no state", hm(with(func(k *trust.Key) { k.State = "" })), `state ""`},
		{"unknown state", hm(with(func(k *trust.Key) { k.State = "Active" })), `state "Active"`},
		{"no material", hm(with(func(k *trust.Key) { k.Material = nil })), "has 0 bytes"},
		{"no material while pending", hm(with(func(k *trust.Key) { k.Material = nil; k.State = trust.StatePending })), "has 0 bytes"},
		{"short secret", hm(with(func(k *trust.Key) { k.Material = k.Material[:31] })), "has 31 bytes"},
		{"short secret, revoked", hm(with(func(k *trust.Key) { k.Material = k.Material[:31]; k.State = trust.StateRevoked })), "has 31 bytes"},
		{"short public key", ed(public(1)[:31]), "has 31 bytes"},
		{"private key for a public one", ed(private(1)), "has 64 bytes"},
		{"public key of small order", ed(identity), "small order"},
		{"public key off the curve", ed(append([]byte{2}, make([]byte, 31)...)), "not a point"},
		{"secret under two ids", hm(good, second("other", secret(1))), `same material as key "k"`},
		{"secret under two ids, zeros behind", hm(good, second("other", append(secret(1), 0))), `same material as key "k"`},
		{"revoked secret under a new id", hm(with(func(k *trust.Key) { k.State = trust.StateRevoked }), second("other", secret(1))), `same material as key "k"`},
		{"secret in two auths", append(hm(good), trust.Auth{Name: "b", Kind: trust.KindHMAC, Keys: []trust.Key{second("other", secret(1))}}), `same material as key "k"`},
		{"public key under two ids", []trust.Auth{{Name: "a", Kind: trust.KindEd25519, Keys: []trust.Key{second("k", public(1)), second("other", public(1))}}}, `same material as key "k"`},
		{"public key as a secret", append(ed(public(1)), trust.Auth{Name: "b", Kind: trust.KindHMAC, Keys: []trust.Key{second("other", public(1))}}), `same material as key "k"`},
		{"bad source", hm(with(func(k *trust.Key) { k.Sources = []string{"//a/b*"} })), "sources: glob"},
		{"bad type", hm(with(func(k *trust.Key) { k.Types = []string{"**.a"} })), "types: glob"},
		{"empty source", hm(with(func(k *trust.Key) { k.Sources = []string{""} })), "sources: glob"},
		{"empty scope", hm(with(func(k *trust.Key) { k.Scopes = []string{"a", ""} })), "scope is empty"},
	} {
		s, err := trust.New(trust.Rules{Auths: c.auths})
		if err == nil || s != nil {
			t.Errorf("%s: taken", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v does not say %q", c.name, err, c.say)
		}
		for _, m := range [][]byte{secret(1), public(1)} {
			for _, text := range []string{string(m[:8]), hex.EncodeToString(m[:8]), base64.StdEncoding.EncodeToString(m[:6])} {
				if strings.Contains(err.Error(), text) {
					t.Errorf("%s: the error holds material", c.name)
				}
			}
		}
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := trust.New(trust.Rules{Auths: []trust.Auth{
		{Name: "a", Kind: "rsa"},
		{Name: "b", Kind: trust.KindHMAC, Keys: []trust.Key{
			{ID: "one", Principal: "p", State: "x", Material: secret(1)},
			{ID: "two", Principal: "p", State: trust.StateActive, Material: secret(2)},
			{ID: "three", State: trust.StateActive, Material: secret(3)},
		}},
	}})
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{`auth "a": kind`, `auth "b": key "one": state`, `auth "b": key "three": principal`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

func TestNewKeepsItsOwnCopy(t *testing.T) {
	material, scopes := secret(1), []string{"s"}
	s, err := trust.New(trust.Rules{Auths: []trust.Auth{{Name: "a", Kind: trust.KindHMAC, Keys: []trust.Key{
		{ID: "k", Principal: "p", State: trust.StateActive, Material: material, Scopes: scopes},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	clear(material)
	if _, err := s.Authenticate(credential("k", hmacSigner(t, 1)), now); err != nil {
		t.Error(err)
	}
	facts := s.Keys()
	facts[0].State = "changed"
	if s.Keys()[0].State != trust.StateActive {
		t.Error("Keys gives the snapshot's own slice away")
	}
}

func TestEmptySnapshotRefuses(t *testing.T) {
	s, err := trust.New(trust.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Authenticate(credential("active", hmacSigner(t, 1)), now)
	wantRefusal(t, err, trust.CodeUnauthenticated, trust.ReasonKeyUnknown)
}

func TestKeys(t *testing.T) {
	got := snapshot(t).Keys()
	want := []trust.KeyFact{
		{ID: "active", Auth: "edge-keys", Kind: "hmac", Principal: "till", State: "active"},
		{ID: "retiring", Auth: "edge-keys", Kind: "hmac", Principal: "till", State: "retiring"},
		{ID: "pending", Auth: "edge-keys", Kind: "hmac", Principal: "till", State: "pending"},
		{ID: "revoked", Auth: "edge-keys", Kind: "hmac", Principal: "till", State: "revoked"},
		{ID: "tombstone", Auth: "edge-keys", Kind: "hmac", Principal: "till", State: "revoked"},
		{ID: "bare", Auth: "edge-keys", Kind: "hmac", Principal: "nobody", State: "active"},
		{ID: "ed-active", Auth: "device-keys", Kind: "ed25519", Principal: "till", State: "active"},
		{ID: "ed-pending", Auth: "device-keys", Kind: "ed25519", Principal: "till", State: "pending"},
		{ID: "ed-revoked", Auth: "device-keys", Kind: "ed25519", Principal: "till", State: "revoked"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestSnapshotIsSafeForConcurrentUse(t *testing.T) {
	s := snapshot(t)
	var wg sync.WaitGroup
	for i, signer := range []*webhook.Signer{hmacSigner(t, 1), edSigner(t, 11), hmacSigner(t, 1), hmacSigner(t, 9)} {
		c := credential([]string{"active", "ed-active", "active", "active"}[i], signer)
		c.Signed = bytes.Clone(body)
		wg.Go(func() {
			for range 50 {
				if _, err := s.Authenticate(c, now); (err == nil) != (i < 3) {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestValidKeyID(t *testing.T) {
	for id, want := range map[string]bool{
		"edge-1": true, "A.b_c-9": true, strings.Repeat("k", 64): true,
		"": false, "a b": false, "a/b": false, "a\n": false, "é": false, "a,b": false, strings.Repeat("k", 65): false,
	} {
		if got := trust.ValidKeyID(id); got != want {
			t.Errorf("ValidKeyID(%q) = %v, want %v", id, got, want)
		}
	}
}
