package trust_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/trust"
)

// Nobody who may not send an event has its signature checked by registered keys:
// each of them may cost a check for each of the signatures.
func TestNoSignatureIsCheckedForWhoMayNotSend(t *testing.T) {
	h := newHouse(t, withEventKeys, func(r *trust.Rules) {
		r.Auths[0].Keys = append(r.Auths[0].Keys, trust.Key{ID: "bare", Principal: "nobody", State: trust.StateActive, Material: secret(9)})
		r.Grants = r.Grants[:1]
	})
	forged := signEvent(t, order(t, shop, ""), "shop-active", 99)
	bare := mustAuthenticate(t, h.Snapshot, credential("bare", hmacSigner(t, 9)))
	_, _, err := h.VerifyEvent(bare, forged)
	wantRefusal(t, err, trust.CodeForbidden, trust.ReasonSourceNotGranted)

	token := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 33, good(claims{"iss": account}))))
	_, _, err = h.VerifyEvent(token, forged)
	wantRefusal(t, err, trust.CodeForbidden, trust.ReasonNoGrant)

	other := signEvent(t, order(t, shop, ""), "shop-active", 99)
	other.Type = "com.example.mail"
	active := mustAuthenticate(t, h.Snapshot, credential("active", hmacSigner(t, 1)))
	_, _, err = h.VerifyEvent(active, other)
	wantRefusal(t, err, trust.CodeForbidden, trust.ReasonTypeNotGranted)
}

// A token that no grant fits takes no room among those that are remembered.
func TestTokensWithoutRightsAreNotRemembered(t *testing.T) {
	h := newHouse(t, func(r *trust.Rules) { r.Grants = r.Grants[:1]; r.Cache = jwt.NewCache(1 << 20) })
	for _, c := range []struct {
		iss  string
		seed byte
		kept bool
	}{{staff, 31, true}, {account, 33, false}} {
		text := signed(t, "k1", c.seed, good(claims{"iss": c.iss}))
		for range 2 {
			mustAuthenticate(t, h.Snapshot, shown(text))
			if _, got := h.rules.Cache.Get(text); (got != nil) != c.kept {
				t.Errorf("of %s: %v", c.iss, got)
			}
		}
	}
}
