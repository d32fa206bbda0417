package promise_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/webhook"
)

const keyRoutes = `
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["orders"]
`

// sender is a producer's key.
type sender struct {
	id     string
	signer *webhook.Signer
}

// sender reads a key from the router's key directory, as its producer is given it.
func (r *router) sender(id string) *sender {
	r.Helper()
	cfg, err := config.Load([]string{filepath.Join(r.dir, "headgate.toml")}, config.Options{})
	if err != nil {
		r.Fatal(err)
	}
	for _, k := range cfg.Auth[0].Keys {
		if k.ID == id {
			signer, err := webhook.NewHMACSigner(k.Material.Reveal())
			if err != nil {
				r.Fatal(err)
			}
			return &sender{id, signer}
		}
	}
	r.Fatalf("no key %s", id)
	panic("unreachable")
}

// postAs sends one event with a key.
func (r *router) postAs(s *sender, id string) (answer, error) {
	body, at := order("order.created", id, ""), time.Now()
	req, err := r.edge.request(context.Background(), "application/cloudevents+json", id, body, at)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set(webhook.HeaderKeyID, s.id)
	req.Header.Set(webhook.HeaderSignature, s.signer.Sign(id, at, body))
	return r.edge.do(req)
}

// shop is producers that share a key, and change over to another together.
type shop struct {
	*load
	r *router

	posting sync.RWMutex // held while a request is under way
	key     *sender
	sent    atomic.Int64
}

// shop starts so many producers. Whatever happens, each event has to be accepted
// at its first try.
func (r *router) shop(l *ledger, producers int, key *sender) *shop {
	s := &shop{load: &load{stop: make(chan struct{})}, r: r, key: key}
	for producer := range producers {
		s.going.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-s.stop:
					return
				case <-time.After(time.Millisecond):
				}
				id := fmt.Sprintf("s%d-%d", producer, n)
				s.posting.RLock()
				by := s.key
				a, err := r.postAs(by, id)
				s.posting.RUnlock()
				if err != nil || a.says() != accepted {
					r.Errorf("REFUSED: %s by %s: %s, %v", id, by.id, a.Body, err)
					return
				}
				l.accept(id)
				s.sent.Add(1)
			}
		})
	}
	r.Cleanup(s.halt)
	return s
}

// change has every producer use another key. After it no request by the old one
// is under way.
func (s *shop) change(to *sender) {
	s.posting.Lock()
	defer s.posting.Unlock()
	s.key = to
}

// pass waits until so many more events were accepted.
func (s *shop) pass(n int64) {
	s.r.Helper()
	until := s.sent.Load() + n
	s.r.eventually("more events pass", func() bool { return s.sent.Load() >= until || s.r.Failed() })
	if s.r.Failed() {
		s.r.FailNow()
	}
}

// D14: a producer's key that gets a successor, is changed over and revoked, over
// and over under load, costs not one event.
func TestD14RotationsRefuseNobody(t *testing.T) {
	r := newRouter(t, keyRoutes)
	l := newLedger(t)
	r.take(taking{channel: "orders"}, doing(l))
	s := r.shop(l, 4, r.sender(keyID))
	old := keyID
	for n := range *rotations {
		next := fmt.Sprintf("k1-%d", n+2)
		said := r.says("key", "rotate", old, "--why", "test")
		if !strings.Contains(said, "The router takes "+next) {
			t.Fatalf("rotate says\n%s", said)
		}
		s.pass(10) // by the one that retires
		last := s.key
		s.change(r.sender(next))
		s.pass(10)
		r.says("key", "revoke", old, "--force", "--why", "test")
		if a, err := r.postAs(last, "late-"+old); err != nil || a.HTTP != http.StatusUnauthorized {
			t.Errorf("%s is revoked: %s, %v", old, a.Body, err)
		}
		s.pass(10)
		old = next
	}
	s.halt()
	r.drained()
	l.balance(r, never)
	proved(t, "%d rotations, %d events: 0 refused", *rotations, s.sent.Load())
}

// revokedWithin is far above the second that is promised: what a busy machine may
// add to it is no fault of the router's.
const revokedWithin = 5 * time.Second

