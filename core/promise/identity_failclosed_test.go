package promise_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// Whatever fails on the path by which a router comes to trust a token, no token
// is accepted by it: neither over HTTP nor over ZeroMQ, neither at once nor after
// a while. Everybody else goes on as ever.
func TestIdentityFailsClosed(t *testing.T) {
	p := buildImpostor(t)
	good := jwkstest.Start(t, "", "ES256")
	t.Run("running", func(t *testing.T) { t.Parallel(); failsRunning(t, p, good) })
	t.Run("starting late", func(t *testing.T) { t.Parallel(); failsLate(t, p, good) })
	t.Run("key file", func(t *testing.T) { t.Parallel(); failsKeyFile(t, good) })
	for _, c := range refusals(t, p, good) {
		t.Run("refused/"+c.name, func(t *testing.T) { t.Parallel(); c.check(t) })
	}
}

// failsRunning has every fault that a router starts with, at once in one router:
// beside each there are keys, an issuer and a plugin without any.
func failsRunning(t *testing.T, p impostor, good *jwkstest.Issuer) {
	f := newFaults(t, good)
	f.dials()
	f.parses()
	f.impostors(p, good.URL())
	healthy := p.auth(t, "healthy", "")
	config := identityRoutes + f.auth.String() + healthy.String()
	for _, c := range f.list {
		if c.auth != nil {
			config += c.auth.String()
		}
	}
	r := newRouter(t, config)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	door := r.dealer()
	sound := []string{access(good), p.token(healthy.issuers[0])}
	for _, token := range sound {
		r.trusts(token)
	}
	round, tried := 0, 0
	told, failed := make(map[string]bool), make(map[string]bool)
	defer func() {
		for _, c := range f.list {
			if t.Failed() && !told[c.name] {
				t.Logf("%s: no %q about %s so far", c.name, c.says, c.about)
			}
		}
	}()
	r.eventually("every fault has lasted", func() bool {
		round++
		lasted := true
		for i := range f.list {
			c := &f.list[i]
			told[c.name] = told[c.name] || r.tells(c)
			lasted = lasted && (told[c.name] || failed[c.name])
			if failed[c.name] || c.after && !told[c.name] {
				continue
			}
			tried++
			failed[c.name] = !r.closed(door, c.name, c.token, unavailable)
			for token, want := range c.other {
				failed[c.name] = !r.closed(door, c.name, token, want) || failed[c.name]
			}
		}
		for i, token := range sound {
			id := fmt.Sprintf("sound-%d-%d", round, i)
			r.taken(l, token, id)
			if a := door.bear(token, note(id+"-zmq")); a.says() != accepted {
				t.Errorf("REFUSED: %s: %s", id, a.Body)
			}
			l.accept(id + "-zmq")
		}
		id := fmt.Sprintf("key-%d", round)
		r.sent(l, id, note(id))
		return lasted
	})
	r.drained()
	l.balance(r, never)
	proved(t, "%d faults, %d tokens by each way: 0 accepted", len(f.list), tried)
}

// tells says whether the router's log says of a fault that it is there, as often
// as it has to.
func (r *router) tells(c *fault) bool {
	r.Helper()
	says, n := regexp.MustCompile(c.says), 0
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, c.about) && says.MatchString(line) {
			n++
		}
	}
	return n >= c.times
}

// closed sends a token by both ways, and wants an answer that is a refusal.
func (r *router) closed(door *dealer, name, token, want string) (ok bool) {
	r.Helper()
	ok = true
	for way, a := range map[string]answer{"http": r.borne(token, note("closed")), "zmq": door.bear(token, note("closed"))} {
		if a.HTTP/100 == 2 || a.StatusCode/100 == 2 {
			r.Errorf("ACCEPTED: %s, over %s: %s", name, way, a.Body)
			ok = false
		} else if a.says() != want {
			r.Errorf("%s, over %s: %s, want %s", name, way, a.Body, want)
			ok = false
		}
	}
	return ok
}

// failsLate has a plugin that never says that it is there: the router waits for it
// a while before it serves anybody.
func failsLate(t *testing.T, p impostor, good *jwkstest.Issuer) {
	f := newFaults(t, good)
	silent := p.auth(t, "silent", "")
	silent.more += "\nenv = { IMPOSTOR = \"silent\" }"
	r := unstarted(t, identityRoutes+f.auth.String()+silent.String())
	token := p.token(silent.issuers[0])
	r.launch()
	knocked := r.knock(token)
	r.eventually("the router answers", func() bool {
		r.refusesToAnswer(token)
		top, err := r.ask.Top(context.Background())
		r.top = top
		return err == nil
	})
	c := &fault{name: "silent", about: "silent", says: "plugin said nothing", times: 1}
	l := newLedger(t)
	r.trusts(access(good))
	r.eventually("it says why", func() bool {
		r.refusesToAnswer(token)
		return r.tells(c)
	})
	knocked()
	r.closed(r.dealer(), c.name, token, unavailable)
	r.taken(l, access(good), "sound")
	r.sent(l, "key", note("key"))
	l.balance(r, never)
}

// failsKeyFile has a key come while the router runs, in a file that others may
// read: it is not taken before nobody else may, and tokens and keys that are there
// do not mind.
func failsKeyFile(t *testing.T, good *jwkstest.Issuer) {
	r := newRouter(t, identityRoutes+newFaults(t, good).auth.String())
	l := newLedger(t)
	r.trusts(access(good))
	const id = "k2"
	secret := webhook.NewSecret()
	signer, err := webhook.NewHMACSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	beside := filepath.Join(r.dir, "beside")
	file := filepath.Join(beside, id+".toml")
	if err := config.WriteKey(beside, config.Key{ID: id, Principal: "other", State: "active", Sources: []string{"//shop.example/**"}, Types: []string{"com.example.**"}}, webhook.FormatSecret(secret)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	taken := filepath.Join(r.dir, "keys", id+".toml")
	if err := os.Rename(file, taken); err != nil {
		t.Fatal(err)
	}
	post := func(event string) string {
		req, err := r.edge.request(t.Context(), "application/cloudevents+json", event, note(event), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(webhook.HeaderKeyID, id)
		at := time.Now()
		req.Header.Set(webhook.HeaderTimestamp, webhook.Timestamp(at))
		req.Header.Set(webhook.HeaderSignature, signer.Sign(event, at, note(event)))
		a, err := r.edge.do(req)
		if err != nil {
			t.Fatal(err)
		}
		return a.says()
	}
	n := 0
	r.eventually("the fault is told", func() bool {
		n++
		if says := post("other"); says != "401 unauthenticated" {
			t.Errorf("a key that others may read gets %s", says)
		}
		r.taken(l, access(good), fmt.Sprintf("token-%d", n))
		id := fmt.Sprintf("key-%d", n)
		r.sent(l, id, note(id))
		keys, err := r.ask.Keys(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return t.Failed() || strings.Contains(fmt.Sprint(keys.SendersFault), "file is open to group or others")
	})
	if says := post("other"); says != "401 unauthenticated" {
		t.Errorf("a key that others may read gets %s", says)
	}
	if err := os.Chmod(taken, 0o600); err != nil {
		t.Fatal(err)
	}
	r.eventually("the key is taken", func() bool { return post("other") == accepted })
	l.accept("other")
	l.balance(r, never)
}
