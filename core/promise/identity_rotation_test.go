package promise_test

import (
	"flag"
	"slices"
	"testing"
)

// rotations is a flag of its own: each costs milliseconds, and each batch of them
// half a minute.
var rotations = flag.Int("rotations", 5, "rotations of a provider's keys")

// ahead is how many keys are announced at once: a router is spared all but one
// fetch in 30 seconds.
const ahead = 25

// A provider that announces its keys before it uses them may rotate whenever it
// likes: no valid token is refused, at however many rotations.
func TestIdentityRotationRefusesNobody(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) (*idp, tokens){
		"node": func(t *testing.T) (*idp, tokens) { p := nodeIDP(t, nil); return p, ofNode("node", p) },
		"zitadel": func(t *testing.T) (*idp, tokens) {
			p := zitadelIDP(t, buildZitadel(t))
			return p, ofZitadel("zitadel", p)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, auth := start(t)
			r := newRouter(t, identityRoutes+auth.String())
			l := newLedger(t)
			r.take(taking{channel: "orders"}, doing(l))
			old := p.token(ask{})
			r.trusts(old)
			f := r.flow(l, "f", 4, old)
			fetched := p.tell("{}").Fetched
			done := 0
			for done < *rotations {
				batch := min(ahead, *rotations-done)
				before := p.tell("{}").Kids
				for _, kid := range p.tell(text(t, map[string]int{"announce": batch})).Kids {
					if !slices.Contains(before, kid) {
						r.eventually("the router has "+kid, func() bool { return r.knows(old, kid) })
					}
				}
				if done > 0 && r.knows(old, "") {
					t.Error("a key that was taken away is still taken")
				}
				for range batch {
					last := p.tell(`{"rotate":true}`).Signing
					token := p.token(ask{})
					if kid := headerOf(t, token)["kid"]; kid != last {
						t.Fatalf("a token is signed by %v, and not by %s", kid, last)
					}
					more := p.token(ask{})
					f.tokens.Store(&[]string{token, more})
					f.pass(20)
					done++
				}
				p.tell(`{"drop":true}`)
			}
			f.halt()
			r.drained()
			l.balance(r, never)
			proved(t, "%d rotations, %d fetches, %d events by their tokens: 0 refused", done, p.tell("{}").Fetched-fetched, f.sent.Load())
		})
	}
}

// A key that is used before anybody heard of it costs its first sender a try, and
// the router one fetch: the answer asks to come back, and then the key is there.
func TestIdentityUnannouncedRotationHeals(t *testing.T) {
	p := nodeIDP(t, nil)
	r := newRouter(t, identityRoutes+ofNode("node", p).String())
	l := newLedger(t)
	old := p.token(ask{})
	r.trusts(old)
	f := r.flow(l, "f", 2, old) // signed by a key that is still published
	before := p.tell(`{"rotate":true}`).Fetched
	token := p.token(ask{})
	if a := r.borne(token, note("first")); a.says() != "401 unauthenticated" || a.RetryAfter != "1" {
		t.Errorf("the first token by an unknown key: %s, Retry-After %q", a.Body, a.RetryAfter)
	}
	r.eventually("the next one is accepted", func() bool { return r.borne(token, note("first")).says() == accepted })
	l.accept("first")
	f.pass(20)
	f.halt()
	if n := p.tell("{}").Fetched; n != before+1 {
		t.Errorf("the keys were fetched %d times", n-before)
	}
	p.tell(`{"drop":true}`)
	l.balance(r, never)
}
