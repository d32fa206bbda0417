package promise_test

import (
	"flag"
	"fmt"
	"net/url"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

var long = flag.Bool("long", false, "also what takes minutes: the end of a provider's trust")

// A plugin that brings keys is in nobody's way: it may be killed over and over,
// and be given up for a while, and every valid token is accepted.
func TestIdentityKilledPluginRefusesNobody(t *testing.T) {
	p := nodeIDP(t, nil)
	r := newRouter(t, identityRoutes+ofNode("node", p).String())
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	kills, sent := 0, int64(0)
	for round := 0; kills < turns(5); round++ {
		if round > 0 {
			r.crash() // a new one starts what was given up
		}
		token := p.token(ask{})
		r.trusts(token)
		f := r.flow(l, fmt.Sprintf("f%d", round), 4, token)
		var dead []int
		for range bearable + 1 { // after the last it is tried once a minute
			var alive []int
			r.eventually("the plugin is there again", func() bool { alive = r.newChildren(dead); return len(alive) > 0 })
			for _, pid := range alive {
				r.signal(pid, syscall.SIGKILL)
			}
			dead = append(dead, alive...)
			kills++
			tokens := make([]string, 10) // the router has seen none of them
			for i := range tokens {
				tokens[i] = p.token(ask{})
			}
			f.tokens.Store(&tokens)
			f.pass(100)
		}
		f.halt()
		sent += f.sent.Load()
	}
	r.drained()
	l.balance(r, never)
	proved(t, "%d kills of the plugin, %d events meanwhile: 0 refused", kills, sent)
}

// newChildren are the router's processes that are alive, without those.
func (r *router) newChildren(without []int) (pids []int) {
	r.Helper()
	known := make(map[int]bool)
	for _, pid := range without {
		known[pid] = true
	}
	for _, pid := range r.children() {
		if !known[pid] && alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// A provider that is gone cuts nobody off who has a token: first it says nothing
// any more, then it is not there; and a plugin that starts anew meanwhile finds no
// keys and takes none away.
func TestIdentityProviderDownRefusesNobody(t *testing.T) {
	p := nodeIDP(t, nil)
	r := newRouter(t, identityRoutes+ofNode("node", p).String())
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	token := p.token(ask{})
	r.trusts(token)
	var unseen [3][]string
	for i := range unseen {
		for range 10 {
			unseen[i] = append(unseen[i], p.token(ask{}))
		}
	}
	f := r.flow(l, "f", 4, token)
	p.freeze()
	if r.knows(token, "another") { // so that the keys are asked for
		t.Error("the router has a key that there is not")
	}
	f.tokens.Store(&unseen[0])
	f.pass(100)
	p.end()
	f.tokens.Store(&unseen[1])
	f.pass(100)
	before := r.children()
	for _, pid := range before {
		r.signal(pid, syscall.SIGKILL)
	}
	r.eventually("the plugin is there again", func() bool { return len(r.newChildren(before)) > 0 })
	f.tokens.Store(&unseen[2])
	f.pass(200)
	f.halt()
	r.drained()
	l.balance(r, never)
	proved(t, "%d events while the provider was silent and gone: 0 refused", f.sent.Load())
}

// Trust ends: once an issuer was silent for usable_for, its tokens are refused,
// every one, with an answer that says to come back; and those of another issuer
// are not, be it of the same [[auth]] or of one of its own. When it is there again
// they are accepted again.
func TestIdentityTrustEnds(t *testing.T) {
	if !*long {
		t.Skip("it takes minutes: -long")
	}
	for name, together := range map[string]bool{"alone": false, "beside another": true} {
		t.Run(name, func(t *testing.T) { trustEnds(t, together) })
	}
}

func trustEnds(t *testing.T, together bool) {
	const usable, grace = 2 * time.Minute, time.Minute
	minute := map[string]any{"maxAge": 60} // asked often enough to be trusted on
	p, own := nodeIDP(t, minute), jwkstest.Start(t, "", "ES256")
	own.Misbehave(jwkstest.Behaviour{CacheControl: "max-age=60"})
	auth := ofNode("node", p)
	auth.more, auth.config = fmt.Sprintf("usable_for = %q", usable), fmt.Sprintf("ca_file = %q", own.CAFile(t))
	other := auth
	other.name, other.issuers = "own", []string{own.URL()}
	config := identityRoutes + auth.String() + other.String()
	if together {
		auth.issuers = append(auth.issuers, own.URL())
		config = identityRoutes + auth.String()
	}
	r := newRouter(t, config)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	token := p.token(ask{})
	r.trusts(token)
	r.trusts(access(own))
	f := r.flow(l, "f", 1, access(own))
	p.end()
	n := 0
	for end := time.Now().Add(usable + grace); ; n++ {
		if time.Now().After(end) {
			t.Fatalf("ACCEPTED: the provider is gone for %v, and its tokens are taken", usable+grace)
		}
		id := fmt.Sprintf("usable-%d", n)
		a := r.borne(token, note(id))
		if a.says() == "503 trust_unavailable" && a.RetryAfter != "" {
			break
		}
		if a.says() != accepted {
			t.Fatalf("REFUSED: %s", a.Body)
		}
		l.accept(id)
		time.Sleep(retryPause)
	}
	each(500, 8, func(i int) {
		if a := r.borne(token, note(fmt.Sprintf("dead-%d", i))); a.says() != "503 trust_unavailable" {
			t.Errorf("after the end: %s", a.Body)
		}
	})
	f.pass(100)
	minute["port"] = p.port()
	p = nodeIDP(t, minute)
	token = p.token(ask{})
	for end := time.Now().Add(retryWithin); ; time.Sleep(time.Second) {
		a := r.borne(token, note("again"))
		if a.says() == accepted {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the provider is there again, and its tokens get %s", a.Body)
		}
	}
	l.accept("again")
	f.halt()
	r.drained()
	l.balance(r, never)
	proved(t, "%d events until the end, 500 after it: 0 accepted; %d of the other issuer: 0 refused", n, f.sent.Load())
}

// A provider that is well is trusted on, however short usable_for is and however
// long it lets its keys be kept.
func TestIdentityShortTrustIsRenewed(t *testing.T) {
	if !*long {
		t.Skip("it takes minutes: -long")
	}
	const usable = time.Minute
	p := nodeIDP(t, map[string]any{"maxAge": 3600})
	auth := ofNode("node", p)
	auth.more = fmt.Sprintf("usable_for = %q", usable)
	r := newRouter(t, identityRoutes+auth.String())
	l := newLedger(t)
	token := p.token(ask{})
	r.trusts(token)
	n := 0
	for end := time.Now().Add(2 * usable); time.Now().Before(end) && !t.Failed(); n++ {
		r.taken(l, token, fmt.Sprintf("short-%d", n))
		time.Sleep(retryPause)
	}
	l.balance(r, never)
	proved(t, "%d events in %v: 0 refused", n, 2*usable)
}

// retryWithin is how late a provider that was gone is asked again, at most, and
// a minute.
const retryWithin = 6 * time.Minute

// port is where a provider is, for one that takes its place.
func (p *idp) port() int {
	p.Helper()
	u, err := url.Parse(p.issuer)
	if err != nil {
		p.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		p.Fatal(err)
	}
	return port
}
