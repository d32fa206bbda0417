package promise_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// Who is somebody and has no right gets 403, who is nobody 401. Neither learns or
// burns anything: the same id is accepted when the right sender comes.
func TestIdentityRefusalsBurnNothing(t *testing.T) {
	node := nodeIDP(t, nil)
	issuers, auth := ownIssuers(t, 1)
	own := issuers[0]
	r := newRouter(t, identityRoutes+ofNode("node", node).String()+auth)
	l := newLedger(t)
	good := node.token(ask{})
	r.trusts(good)
	r.trusts(access(own))

	t.Run("403", func(t *testing.T) {
		unscoped, stranger := node.token(ask{scope: "orders:read"}), node.token(ask{client: strangerClient})
		elsewhere := []byte(`{"specversion":"1.0","id":"free","source":"//bank.example/till","type":"com.example.note","data":1}`)
		for name, c := range map[string]struct {
			token string
			event []byte
		}{
			"no grant":       {stranger, note("free")},
			"another type":   {good, order("other", "free", "")},
			"another source": {good, elsewhere},
			"a scope less":   {unscoped, order("order.created", "free", "")},
		} {
			if a := r.borne(c.token, c.event); a.says() != "403 forbidden" {
				t.Errorf("%s: %s", name, a.Body)
			}
		}
	})
	t.Run("401", func(t *testing.T) {
		if a := r.borne(crossed(own, node.issuer, own.Keys()[0].ID), note("free")); a.says() != "401 unauthenticated" || a.RetryAfter == "" {
			t.Errorf("a key that its issuer does not have: %s, Retry-After %q", a.Body, a.RetryAfter)
		}
		said := make(map[string]string)
		for name, token := range badTokens(t, node, own, good) {
			a := r.borne(token, note("free"))
			if a.says() != "401 unauthenticated" || a.RetryAfter != "" {
				t.Errorf("%s: %s, Retry-After %q", name, a.Body, a.RetryAfter)
			}
			if said[coarse(t, a)] = name; len(said) > 1 {
				t.Errorf("senders learn what was wrong: %v", said)
			}
		}
	})
	t.Run("two credentials", func(t *testing.T) {
		req, err := r.edge.request(t.Context(), "application/cloudevents+json", "free", note("free"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+good)
		if a, err := r.edge.do(req); err != nil || a.says() != "400 ambiguous_credential" {
			t.Errorf("%s, %v", a.Body, err)
		}
	})
	if n := r.now().Intake.Accepted; n != 0 {
		t.Errorf("%d were accepted", n)
	}
	r.taken(l, good, "free")
	r.taken(l, access(own), "own")
	t.Run("status", func(t *testing.T) {
		for _, c := range []struct {
			id, token string
			want      int
		}{{"free", good, http.StatusOK}, {"own", good, http.StatusNotFound}, {"free", access(own), http.StatusNotFound},
			{"none", good, http.StatusNotFound}, {"free", forged(t, good, ""), http.StatusUnauthorized}} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.edge.url+"/v1/status?"+url.Values{"source": {source}, "id": {c.id}}.Encode(), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+c.token)
			if a, _ := r.edge.do(req); a.HTTP != c.want {
				t.Errorf("of %s: %d %s, want %d", c.id, a.HTTP, a.Body, c.want)
			}
		}
	})
	l.balance(r, never)
}

// badTokens are tokens by what is wrong with them; good is one of node's.
func badTokens(t *testing.T, node *idp, own *jwkstest.Issuer, good string) map[string]string {
	t.Helper()
	now := time.Now()
	with := func(name string, value any) string {
		c := accessClaims(own)
		c[name] = value
		if value == nil {
			delete(c, name)
		}
		return own.Sign(c, "typ", "at+jwt")
	}
	unsigned := func(alg string) string {
		h := map[string]any{"alg": alg, "typ": "at+jwt", "kid": own.Keys()[0].ID}
		enc := base64.RawURLEncoding
		return enc.EncodeToString([]byte(text(t, h))) + "." + enc.EncodeToString([]byte(text(t, accessClaims(own)))) + "."
	}
	return map[string]string{
		"a genuine one for others": node.token(ask{audience: "api://other"}),
		"a genuine one, tampered":  tampered(t, good, "client_id", strangerClient),
		"a genuine one, cut":       good[:len(good)-4],
		"another's signature":      forged(t, good, ""),
		"for others":               with("aud", "api://other"),
		"for nobody":               with("aud", nil),
		"expired":                  with("exp", now.Add(-3*time.Minute).Unix()),
		"without an end":           with("exp", nil),
		"not yet":                  with("nbf", now.Add(5*time.Minute).Unix()),
		"of the future":            with("iat", now.Add(5*time.Minute).Unix()),
		"for a year":               with("exp", now.Add(365*24*time.Hour).Unix()),
		"of another issuer":        crossed(own, node.issuer, headerOf(t, good)["kid"].(string)),
		"of an unknown issuer":     with("iss", "https://idp.example"),
		"no access token":          own.Sign(accessClaims(own), "typ", "JWT"),
		"by none":                  unsigned("none"),
		"by HS256":                 unsigned("HS256"),
		"by a key of its own":      jwkstest.Key{ID: own.Keys()[0].ID, Alg: "ES256", Private: newES256(t)}.Sign(accessClaims(own), "typ", "at+jwt"),
		"empty":                    "..",
	}
}

// crossed is a token of another issuer, by a key of this one.
func crossed(own *jwkstest.Issuer, issuer, kid string) string {
	c := accessClaims(own)
	c["iss"] = issuer
	return own.Sign(c, "typ", "at+jwt", "kid", kid)
}

// tampered is a token with another value of a claim, and its signature.
func tampered(t *testing.T, token, claim string, value any) string {
	t.Helper()
	claims := claimsOf(t, token)
	claims[claim] = value
	parts := strings.Split(token, ".")
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(text(t, claims))) + "." + parts[2]
}

// coarse is what a sender is told, without the id of the request.
func coarse(t *testing.T, a answer) string {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(a.Body, &doc); err != nil {
		t.Fatal(err)
	}
	delete(doc, "request_id")
	return text(t, doc)
}
