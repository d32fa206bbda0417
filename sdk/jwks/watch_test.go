package jwks_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// holds reports whether a bundle has exactly the text of a key.
func holds(b sdk.TrustBundle, k jwkstest.Key) bool {
	for _, i := range b.Issuers {
		for _, text := range i.Keys {
			if bytes.Equal(text, k.JWK()) {
				return true
			}
		}
	}
	return false
}

func TestABundleIsWhatWasConfiguredAndFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "RS256", "ES256", "ES384", "EdDSA")
		idp.Misbehave(jwkstest.Behaviour{CacheControl: "max-age=600"})
		o := n.options([]*jwkstest.Issuer{idp}, "RS256", "ES256", "ES384", "EdDSA")
		o.Sources[0].Trust.Rules = sdk.TokenRules{Client: "/cid"}
		w := watch(t, o)
		began := time.Now()
		b := w.last(t)
		if !b.FetchedAt.Equal(began) || !b.FreshUntil.Equal(began.Add(20*time.Minute)) || !b.UsableUntil.Equal(began.Add(24*time.Hour)) {
			t.Errorf("fetched at %s, fresh until %s, usable until %s", b.FetchedAt, b.FreshUntil, b.UsableUntil)
		}
		i := b.Issuers[0]
		if len(b.Issuers) != 1 || i.Issuer != idp.URL() || !slices.Equal(i.Audiences, []string{"api://headgate"}) || len(i.Algs) != 4 ||
			i.Leeway != time.Minute || i.MaxLifetime != time.Hour || i.Rules.Client != "/cid" || len(i.Keys) != 4 {
			t.Errorf("the bundle is %+v", b)
		}
		for _, k := range idp.Keys() {
			if !holds(b, k) {
				t.Errorf("the key for %s is missing", k.Alg)
			}
		}
		if away := n.elsewhere(first); away != nil {
			t.Errorf("also dialled: %v", away)
		}
	})
}

// An issuer that never answered is left out, one that does not answer any more
// grows old alone, and neither holds up the other.
func TestIssuersDoNotInfluenceOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		good, bad := n.issuer(t, first, "EdDSA"), n.issuer(t, second, "EdDSA")
		never := make(chan struct{})
		bad.Misbehave(jwkstest.Behaviour{Slow: never})
		w := watch(t, n.options([]*jwkstest.Issuer{bad, good}, "EdDSA"))
		began := time.Now()
		if b := w.last(t); len(b.Issuers) != 1 || b.Issuers[0].Issuer != good.URL() || !b.FetchedAt.Equal(began) {
			t.Fatalf("beside one that hangs the first bundle is %+v", b)
		}
		time.Sleep(10*time.Minute - time.Second)
		if got := good.Requests(jwkstest.KeysPath); got != 1 {
			t.Errorf("the good issuer was asked %d times: want once", got)
		}
		bad.Misbehave(jwkstest.Behaviour{})
		for len(w.last(t).Issuers) == 1 {
			time.Sleep(time.Second)
		}
		both := time.Now()
		bad.Misbehave(jwkstest.Behaviour{Down: true})
		time.Sleep(2 * time.Hour)
		b := w.last(t)
		if b.Issuers[0].Issuer != bad.URL() || len(b.Issuers[0].Keys) != 1 {
			t.Fatalf("the keys of the last time are gone: %+v", b)
		}
		old, fresh := b.Issuers[0], b.Issuers[1]
		if old.FreshUntil.After(both.Add(30*time.Minute)) || old.UsableUntil.After(both.Add(24*time.Hour)) || old.UsableUntil.Before(both.Add(23*time.Hour)) {
			t.Errorf("two hours old, it is fresh until %s and usable until %s", old.FreshUntil, old.UsableUntil)
		}
		if !fresh.FreshUntil.Equal(b.FreshUntil) || !fresh.UsableUntil.Equal(b.UsableUntil) || b.FetchedAt.Before(time.Now().Add(-15*time.Minute)) {
			t.Errorf("the good issuer is as old as the other: %+v", b)
		}
	})
}