// D14: a revoked key is dead at once, and all that it has queued stays where it is
// if the operator says so, to the last event that was accepted by it.
func TestD14ARevokedKeyIsDead(t *testing.T) {
	r := newRouter(t, keyRoutes)
	l := newLedger(t)
	r.says("key", "new", "other", "--source", "//shop.example/**", "--type", "com.example.**")
	good, bad := r.sender("other"), r.sender(keyID)
	r.eventually("the new key is taken", func() bool {
		a, err := r.postAs(good, "good-0")
		return err == nil && (a.says() == accepted || a.says() == duplicate)
	})
	l.accept("good-0")
	var leaked []string
	for n := range 1100 { // more than a page of events
		id := fmt.Sprintf("bad-%d", n)
		if a, err := r.postAs(bad, id); err != nil || a.says() != accepted {
			t.Fatalf("%s: %s, %v", id, a.Body, err)
		}
		l.accept(id)
		leaked = append(leaked, id)
	}

	began := time.Now()
	var thief sync.WaitGroup
	var last time.Time // that the revoked key was any good
	stop := make(chan struct{})
	thief.Go(func() {
		refused := 0
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			id := fmt.Sprintf("stolen-%d", n)
			switch a, err := r.postAs(bad, id); {
			case err != nil:
				t.Error(err)
				return
			case a.HTTP == http.StatusUnauthorized:
				refused++
			case a.says() == accepted && refused == 0:
				l.accept(id)
				leaked, last = append(leaked, id), time.Now()
			default:
				t.Errorf("after %d refusals: %s", refused, a.Body)
				return
			}
		}
	})
	said := r.says("key", "revoke", keyID, "--force", "--hold", "--why", "leaked")
	dead := time.Now()
	if a, err := r.postAs(bad, "after"); err != nil || a.HTTP != http.StatusUnauthorized {
		t.Errorf("after the command: %s, %v", a.Body, err)
	}
	close(stop)
	thief.Wait()
	if last.Sub(began) > revokedWithin {
		t.Errorf("the key was good for %v", last.Sub(began))
	}
	if want := fmt.Sprintf("hold: %d events", len(leaked)); !strings.Contains(said, want) {
		t.Errorf("the command says %q, not %s", said, want)
	}

	r.take(taking{channel: "orders"}, doing(l))
	if a, err := r.postAs(good, "good-1"); err != nil || a.says() != accepted {
		t.Fatalf("good-1: %s, %v", a.Body, err)
	}
	l.accept("good-1")
	r.eventually("what others sent is done", func() bool { return l.did("orders", "good-0", "good-1") })
	if _, done := l.count(); done != 2 || r.channel("orders").Held != len(leaked) {
		t.Errorf("%d done, %d held of %d", done, r.channel("orders").Held, len(leaked))
	}
	r.crash() // what is held stays so, and what is revoked
	if a, err := r.postAs(bad, "later"); err != nil || a.HTTP != http.StatusUnauthorized {
		t.Errorf("after a restart: %s, %v", a.Body, err)
	}
	r.says("event", "release", "--all", "--key", keyID, "--why", "they were ours")
	r.drained()
	if b := l.balance(r, never); b.done != len(leaked)+2 {
		t.Errorf("%v", b)
	}
	proved(t, "the key was good for %v after the command began, which took %v with its hold; %d events held, among them %d of the last moment",
		last.Sub(began).Round(time.Millisecond), dead.Sub(began).Round(time.Millisecond), len(leaked), len(leaked)-1100)
}

// follower is a consumer that has the router's keys from its door.
type follower struct {
	*consumer.Consumer
	stop func()
}

func (r *router) follow(l *ledger) *follower {
	r.Helper()
	c, err := consumer.New(consumer.Options{Connect: []string{r.address("orders")}, Channel: "orders",
		Keys: consumer.KeysFromURL(r.edge.url + "/.well-known/jwks.json"), Parallel: prefetch, Remember: 1})
	if err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var going sync.WaitGroup
	going.Go(func() {
		if err := c.Run(ctx, doing(l)); err != nil {
			r.Errorf("consumer: %v", err)
		}
	})
	f := &follower{Consumer: c, stop: func() { cancel(); going.Wait() }}
	r.Cleanup(f.stop)
	return f
}

// took waits until the consumer has opened so many more deliveries.
func (f *follower) took(r *router, n uint64) {
	r.Helper()
	until := f.Counts().Opened + n
	r.eventually("more deliveries are opened", func() bool { return f.Counts().Opened >= until })
}

// D14: the delivery key is replaced under load, and consumers that read the JWK Set
// take every delivery at its first attempt: one that knows the key before it signs
// has nothing to refuse, and one that does not reads the set once more.
func TestD14DeliveryKeyRotationsRefuseNobody(t *testing.T) {
	r := newRouter(t, keyRoutes)
	l := newLedger(t)
	early := r.follow(l)
	s := r.shop(l, 4, r.sender(keyID))
	early.took(r, 20)
	var known *follower
	for n := range *rotations {
		first := kidIn(r)
		r.says("key", "rotate", "--delivery", "--why", "test")
		if kidIn(r) != first {
			t.Fatal("a key signs at once")
		}
		before := known
		known = r.follow(l) // has both keys
		known.took(r, 20)
		if n > 0 {
			before.stop()
		}
		r.says("key", "rotate", "--delivery", "--lead", "1ns", "--why", "test")
		if kidIn(r) == first {
			t.Fatal("the same key signs")
		}
		known.took(r, 50)
		if n == 0 {
			early.took(r, 50) // by a key that it had to read anew
			early.stop()
		}
		r.says("key", "rotate", "--delivery", "--force", "--why", "test")
		s.pass(10)
		if refused := known.Counts().Refused; len(refused) > 0 {
			t.Errorf("refused: %v", refused)
		}
	}
	s.halt()
	r.drained()
	l.balance(r, never)
	for check, n := range early.Counts().Refused {
		if check != "kid" { // each was opened once the keys were read
			t.Errorf("%d deliveries refused for their %s", n, check)
		}
	}
	if again := l.flagged(); again > 0 {
		t.Errorf("%d deliveries came again", again)
	}
	if strings.Contains(r.log.String(), "never published") {
		t.Error("a key has signed that was not published")
	}
	proved(t, "%d rotations, %d events: 0 refused, 0 delivered again", *rotations, s.sent.Load())
}

// kidIn is the delivery key that the router signs with.
func kidIn(r *router) string {
	r.Helper()
	keys, err := r.ask.Keys(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	for _, k := range keys.Delivery {
		if k.Signs {
			return k.ID
		}
	}
	r.Fatal("no key signs")
	panic("unreachable")
}
