package jwt_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/signature/jwt"
)

func TestCacheGoesByExactBytes(t *testing.T) {
	v := verifier(t, policy())
	text := sign("p256", good())
	token, err := v.Verify(text, now)
	if err != nil {
		t.Fatal(err)
	}
	c := jwt.NewCache(100)
	c.Put(text, v, token)
	if gotV, got := c.Get(text); gotV != v || got != token {
		t.Error("what was put is not there")
	}
	twin := malleated(text)
	for name, other := range map[string]string{
		"the twin of its signature": twin,
		"a byte more":               text + "A",
		"a byte less":               text[:len(text)-1],
		"trailing bits":             trailingBits(text),
		"nothing":                   "",
	} {
		if gotV, got := c.Get(other); gotV != nil || got != nil {
			t.Errorf("%s is there", name)
		}
	}
	again, err := v.Verify(twin, now)
	if err != nil {
		t.Fatal(err)
	}
	c.Put(twin, v, again)
	if _, got := c.Get(twin); got != again {
		t.Error("the twin has no entry of its own")
	}
	if _, got := c.Get(text); got != token {
		t.Error("the twin took the entry of the first")
	}
}

// A token that verified under keys since replaced says so by its Verifier.
func TestCacheSaysWhoVerified(t *testing.T) {
	before, after := verifier(t, policy()), verifier(t, policy())
	c := jwt.NewCache(100)
	c.Put("t", before, &jwt.Token{})
	c.Put("t", after, &jwt.Token{})
	if v, _ := c.Get("t"); v != after {
		t.Error("the older Verifier is there yet")
	}
}

func TestCacheIsBounded(t *testing.T) {
	for _, entries := range []int{-1, 0, 1, 32, 33, 1000} {
		c, most := jwt.NewCache(entries), (max(entries, 0)+31)/32*32
		v := verifier(t, policy())
		for i := range 10 * (most + 10) {
			c.Put(fmt.Sprint(i), v, &jwt.Token{})
			c.Get(fmt.Sprint(i / 2))
			if n := c.Len(); n > most {
				t.Fatalf("of %d entries there are %d", entries, n)
			}
		}
		if n := c.Len(); n < most/2 {
			t.Errorf("of %d entries only %d are used", entries, n)
		}
	}
}

// What is asked for stays, whatever else comes by.
func TestCacheKeepsWhatIsAskedFor(t *testing.T) {
	c, v, kept := jwt.NewCache(320), verifier(t, policy()), &jwt.Token{}
	c.Put("kept", v, kept)
	for i := range 10_000 {
		c.Put(fmt.Sprint(i), v, &jwt.Token{})
		if _, got := c.Get("kept"); got != kept {
			t.Fatalf("gone after %d others", i)
		}
	}
	if _, got := c.Get("0"); got != nil {
		t.Error("what nobody asks for is there yet")
	}
}

func TestCacheIsSafeForConcurrentUse(t *testing.T) {
	c, v := jwt.NewCache(64), verifier(t, policy())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				id := fmt.Sprint(i % 200)
				c.Put(id, v, &jwt.Token{ID: id})
				if gotV, got := c.Get(id); got != nil && (got.ID != id || gotV != v) {
					t.Errorf("got %s for %s", got.ID, id)
				}
			}
		})
	}
	wg.Wait()
}

func TestVerifierIsSafeForConcurrentUse(t *testing.T) {
	v := verifier(t, policy())
	var wg sync.WaitGroup
	for _, kid := range []string{"rsa", "p256", "p384", "ed"} {
		wg.Go(func() {
			text := sign(kid, good())
			for range 50 {
				if token, err := v.Verify(text, now); err != nil || token.KeyID != kid {
					t.Errorf("%s: got %+v, %v", kid, token, err)
				}
			}
		})
	}
	wg.Wait()
}
