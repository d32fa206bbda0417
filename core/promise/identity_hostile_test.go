package promise_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/jwk"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// However an issuer misbehaves, the keys it had stay, no request waits for it, and
// the issuer beside it rotates as ever; also where the plugin has to start anew
// meanwhile.
func TestIdentityHostileIssuersAreInNobodysWay(t *testing.T) {
	slow := make(chan struct{})
	elsewhere := newBell(t)
	behaviours := map[string]jwkstest.Behaviour{
		"down":       {Down: true},
		"slow":       {Slow: slow},
		"500":        {Status: http.StatusInternalServerError},
		"huge":       {Huge: true},
		"empty":      {Empty: true},
		"redirect":   {Redirect: "http://" + elsewhere.Addr().String() + "/keys"},
		"a page":     {HTML: true},
		"not itself": {Issuer: "https://idp.example", Empty: true},
	}
	issuers, auth := ownIssuers(t, len(behaviours)+1)
	defer close(slow) // before the issuers end
	r := newRouter(t, identityRoutes+auth)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	good, bad := issuers[0], make(map[string]*jwkstest.Issuer)
	for _, issuer := range issuers {
		r.trusts(access(issuer))
	}
	for name := range behaviours {
		bad[name] = issuers[len(bad)+1]
	}
	asked := make(map[string]int)
	for name, issuer := range bad {
		asked[name] = issuer.Requests(jwkstest.KeysPath)
		issuer.Misbehave(behaviours[name])
		if r.knows(access(issuer), rand.Text()) {
			t.Errorf("%s: a key that there is not is known", name)
		}
	}
	accept := func(when string) {
		t.Helper()
		for name, issuer := range bad {
			for i := range 5 {
				r.taken(l, access(issuer), strings.ReplaceAll(fmt.Sprintf("%s-%s-%d", name, when, i), " ", "_"))
			}
		}
	}
	for name, issuer := range bad {
		r.eventually(name+" is asked", func() bool { return issuer.Requests(jwkstest.KeysPath) > asked[name] })
	}
	accept("asked")
	good.Rotate("ES256")
	r.eventually("the good one rotates", func() bool { return r.knows(access(good), "") })
	r.taken(l, access(good), "rotated")

	good.Rotate("ES256") // the next process has no time to lose
	before, discovered := r.children(), make(map[string]int)
	for name, issuer := range bad {
		discovered[name] = issuer.Requests(jwkstest.DiscoveryPath)
	}
	for _, pid := range before {
		r.signal(pid, syscall.SIGKILL)
	}
	for name, issuer := range bad {
		r.eventually(name+" is asked by the next process", func() bool { return issuer.Requests(jwkstest.DiscoveryPath) > discovered[name] })
	}
	accept("anew")
	r.eventually("the good one rotates, with the next process", func() bool { return r.knows(access(good), "") })
	r.taken(l, access(good), "rotated-again")
	elsewhere.silent(t, "a redirect leads elsewhere")
	r.drained()
	l.balance(r, never)
}

// A flood of tokens with invented key ids is answered, costs one fetch in half a
// minute, and hinders nobody: not valid tokens, not another issuer's rotation.
func TestIdentityFloodOfKeysCostsOneFetch(t *testing.T) {
	issuers, auth := ownIssuers(t, 2)
	flooded, other := issuers[0], issuers[1]
	r := newRouter(t, identityRoutes+auth)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	r.trusts(access(flooded))
	r.trusts(access(other))
	began, asked, otherAsked := time.Now(), flooded.Requests(jwkstest.KeysPath), other.Requests(jwkstest.KeysPath)
	f := r.flow(l, "f", 2, access(flooded), access(other))
	token := access(flooded)
	const flood = 3000
	each(flood, 8, func(i int) {
		if r.knows(token, rand.Text()) {
			t.Error("a key that there is not is known")
		}
		if i == flood/2 {
			other.Rotate("ES256")
		}
	})
	r.eventually("the other issuer rotates", func() bool { return r.knows(access(other), "") })
	f.tokens.Store(&[]string{access(flooded), access(other)})
	f.pass(100)
	f.halt()
	bound := 1 + int(time.Since(began)/(30*time.Second))
	r.eventually("the flooded one was asked", func() bool { return flooded.Requests(jwkstest.KeysPath) > asked })
	if n := flooded.Requests(jwkstest.KeysPath) - asked; n > bound {
		t.Errorf("%d keys that there are not, %d fetches, want %d at most", flood, n, bound)
	}
	if n := other.Requests(jwkstest.KeysPath) - otherAsked; n > bound {
		t.Errorf("the other issuer was asked %d times, want %d at most", n, bound)
	}
	r.drained()
	l.balance(r, never)
	proved(t, "%d tokens by unknown keys: %d fetches; %d valid events meanwhile: 0 refused", flood, flooded.Requests(jwkstest.KeysPath)-asked, f.sent.Load())
}

// Nothing in a token leads anywhere: whatever address its header or its issuer
// names, nobody connects there, and a key that it brings along proves nothing.
func TestIdentityTokensLeadNowhere(t *testing.T) {
	issuers, auth := ownIssuers(t, 1)
	own := issuers[0]
	r := newRouter(t, identityRoutes+auth)
	l := newLedger(t)
	r.trusts(access(own))
	b := newBell(t)
	at := "http://" + b.Addr().String()
	mallory := jwkstest.NewKey("ES256")
	asked := own.Requests(jwkstest.KeysPath) + own.Requests(jwkstest.DiscoveryPath)
	public, err := jwk.Key{ID: mallory.ID, Alg: "ES256", Public: mallory.Private.Public()}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	signers := map[string]jwkstest.Key{"its own key": own.Keys()[0], "another key": mallory, "another key by the same name": {ID: own.Keys()[0].ID, Alg: "ES256", Private: mallory.Private}}
	for by, key := range signers {
		for name, header := range map[string]map[string]any{
			"jku": {"jku": at + "/jwks"}, "x5u": {"x5u": at + "/cert"}, "jwk": {"jwk": public},
			"x5c": {"x5c": []string{"AAAA"}}, "crit": {"crit": []string{"jku"}, "jku": at}, "kid": {"kid": at + "/jwks#1"},
		} {
			h := map[string]any{"alg": "ES256", "kid": key.ID, "typ": "at+jwt"}
			for member, value := range header {
				h[member] = value
			}
			token := key.SignRaw([]byte(text(t, h)), []byte(text(t, accessClaims(own))))
			if a := r.borne(token, note("nowhere")); a.says() != "401 unauthenticated" {
				t.Errorf("%s by %s: %s", name, by, a.Body)
			}
		}
		c := accessClaims(own)
		c["iss"] = at
		if a := r.borne(key.Sign(c, "typ", "at+jwt"), note("nowhere")); a.says() != "401 unauthenticated" || a.RetryAfter != "" {
			t.Errorf("an unknown issuer by %s: %s, Retry-After %q", by, a.Body, a.RetryAfter)
		}
	}
	r.taken(l, access(own), "nowhere")
	b.silent(t, "tokens lead somewhere")
	if n := own.Requests(jwkstest.KeysPath) + own.Requests(jwkstest.DiscoveryPath) - asked; n > 1 { // for the kid that nobody has
		t.Errorf("the issuer was asked %d times", n)
	}
	l.balance(r, never)
}