// What is refused is logged once and offered each minute, without a fetch, until it
// is taken.
func TestARefusedBundleGoesOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		idp.Misbehave(jwkstest.Behaviour{CacheControl: "max-age=3600"})
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		w.last(t)
		time.Sleep(10 * time.Minute)
		if len(w.all()) != 1 {
			t.Fatalf("%d bundles where the first was taken", len(w.all()))
		}
		k := idp.Rotate("EdDSA")
		w.answer(errors.New("too much for this gate"))
		w.provider.Hint(t.Context(), idp.URL(), k.ID)
		time.Sleep(10*time.Minute + time.Second)
		all := w.all()
		if len(all) != 12 || strings.Count(w.log.String(), "too much for this gate") != 1 || idp.Requests(jwkstest.KeysPath) != 2 {
			t.Errorf("%d bundles after %d requests; the log is:\n%s", len(all), idp.Requests(jwkstest.KeysPath), w.log)
		}
		for n, b := range all[1:] {
			if b.Version <= all[n].Version || !holds(b, k) {
				t.Errorf("bundle %d does not come after the one before: %+v", n+2, b)
			}
		}
		w.answer(nil)
		time.Sleep(time.Minute)
		if len(w.all()) != 13 || !strings.Contains(w.log.String(), "taken again") {
			t.Errorf("%d bundles; the log is:\n%s", len(w.all()), w.log)
		}
		time.Sleep(10 * time.Minute)
		if len(w.all()) != 13 {
			t.Errorf("%d bundles where the last was taken", len(w.all()))
		}
	})
}

// A hint for a key that is known here says that the router lacks it.
func TestAHintForAKnownKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		idp.Misbehave(jwkstest.Behaviour{CacheControl: "max-age=3600"})
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		w.last(t)
		hint := func() int {
			w.provider.Hint(t.Context(), idp.URL(), idp.Keys()[0].ID)
			return len(w.all())
		}
		if got := hint(); got != 1 {
			t.Errorf("%d bundles: the first had just gone out", got)
		}
		w.answer(errors.New("not now"))
		time.Sleep(2 * time.Minute)
		if got := hint(); got != 2 {
			t.Errorf("%d bundles after a hint", got)
		}
		w.answer(nil)
		if got := hint(); got != 3 {
			t.Errorf("%d bundles after a hint for one that was refused", got)
		}
		for range 100 {
			hint()
		}
		if got := len(w.all()); got != 3 || idp.Requests(jwkstest.KeysPath) != 1 {
			t.Errorf("%d bundles after a flood of hints, and %d requests", got, idp.Requests(jwkstest.KeysPath))
		}
	})
}

// A router that connects anew finds what was fetched, by a version that rises,
// and asks nobody.
func TestWatchAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		before := w.last(t)
		w.stop()
		w.again(t)
		all := w.all()
		if len(all) != 2 || all[1].Version <= before.Version || !all[1].FetchedAt.Equal(before.FetchedAt) || idp.Requests(jwkstest.KeysPath) != 1 {
			t.Errorf("watched anew: %+v after %d requests", all, idp.Requests(jwkstest.KeysPath))
		}
		time.Sleep(15 * time.Minute)
		if len(w.all()) != 3 {
			t.Error("it does not follow any more")
		}
		w.stop()
		time.Sleep(25 * time.Hour) // nobody watched, and all is too old
		idp.Misbehave(jwkstest.Behaviour{Down: true})
		w.again(t)
		if len(w.all()) != 3 {
			t.Error("a bundle that nobody can use is published")
		}

		// Another provider in the same process begins above.
		last := w.last(t).Version
		idp.Misbehave(jwkstest.Behaviour{})
		if b := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA")).last(t); b.Version <= last {
			t.Errorf("another provider begins with version %d, not above %d", b.Version, last)
		}
	})
}

func TestASecondWatchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		w.last(t)
		published := make(chan struct{}, 1)
		over := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			over <- w.provider.Watch(ctx, func(context.Context, sdk.TrustBundle) error { published <- struct{}{}; return nil })
		}()
		synctest.Wait()
		select {
		case <-published:
			t.Error("two watches publish")
		default:
		}
		w.stop()
		<-published
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("it ends by %v", err)
		}
	})
}

func TestThePlaceOfTheKeysIsReadDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		idp.Misbehave(jwkstest.Behaviour{CacheControl: "max-age=3600"})
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		time.Sleep(23 * time.Hour)
		if got := idp.Requests(jwkstest.DiscoveryPath); got != 1 {
			t.Errorf("discovery is read %d times in 23 hours: want once", got)
		}
		asked(idp, jwkstest.DiscoveryPath, 2)
		if len(w.all()) != 25 {
			t.Errorf("%d bundles in 24 hours: want 25", len(w.all()))
		}

		// It answers no more: for a day the old place serves, and then none.
		idp.Misbehave(jwkstest.Behaviour{Path: jwkstest.DiscoveryPath, Issuer: "https://evil.example"})
		time.Sleep(47 * time.Hour)
		before := w.last(t)
		if time.Since(before.FetchedAt) > time.Hour || !strings.Contains(w.log.String(), "evil.example") {
			t.Errorf("the last bundle is %s old; the log is:\n%s", time.Since(before.FetchedAt), w.log)
		}
		time.Sleep(4 * time.Hour)
		if after := w.last(t); time.Since(after.FetchedAt) < 2*time.Hour {
			t.Errorf("keys are fetched from a place that was last found 51 hours ago: %s", after.FetchedAt)
		}
	})
}

func TestKeysThatMovedAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp, other := n.issuer(t, first, "EdDSA"), n.issuer(t, second, "EdDSA")
		o := n.options([]*jwkstest.Issuer{idp}, "EdDSA")
		o.Sources[0].KeyHosts = []string{second}
		w := watch(t, o)
		w.last(t)
		idp.Misbehave(jwkstest.Behaviour{Status: 404, Path: jwkstest.KeysPath})
		asked(idp, jwkstest.KeysPath, 2)
		synctest.Wait()
		idp.Misbehave(jwkstest.Behaviour{KeysURL: other.URL() + jwkstest.KeysPath})
		time.Sleep(2 * time.Second)
		if !holds(w.last(t), other.Keys()[0]) {
			t.Errorf("the keys are not found at their new place; the log is:\n%s", w.log)
		}
	})
}

func TestURLsThatAreConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp, other := n.issuer(t, first, "EdDSA"), n.issuer(t, second, "EdDSA")
		o := n.options([]*jwkstest.Issuer{idp}, "EdDSA")
		o.Sources[0].Keys = other.URL() + jwkstest.KeysPath
		if b := watch(t, o).last(t); b.Issuers[0].Issuer != idp.URL() || !holds(b, other.Keys()[0]) || idp.Requests(jwkstest.DiscoveryPath) != 0 {
			t.Errorf("from the URL of its keys it has %+v", b)
		}
		other.Misbehave(jwkstest.Behaviour{Issuer: idp.URL(), KeysURL: idp.URL() + jwkstest.KeysPath})
		o.Sources[0].Keys, o.Sources[0].Discovery = "", other.URL()+jwkstest.DiscoveryPath
		if b := watch(t, o).last(t); !holds(b, idp.Keys()[0]) || idp.Requests(jwkstest.DiscoveryPath) != 0 {
			t.Errorf("from the URL of its discovery it has %+v", b)
		}
	})
}

// A publish that blocks holds up no fetch, and the bundle after it is the newest.
func TestASlowRouter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		o := n.options([]*jwkstest.Issuer{idp}, "EdDSA")
		p, err := jwks.New(o)
		if err != nil {
			t.Fatal(err)
		}
		taken := make(chan sdk.TrustBundle)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() {
			over <- p.Watch(ctx, func(ctx context.Context, b sdk.TrustBundle) error {
				select {
				case taken <- b:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}()
		synctest.Wait()
		time.Sleep(time.Hour)
		k := idp.Rotate("EdDSA")
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		<-taken
		if b := <-taken; !holds(b, k) || idp.Requests(jwkstest.KeysPath) != 6 {
			t.Errorf("after %d requests the second bundle is %+v", idp.Requests(jwkstest.KeysPath), b)
		}
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("it ends by %v", err)
		}
	})
}
