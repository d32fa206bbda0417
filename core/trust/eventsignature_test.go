package trust_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/jwk"
)

const shop = "//shop.example/till/1"

// withEventKeys registers a key of each state for the shop, seeds 50 to 53, and
// one of the bank's, seed 54.
func withEventKeys(r *trust.Rules) {
	for n, state := range []string{trust.StateActive, trust.StateRetiring, trust.StatePending, trust.StateRevoked} {
		r.EventKeys = append(r.EventKeys, trust.EventKey{ID: "shop-" + state, Source: "//shop.example/**", State: state, Public: private(byte(50 + n)).Public()})
	}
	r.EventKeys = append(r.EventKeys, trust.EventKey{ID: "bank", Source: "//bank.example/**", State: trust.StateActive, Public: private(54).Public()})
}

func TestVerifyEventByRegisteredKeys(t *testing.T) {
	h := newHouse(t, withEventKeys)
	key := mustAuthenticate(t, h.Snapshot, credential("active", hmacSigner(t, 1)))
	token := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(nil))))
	plain := order(t, shop, `,"subject":"s","time":"2026-01-01T00:00:00Z","tier":"gold"`)
	sign := func(keyID string, n byte) sdk.Event { return signEvent(t, plain, keyID, n, "tier") }
	change := func(f func(*sdk.Event)) sdk.Event {
		e := sign("shop-active", 50)
		f(&e)
		return e
	}
	envelope := func(f func(map[string]any)) sdk.Event { return resign(t, sign("shop-active", 50), f) }
	for _, c := range []struct {
		name   string
		e      sdk.Event
		reason string // empty: taken
	}{
		{"active", sign("shop-active", 50), ""},
		{"retiring", sign("shop-retiring", 51), ""},
		{"without a keyid", sign("", 50), ""},
		{"V85 time within the second", change(func(e *sdk.Event) { e.Time = "2026-01-01T00:00:00.999Z" }), ""},

		{"pending", sign("shop-pending", 52), string(dsse.NoKey)},
		{"revoked", sign("shop-revoked", 53), string(dsse.NoKey)},
		{"pending, by the keyid of an active one", sign("shop-active", 52), string(dsse.SignatureMismatch)},
		{"revoked, without a keyid", sign("", 53), string(dsse.SignatureMismatch)},
		{"V86 key of another source", sign("bank", 54), string(dsse.NoKey)},
		{"V86 key of another source, by another keyid", sign("shop-active", 54), string(dsse.SignatureMismatch)},
		{"V80 another payload type", envelope(func(m map[string]any) { m["payloadType"] = "https://cloudevents.io/verifiability/dsse/v0.2" }), string(dsse.WrongType)},
		{"no signatures", envelope(func(m map[string]any) { m["signatures"] = []any{} }), string(dsse.Malformed)},
		{"not base64", change(func(e *sdk.Event) { e.SetExtension(dsse.Attribute, "***") }), string(dsse.Malformed)},
		{"V85 time of another second", change(func(e *sdk.Event) { e.Time = "2026-01-01T00:00:01Z" }), string(dsse.CoreMismatch)},
		{"another type", change(func(e *sdk.Event) { e.Type = "com.example.order.cancelled" }), string(dsse.CoreMismatch)},
		{"another id", change(func(e *sdk.Event) { e.ID = "evt-2" }), string(dsse.CoreMismatch)},
		{"another amount", change(func(e *sdk.Event) { e.Data = []byte(`{"amount":2}`) }), string(dsse.CoreMismatch)},
		{"another tier", change(func(e *sdk.Event) { e.SetExtension("tier", "iron") }), string(dsse.ExtensionsMismatch)},
		{"tier gone", change(func(e *sdk.Event) { e.RemoveExtension("tier") }), string(dsse.ExtensionsMismatch)},
		{"source nobody signs for", change(func(e *sdk.Event) { e.Source = "//mail.example/1" }), trust.ReasonEventKeyUnregistered},
	} {
		for who, id := range map[string]trust.Identity{"key": key, "token": token} {
			t.Run(c.name+" "+who, func(t *testing.T) {
				e, proof, err := h.VerifyEvent(id, c.e)
				if c.reason == "" {
					if err != nil || proof.Event != "dsse" || proof.Transport != id.Proof.Transport || e.ID != "evt-1" {
						t.Errorf("got %+v, %v", proof, err)
					}
					return
				}
				wantRefusal(t, err, trust.CodeForbidden, c.reason)
				if proof != (sdk.Proof{}) || e.ID != "" || e.Raw != nil {
					t.Errorf("refused, and given %+v, %+v", e, proof)
				}
			})
		}
	}
}

