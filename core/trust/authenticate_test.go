package trust_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestAuthenticateTakes(t *testing.T) {
	s := snapshot(t)
	defaults := func(c trust.Credential, ids ...string) trust.Credential {
		c.KeyID, c.DefaultKeyIDs = nil, ids
		return c
	}
	get := credential("active", hmacSigner(t, 1))
	get.Signed = webhook.GetBody("/v1/status?id=evt-1")
	get.Signature = []string{hmacSigner(t, 1).Sign("evt-1", now, get.Signed)}
	for _, c := range []struct {
		name  string
		c     trust.Credential
		keyID string
		auth  string
		kind  string
	}{
		{"active hmac", credential("active", hmacSigner(t, 1)), "active", "edge-keys", "hmac"},
		{"retiring hmac", credential("retiring", hmacSigner(t, 2)), "retiring", "edge-keys", "hmac"},
		{"active ed25519", credential("ed-active", edSigner(t, 11)), "ed-active", "device-keys", "ed25519"},
		{"GET", get, "active", "edge-keys", "hmac"},
		{"default, first", defaults(credential("", hmacSigner(t, 1)), "active"), "active", "edge-keys", "hmac"},
		{"default, fourth", defaults(credential("", edSigner(t, 11)), "pending", "unknown", "active", "ed-active"), "ed-active", "device-keys", "ed25519"},
	} {
		got, err := s.Authenticate(c.c, now)
		want := trust.Identity{
			Principal: sdk.Principal{Provider: c.auth, Subject: "till"},
			Proof:     sdk.Proof{Transport: c.kind},
			KeyID:     c.keyID,
			WebhookID: "evt-1",
		}
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v", c.name, got, err)
		}
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	s := snapshot(t)
	hm, ed := hmacSigner(t, 1), edSigner(t, 11)
	good := func(change func(*trust.Credential)) trust.Credential {
		c := credential("active", hm)
		change(&c)
		return c
	}
	twice := func(v []string) []string { return append(slices.Clone(v), v...) }
	defaults := func(signer *webhook.Signer, ids ...string) trust.Credential {
		c := credential("", signer)
		c.KeyID, c.DefaultKeyIDs = nil, ids
		return c
	}
	const (
		ambiguous, unauthenticated = trust.CodeAmbiguousCredential, trust.CodeUnauthenticated
		mismatch                   = string(signature.SignatureMismatch)
	)
	for _, c := range []struct {
		name         string
		c            trust.Credential
		code, reason string
	}{
		{"nothing", trust.Credential{Signed: body}, unauthenticated, trust.ReasonCredentialAbsent},
		{"nothing but defaults", trust.Credential{DefaultKeyIDs: []string{"active"}}, unauthenticated, trust.ReasonCredentialAbsent},
		{"event key alone", trust.Credential{EventKey: []string{"{}"}}, unauthenticated, trust.ReasonCredentialAbsent},
		{"bearer alone", trust.Credential{Authorization: []string{"Bearer x"}}, unauthenticated, trust.ReasonNoTokenProvider},
		{"empty authorization", trust.Credential{Authorization: []string{""}}, unauthenticated, trust.ReasonNoTokenProvider},
		{"key id alone", trust.Credential{KeyID: []string{"active"}}, unauthenticated, string(signature.WebhookIDAbsent)},
		{"no signature", good(func(c *trust.Credential) { c.Signature = nil }), unauthenticated, string(signature.SignatureAbsent)},
		{"no timestamp", good(func(c *trust.Credential) { c.Timestamp = nil }), unauthenticated, string(signature.TimestampAbsent)},

		{"webhook and bearer", good(func(c *trust.Credential) { c.Authorization = []string{"Bearer x"} }), ambiguous, trust.ReasonSeveralCredentials},
		{"webhook and empty authorization", good(func(c *trust.Credential) { c.Authorization = []string{""} }), ambiguous, trust.ReasonSeveralCredentials},
		{"key id and bearer", trust.Credential{KeyID: []string{"active"}, Authorization: []string{"Bearer x"}}, ambiguous, trust.ReasonSeveralCredentials},
		{"timestamp and bearer", trust.Credential{Timestamp: []string{"1767225600"}, Authorization: []string{"Bearer x"}}, ambiguous, trust.ReasonSeveralCredentials},
		{"signature and bearer", trust.Credential{Signature: []string{""}, Authorization: []string{"Bearer x"}}, ambiguous, trust.ReasonSeveralCredentials},
		{"webhook id and bearer", trust.Credential{WebhookID: []string{"x"}, Authorization: []string{"Bearer x"}}, ambiguous, trust.ReasonSeveralCredentials},
		{"event key with a webhook", good(func(c *trust.Credential) { c.EventKey = []string{"{}"} }), ambiguous, trust.ReasonEventKeyUnbound},
		{"key id twice", good(func(c *trust.Credential) { c.KeyID = twice(c.KeyID) }), ambiguous, trust.ReasonKeyIDRepeated},
		{"webhook id twice", good(func(c *trust.Credential) { c.WebhookID = twice(c.WebhookID) }), ambiguous, string(signature.WebhookIDRepeated)},
		{"timestamp twice", good(func(c *trust.Credential) { c.Timestamp = twice(c.Timestamp) }), ambiguous, string(signature.TimestampRepeated)},
		{"signature twice", good(func(c *trust.Credential) { c.Signature = twice(c.Signature) }), ambiguous, string(signature.SignatureRepeated)},
		{"authorization twice", trust.Credential{Authorization: []string{"Bearer x", "Bearer x"}}, ambiguous, trust.ReasonAuthorizationRepeated},
		{"event key twice", trust.Credential{EventKey: []string{"{}", "{}"}}, ambiguous, trust.ReasonEventKeyRepeated},

		{"id with a dot", good(func(c *trust.Credential) { c.WebhookID = []string{"evt.1"} }), trust.CodeBadID, string(signature.WebhookIDMalformed)},
		{"timestamp with a sign", good(func(c *trust.Credential) { c.Timestamp = []string{"+1767225600"} }), trust.CodeMalformed, string(signature.TimestampMalformed)},
		{"old timestamp", good(func(c *trust.Credential) { c.Timestamp = []string{"1767225299"} }), unauthenticated, string(signature.TimestampOutsideWindow)},

		{"wrong secret", credential("active", hmacSigner(t, 9)), unauthenticated, mismatch},
		{"another key's secret", credential("active", hmacSigner(t, 2)), unauthenticated, mismatch},
		{"another body", good(func(c *trust.Credential) { c.Signed = []byte("{}") }), unauthenticated, mismatch},
		{"wrong private key", credential("ed-active", edSigner(t, 12)), unauthenticated, mismatch},
		{"v1 for an ed25519 key", credential("ed-active", hm), unauthenticated, string(signature.SignatureAbsent)},
		{"v1a for an hmac key", credential("active", ed), unauthenticated, string(signature.SignatureAbsent)},
		{"hex", good(func(c *trust.Credential) { c.Signature = []string{"v1,00"} }), unauthenticated, string(signature.SignatureMalformed)},

		{"unknown id", credential("nobody", hm), unauthenticated, trust.ReasonKeyUnknown},
		{"id in another case", credential("Active", hm), unauthenticated, trust.ReasonKeyUnknown},
		{"empty id", credential("", hm), unauthenticated, trust.ReasonKeyUnknown},
		{"id that cannot be", credential("a\nb", hm), unauthenticated, trust.ReasonKeyUnknown},
		{"named id is unknown, default would do", good(func(c *trust.Credential) { c.KeyID = []string{"nobody"}; c.DefaultKeyIDs = []string{"active"} }), unauthenticated, trust.ReasonKeyUnknown},
		{"named id is another, default would do", good(func(c *trust.Credential) { c.KeyID = []string{"retiring"}; c.DefaultKeyIDs = []string{"active"} }), unauthenticated, mismatch},
		{"empty id, default would do", good(func(c *trust.Credential) { c.KeyID = []string{""}; c.DefaultKeyIDs = []string{"active"} }), unauthenticated, trust.ReasonKeyUnknown},
		{"pending", credential("pending", hmacSigner(t, 3)), unauthenticated, trust.ReasonKeyPending},
		{"pending ed25519", credential("ed-pending", edSigner(t, 13)), unauthenticated, trust.ReasonKeyPending},
		{"revoked", credential("revoked", hmacSigner(t, 4)), unauthenticated, trust.ReasonKeyRevoked},
		{"revoked ed25519", credential("ed-revoked", edSigner(t, 14)), unauthenticated, trust.ReasonKeyRevoked},
		{"revoked without material", credential("tombstone", hm), unauthenticated, trust.ReasonKeyRevoked},

		{"no id, no default", defaults(hm), unauthenticated, trust.ReasonKeyIDAbsent},
		{"no default fits", defaults(hmacSigner(t, 9), "ed-active", "active", "nobody"), unauthenticated, mismatch},
		{"default revoked", defaults(hmacSigner(t, 4), "revoked"), unauthenticated, trust.ReasonKeyRevoked},
		{"only four defaults count", defaults(hm, "retiring", "bare", "nobody", "ed-active", "active"), unauthenticated, mismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := s.Authenticate(c.c, now)
			wantRefusal(t, err, c.code, c.reason)
			if id != (trust.Identity{}) {
				t.Errorf("refused, and given %+v", id)
			}
		})
	}
}

