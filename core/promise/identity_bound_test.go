package promise_test

import (
	"bytes"
	"crypto"
	"net/http"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
)

// A token that is bound to a key is worth nothing without it: what it bears has
// to be signed by that key.
func TestIdentityBoundTokensNeedTheirKey(t *testing.T) {
	node := nodeIDP(t, nil)
	r := newRouter(t, identityRoutes+ofNode("node", node).String())
	l := newLedger(t)
	var told proven
	r.take(taking{channel: "orders"}, told.noting(l))
	holder, thief := newES256(t), newES256(t)
	token := node.token(ask{bound: holder})
	r.trusts(token)
	event := note("bound")
	const eventKey = "headgate-event-key"
	own, other := string(publicJWK(t, holder)), string(publicJWK(t, thief))
	for _, c := range []struct {
		name    string
		event   []byte
		headers []string
	}{
		{"alone", event, nil},
		{"with the key and no signature", event, []string{eventKey, own}},
		{"with a signature and no key", signedEvent(t, event, holder), nil},
		{"with another's signature", signedEvent(t, event, thief), []string{eventKey, own}},
		{"with another's key", signedEvent(t, event, thief), []string{eventKey, other}},
		{"with two keys", signedEvent(t, event, holder), []string{eventKey, own, eventKey, other}},
		{"over another event", bytes.ReplaceAll(signedEvent(t, note("signed"), holder), []byte("signed"), []byte("bound")), []string{eventKey, own}},
	} {
		if a := r.borne(token, c.event, c.headers...); a.HTTP != http.StatusUnauthorized && a.HTTP != http.StatusBadRequest {
			t.Errorf("%s: %d %s", c.name, a.HTTP, a.Body)
		}
	}
	if a := r.borne(node.token(ask{}), signedEvent(t, event, holder), eventKey, own); a.says() == accepted {
		t.Errorf("a key that no token vouches for: %s", a.Body)
	}
	if a := r.borne(token, signedEvent(t, event, holder), eventKey, own); a.says() != accepted {
		t.Fatalf("REFUSED: %s", a.Body)
	}
	l.accept("bound")
	told.want(l, "bound", sdk.Principal{Provider: "node", Issuer: node.issuer, Subject: edgeClient}, sdk.Proof{Transport: "jwt", Event: "dsse"})
	l.balance(r, never)
}

// signedEvent is an event with a signature of its own.
func signedEvent(t *testing.T, event []byte, key crypto.Signer) []byte {
	t.Helper()
	s, err := dsse.NewSigner("k", key)
	if err != nil {
		t.Fatal(err)
	}
	e, err := sdk.ParseEvent(event)
	if err == nil {
		e, err = s.Sign(&e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e.Raw
}