// V83: what is not signed is not there.
func TestVerifyEventDropsWhatIsNotSigned(t *testing.T) {
	h := newHouse(t, withEventKeys)
	id := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(nil))))
	e := signEvent(t, order(t, shop, `,"tier":"gold","role":"admin","traceparent":"00-x","tracestate":"y"`), "shop-active", 50, "tier")
	got, _, err := h.VerifyEvent(id, e)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range got.Extensions {
		names = append(names, x.Name)
	}
	if !slices.Equal(names, []string{dsse.Attribute, "tier"}) {
		t.Errorf("got %v", names)
	}
	read, err := sdk.ParseEvent(got.Raw)
	if err != nil || len(read.Extensions) != 2 {
		t.Errorf("its bytes say %+v, %v", read.Extensions, err)
	}
	if again, _, err := h.VerifyEvent(id, got); err != nil || string(again.Raw) != string(got.Raw) {
		t.Errorf("it does not verify again: %v", err)
	}
	plain := order(t, shop, `,"role":"admin"`)
	if got, proof, err := h.VerifyEvent(id, plain); err != nil || proof.Event != "" || string(got.Raw) != string(plain.Raw) {
		t.Errorf("without a signature: %+v, %v", proof, err)
	}
}

func TestVerifyEventByTheTokensKey(t *testing.T) {
	h := newHouse(t, withEventKeys)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The sender's key is nobody's here: the seed is 70.
	id := mustAuthenticate(t, h.Snapshot, bound(t, 70, nil))
	if !id.Bound() {
		t.Fatal("it is not bound")
	}
	plain := order(t, shop, "")
	for _, c := range []struct {
		name   string
		e      sdk.Event
		reason string
	}{
		{"by it", signEvent(t, plain, "", 70), ""},
		{"by it, with a keyid of its own", signEvent(t, plain, "whatever", 70), ""},
		{"V46 not signed", plain, trust.ReasonEventSignatureAbsent},
		{"by a registered key of the source", signEvent(t, plain, "shop-active", 50), string(dsse.SignatureMismatch)},
		{"changed", func() sdk.Event { e := signEvent(t, plain, "", 70); e.Type = "x"; return e }(), string(dsse.CoreMismatch)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, proof, err := h.VerifyEvent(id, c.e)
			if c.reason == "" {
				if err != nil || proof != (sdk.Proof{Transport: "jwt", Event: "dsse"}) {
					t.Errorf("got %+v, %v", proof, err)
				}
				return
			}
			wantRefusal(t, err, trust.CodeUnauthenticated, c.reason)
		})
	}

	c := bound(t, 70, claims{"cnf": claims{"jkt": thumbprint(&p256.PublicKey)}})
	c.EventKey = []string{string(rawJWK(t, "mine", &p256.PublicKey))}
	id = mustAuthenticate(t, h.Snapshot, c)
	s, err := dsse.NewSigner("other", p256)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Sign(&plain)
	if err != nil {
		t.Fatal(err)
	}
	if _, proof, err := h.VerifyEvent(id, e); err != nil || proof.Event != "dsse" {
		t.Errorf("P-256: %+v, %v", proof, err)
	}
}

func thumbprint(public crypto.PublicKey) string { return jwk.Key{Public: public}.Thumbprint() }