// A stranger learns nothing from the answers: only the holder of a pending key
// is told to come back.
func TestAnswersDoNotTellKeysApart(t *testing.T) {
	s := snapshot(t)
	for _, id := range []string{"active", "retiring", "pending", "revoked", "tombstone", "nobody", "ed-active", "ed-pending", "ed-revoked"} {
		_, err := s.Authenticate(credential(id, hmacSigner(t, 99)), now)
		r, ok := err.(*trust.Refusal)
		if !ok || r.Code != trust.CodeUnauthenticated || r.RetryAfter != 0 {
			t.Errorf("%s: got %+v", id, err)
		}
	}
	for id, signer := range map[string]*webhook.Signer{"pending": hmacSigner(t, 3), "ed-pending": edSigner(t, 13)} {
		_, err := s.Authenticate(credential(id, signer), now)
		if r := wantRefusal(t, err, trust.CodeUnauthenticated, trust.ReasonKeyPending); r.RetryAfter != 1 {
			t.Errorf("%s: its holder is told to retry after %d s", id, r.RetryAfter)
		}
	}
}

func TestRefusalsHoldWhatIsUnverifiedApart(t *testing.T) {
	s := snapshot(t)
	const mark = "SENDERTEXT"
	for _, change := range []func(*trust.Credential){
		func(c *trust.Credential) { c.KeyID = []string{mark} },
		func(c *trust.Credential) { c.WebhookID = []string{mark + "."} },
		func(c *trust.Credential) { c.Timestamp = []string{mark} },
		func(c *trust.Credential) { c.Signature = []string{"v1," + mark} },
		func(c *trust.Credential) { *c = trust.Credential{Authorization: []string{"Bearer " + mark}} },
	} {
		c := credential("active", hmacSigner(t, 1))
		change(&c)
		_, err := s.Authenticate(c, now)
		if err == nil {
			t.Fatal("taken")
		}
		err.(*trust.Refusal).Unverified = nil // has its own rules: see TestUnverified
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, mark) {
			t.Errorf("the refusal holds what was sent: %s", text)
		}
	}
}

