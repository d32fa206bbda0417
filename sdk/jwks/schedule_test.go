package jwks_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/sdk/jwks"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// asked sleeps until a path was asked for n times, and tells when that was.
func asked(idp *jwkstest.Issuer, path string, n int) time.Time {
	idp.Asked(path, n)
	return time.Now()
}

func TestAnAnswerSaysHowLongItIsFresh(t *testing.T) {
	for _, c := range []struct {
		control string
		random  float64
		want    time.Duration
	}{
		{"", 0.5, 15 * time.Minute},
		{"public, must-revalidate", 0.5, 15 * time.Minute},
		{"max-age=300", 0.5, 5 * time.Minute},
		{"max-age=300", 0, 270 * time.Second},
		{"max-age=300", 1, 330 * time.Second},
		{"public, Max-Age=\"300\"", 0.5, 5 * time.Minute},
		{"max-age=600, max-age=300", 0.5, 5 * time.Minute},
		{"max-age=0", 0.5, time.Minute},
		{"max-age=10", 0.5, time.Minute},
		{"max-age=86400", 0.5, time.Hour},
		{"max-age=99999999999999999999", 0.5, time.Hour},
		{"max-age=soon", 0.5, time.Minute},
		{"max-age=-1", 0.5, time.Minute},
		{"no-store", 0.5, time.Minute},
		{"max-age=300, no-cache", 0.5, time.Minute},
	} {
		t.Run(fmt.Sprintf("%s %v", c.control, c.random), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				idp := n.issuer(t, first, "EdDSA")
				idp.Misbehave(jwkstest.Behaviour{CacheControl: c.control})
				watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA").Within(n.dial, c.random))
				began := asked(idp, jwkstest.KeysPath, 1)
				for again := 2; again < 5; again++ { // also after answers that are 304
					now := asked(idp, jwkstest.KeysPath, again)
					if got := now.Sub(began); got != c.want {
						t.Errorf("asked again after %s: want %s", got, c.want)
					}
					began = now
				}
			})
		})
	}
}

func TestFailuresAreSpacedOut(t *testing.T) {
	for random, want := range map[float64][]time.Duration{
		0:   {1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 64 * time.Second, 128 * time.Second, 150 * time.Second, 150 * time.Second},
		0.5: {1500 * time.Millisecond, 3 * time.Second, 6 * time.Second, 12 * time.Second, 24 * time.Second, 48 * time.Second, 96 * time.Second, 192 * time.Second, 225 * time.Second, 225 * time.Second},
		1:   {2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 64 * time.Second, 128 * time.Second, 256 * time.Second, 300 * time.Second, 300 * time.Second},
	} {
		t.Run(fmt.Sprint(random), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				idp := n.issuer(t, first, "EdDSA")
				idp.Misbehave(jwkstest.Behaviour{Status: 500})
				w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA").Within(n.dial, random))
				began := asked(idp, jwkstest.DiscoveryPath, 1)
				for i, delay := range want {
					now := asked(idp, jwkstest.DiscoveryPath, i+2)
					if got := now.Sub(began); got != delay {
						t.Errorf("try %d comes after %s: want %s", i+2, got, delay)
					}
					began = now
				}
				idp.Misbehave(jwkstest.Behaviour{})
				asked(idp, jwkstest.KeysPath, 1)
				if len(w.all()) != 1 {
					t.Error("no bundle after the issuer has recovered")
				}
				idp.Misbehave(jwkstest.Behaviour{Status: 500})
				began = asked(idp, jwkstest.KeysPath, 2)
				if got := asked(idp, jwkstest.DiscoveryPath, len(want)+3).Sub(began); got != want[0] {
					t.Errorf("after a success the first failure is followed up after %s: want %s", got, want[0])
				}
			})
		})
	}
}

func TestHintsAreFewFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp, other := n.issuer(t, first, "EdDSA"), n.issuer(t, second, "EdDSA")
		for _, i := range []*jwkstest.Issuer{idp, other} {
			i.Misbehave(jwkstest.Behaviour{CacheControl: "max-age=3600"})
		}
		w := watch(t, n.options([]*jwkstest.Issuer{idp, other}, "EdDSA"))
		w.last(t)
		began, before := time.Now(), idp.Requests(jwkstest.KeysPath)
		for k := range 10_000 { // 100 s of them
			w.provider.Hint(t.Context(), idp.URL(), fmt.Sprintf("nobody-has-%d", k))
			time.Sleep(10 * time.Millisecond)
			since := time.Since(began)
			most := 1 + int(since/jwks.HintEvery)
			if got := idp.Requests(jwkstest.KeysPath) - before; got > most {
				t.Fatalf("%d fetches after %s of hints: want at most %d", got, since, most)
			}
		}
		synctest.Wait()
		if got := idp.Requests(jwkstest.KeysPath) - before; got != 4 {
			t.Errorf("%d fetches after 100 s of hints: want 4", got)
		}
		if got := other.Requests(jwkstest.KeysPath); got != 1 {
			t.Errorf("the other issuer was asked %d times: want once", got)
		}
	})
}

func TestAHintBringsANewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		old := idp.Keys()[0]
		w.last(t)
		for _, known := range []struct{ issuer, kid string }{{idp.URL(), old.ID}, {"https://example.org", "new"}} {
			w.provider.Hint(t.Context(), known.issuer, known.kid)
			synctest.Wait()
			if got := idp.Requests(jwkstest.KeysPath); got != 1 {
				t.Errorf("a hint of %v made it %d fetches", known, got)
			}
		}
		began := time.Now()
		for round := range 3 { // what comes within 30 s of a hint waits, and is not lost
			k := idp.Rotate("EdDSA")
			w.provider.Hint(t.Context(), idp.URL(), k.ID)
			for !holds(w.last(t), k) {
				time.Sleep(time.Second)
			}
			if got, want := time.Since(began), time.Duration(round)*jwks.HintEvery; got != want {
				t.Errorf("new key %d is there after %s: want %s", round+1, got, want)
			}
			if !holds(w.last(t), old) {
				t.Error("the old key is gone while it is still published")
			}
		}
		idp.Drop(old.ID)
		asked(idp, jwkstest.KeysPath, idp.Requests(jwkstest.KeysPath)+1)
		if holds(w.last(t), old) {
			t.Error("a key is there that is not published any more")
		}
	})
}

func TestAHintDoesNotWaitForABackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		idp.Misbehave(jwkstest.Behaviour{Status: 503})
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		asked(idp, jwkstest.DiscoveryPath, 12)
		synctest.Wait()
		idp.Misbehave(jwkstest.Behaviour{})
		w.provider.Hint(t.Context(), idp.URL(), "new")
		if len(w.all()) != 1 {
			t.Error("no bundle at once after a hint")
		}
	})
}

func TestTimeInACacheCounts(t *testing.T) {
	for age, want := range map[string]time.Duration{"": 10 * time.Minute, "120": 8 * time.Minute, "599": time.Minute, "9999999999": time.Minute, "x": 10 * time.Minute} {
		h := http.Header{"Cache-Control": {"public", "max-age=600"}}
		if age != "" {
			h.Set("Age", age)
		}
		if got := jwks.FreshFor(h); got != want {
			t.Errorf("of age %q it is fresh for %s: want %s", age, got, want)
		}
	}
}