// TestDowngrades shows that no sender gets round a stronger proof by leaving it
// away.
func TestDowngrades(t *testing.T) {
	h := newHouse(t, withEventKeys)
	both := credential("active", hmacSigner(t, 1))
	both.Authorization = shown(signed(t, "k1", 31, good(nil))).Authorization
	webhookWithKey := credential("active", hmacSigner(t, 1))
	webhookWithKey.EventKey = bound(t, 70, nil).EventKey
	spare := bound(t, 70, nil)
	spare.EventKey = nil
	badTokenGoodKey := credential("active", hmacSigner(t, 1))
	badTokenGoodKey.Authorization = []string{"Bearer x"}
	plainKey := shown(signed(t, "k1", 31, good(nil)))
	plainKey.EventKey = bound(t, 70, nil).EventKey
	for _, c := range []struct {
		name         string
		c            trust.Credential
		code, reason string
	}{
		{"two credentials", both, trust.CodeAmbiguousCredential, trust.ReasonSeveralCredentials},
		{"a token that is none beside a good key", badTokenGoodKey, trust.CodeAmbiguousCredential, trust.ReasonSeveralCredentials},
		{"event key beside a webhook signature", webhookWithKey, trust.CodeAmbiguousCredential, trust.ReasonEventKeyUnbound},
		{"event key beside a token that is not bound", plainKey, trust.CodeAmbiguousCredential, trust.ReasonEventKeyUnbound},
		{"V46 bound token as a bearer's", spare, trust.CodeUnauthenticated, trust.ReasonEventKeyAbsent},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := h.Authenticate(c.c, now)
			wantRefusal(t, err, c.code, c.reason)
			if id != (trust.Identity{}) {
				t.Errorf("given %+v", id)
			}
		})
	}

	e := signEvent(t, order(t, shop, ""), "shop-active", 50)
	bare := order(t, shop, "")
	token := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(nil))))
	key := mustAuthenticate(t, h.Snapshot, credential("active", hmacSigner(t, 1)))
	tied := mustAuthenticate(t, h.Snapshot, bound(t, 70, nil))
	sealed := []trust.Requirement{{EventSignature: true}}
	for _, c := range []struct {
		name         string
		id           trust.Identity
		e            sdk.Event
		reqs         []trust.Requirement
		code, reason string
	}{
		{"signed", token, e, sealed, "", ""},
		{"signed, by a key's holder", key, e, sealed, "", ""},
		{"V79 signature taken away", token, bare, sealed, trust.CodeForbidden, trust.ReasonEventSignatureMissing},
		{"V79 the same, one route of two asks", token, bare, append([]trust.Requirement{{}}, sealed...), trust.CodeForbidden, trust.ReasonEventSignatureMissing},
		{"V79 the same, by a key's holder", key, bare, sealed, trust.CodeForbidden, trust.ReasonEventSignatureMissing},
		{"weaker provider on overlapping routes", key, e, []trust.Requirement{{Auth: []string{"edge-keys", "okta"}}, {Auth: []string{"okta"}}}, trust.CodeForbidden, trust.ReasonProviderNotAllowed},
		{"stronger provider there", token, e, []trust.Requirement{{Auth: []string{"edge-keys", "okta"}}, {Auth: []string{"okta"}}}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, proof, err := h.VerifyEvent(c.id, c.e)
			if err != nil {
				t.Fatal(err)
			}
			err = h.Authorize(c.id, proof, &e, c.reqs)
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantRefusal(t, err, c.code, c.reason)
		})
	}

	// Who forgets VerifyEvent is not let through either.
	wantRefusal(t, h.Authorize(tied, tied.Proof, &bare, nil), trust.CodeUnauthenticated, trust.ReasonEventSignatureAbsent)
	r := wantRefusal(t, h.Authorize(key, key.Proof, &bare, []trust.Requirement{{Auth: []string{"okta", "sts"}}}), trust.CodeForbidden, trust.ReasonProviderNotAllowed)
	if want := []trust.Verdict{{"edge-keys", trust.ReasonProviderNotAllowed}, {"okta", trust.ReasonCredentialAbsent}, {"sts", trust.ReasonCredentialAbsent}}; !slices.Equal(r.Verdicts, want) {
		t.Errorf("got %v", r.Verdicts)
	}
}

// A token has no webhook-id that an event's id could differ from; a key has.
func TestCheckEventIDOfTokens(t *testing.T) {
	h := newHouse(t)
	id := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(nil))))
	if err := h.CheckEventID(id, &sdk.Event{ID: "any"}); err != nil {
		t.Error(err)
	}
}
