package jwt_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/core/signature/jwt"
)

func TestCacheGoesByExactBytes(t *testing.T) {
	v := verifier(t, policy())
	text := sign("p256", good())
	token, err := check(v, text, now)
	if err != nil {
		t.Fatal(err)
	}
	c := jwt.NewCache(1 << 20)
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
	again, err := check(v, twin, now)
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
	c := jwt.NewCache(1 << 20)
	c.Put("t", before, &jwt.Token{})
	c.Put("t", after, &jwt.Token{})
	if v, _ := c.Get("t"); v != after {
		t.Error("the older Verifier is there yet")
	}
}

func TestCacheIsBounded(t *testing.T) {
	for _, most := range []int{-1, 0, 1, 40 << 10, 1 << 20} {
		c, v := jwt.NewCache(most), verifier(t, policy())
		for i := range 2000 {
			c.Put(fmt.Sprint(i), v, &jwt.Token{})
			c.Get(fmt.Sprint(i / 2))
			if n := c.Bytes(); n > max(0, most) {
				t.Fatalf("of %d bytes %d are used", most, n)
			}
		}
		if n := c.Bytes(); most > 100<<10 && n < most/3 {
			t.Errorf("of %d bytes only %d are used", most, n)
		}
	}
}

// Large tokens take the place of many small ones, and the memory is what was said.
func TestCacheIsBoundedInBytes(t *testing.T) {
	const most = 8 << 20
	v := verifier(t, policy())
	token := func(i, tags int) *jwt.Token {
		of := make(map[string]any)
		for n := range tags {
			of[fmt.Sprintf("tag-%d-%d", n, i)] = fmt.Sprintf("%060d", n)
		}
		return &jwt.Token{ID: fmt.Sprint(i), Claims: map[string]any{"iss": "https://login.example", "jti": fmt.Sprint(i), "exp": json.Number(fmt.Sprint(i)), "groups": []any{fmt.Sprint(i)}, "tags": of}}
	}
	for _, tags := range []int{0, 5, 50} {
		c := jwt.NewCache(most)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range 10_000 {
			c.Put(fmt.Sprint(i), v, token(i, tags))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		used := int(after.HeapAlloc) - int(before.HeapAlloc)
		t.Logf("%d tags: %d tokens, %d bytes by the estimate, %d in truth", tags, c.Len(), c.Bytes(), used)
		if used > most*5/4 || c.Bytes() > most || c.Bytes() < most/3 {
			t.Errorf("%d tags: %d bytes by the estimate, %d in truth", tags, c.Bytes(), used)
		}
		runtime.KeepAlive(c)
	}
	c := jwt.NewCache(most)
	c.Put("huge", v, &jwt.Token{ID: strings.Repeat("x", 100), Claims: map[string]any{"x": strings.Repeat("x", most/32)}})
	if c.Len() != 0 {
		t.Error("one token has the room of all of a shard")
	}
}

// What is asked for stays, whatever else comes by.
func TestCacheKeepsWhatIsAskedFor(t *testing.T) {
	c, v, kept := jwt.NewCache(1<<20), verifier(t, policy()), &jwt.Token{}
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
	c, v := jwt.NewCache(256<<10), verifier(t, policy())
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
				if token, err := check(v, text, now); err != nil || token.KeyID != kid {
					t.Errorf("%s: got %+v, %v", kid, token, err)
				}
			}
		})
	}
	wg.Wait()
}