func TestAuthenticateByClockGiven(t *testing.T) {
	s := snapshot(t)
	c := credential("active", hmacSigner(t, 1))
	if _, err := s.Authenticate(c, now.Add(300*time.Second)); err != nil {
		t.Errorf("at the edge: %v", err)
	}
	_, err := s.Authenticate(c, now.Add(301*time.Second))
	wantRefusal(t, err, trust.CodeUnauthenticated, string(signature.TimestampOutsideWindow))
}

// FuzzAuthenticate asks that whatever is taken bears the signature that the
// named key's holder makes.
func FuzzAuthenticate(f *testing.F) {
	s := snapshot(f)
	hm, ed := hmacSigner(f, 1), edSigner(f, 11)
	ts := webhook.Timestamp(now)
	f.Add("active", "evt-1", ts, hm.Sign("evt-1", now, body), "", body)
	f.Add("ed-active", "evt-1", ts, ed.Sign("evt-1", now, body), "", body)
	f.Add("nobody", "evt-1", ts, "v1,"+base64.StdEncoding.EncodeToString(secret(1)), "Bearer x", body)
	f.Fuzz(func(t *testing.T, keyID, id, timestamp, sig, bearer string, signed []byte) {
		c := trust.Credential{
			KeyID: []string{keyID}, WebhookID: []string{id}, Timestamp: []string{timestamp},
			Signature: []string{sig}, Signed: signed, DefaultKeyIDs: []string{"active", "ed-active"},
		}
		if bearer != "" {
			c.Authorization = []string{bearer}
		}
		got, err := s.Authenticate(c, now)
		if err != nil {
			return
		}
		signer := map[string]*webhook.Signer{"active": hm, "ed-active": ed}[keyID]
		if signer == nil || bearer != "" {
			t.Fatalf("taken: %+v", got)
		}
		seconds, err := strconv.ParseInt(timestamp, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if want := signer.Sign(id, time.Unix(seconds, 0), signed); !slices.Contains(strings.Split(sig, " "), want) {
			t.Errorf("taken without %s", want)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	s := snapshot(b)
	signed := make([]byte, 500)
	for _, c := range []struct {
		keyID  string
		signer *webhook.Signer
	}{{"active", hmacSigner(b, 1)}, {"ed-active", edSigner(b, 11)}} {
		cred := credential(c.keyID, c.signer)
		cred.Signed = signed
		cred.Signature = []string{c.signer.Sign("evt-1", now, signed)}
		b.Run(c.keyID, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Authenticate(cred, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
