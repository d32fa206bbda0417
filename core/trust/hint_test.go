package trust_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/trust"
)

// stranger is a token by a key that nobody knows.
func stranger(t *testing.T, iss, kid string) trust.Credential {
	t.Helper()
	return shown(signed(t, kid, 99, good(claims{"iss": iss})))
}

// hints takes all that are due.
func (h *house) hints(at time.Time) (list []trust.Hint, wait time.Duration) {
	for {
		hint, wait, ok := h.okta.Hint(at)
		if !ok {
			return list, wait
		}
		list = append(list, hint)
	}
}

// V57: a stream of unknown key ids is a hint in 30 seconds for each issuer.
func TestHints(t *testing.T) {
	h := newHouse(t)
	for n := range 300 {
		at := now.Add(time.Duration(n) * 99 * time.Millisecond) // up to 29.6 s
		_, err := h.Authenticate(stranger(t, staff, fmt.Sprintf("x%d", n)), at)
		wantRefusal(t, err, trust.CodeUnauthenticated, string(jwt.KeyUnknown))
		if got, _ := h.hints(at); (n == 0) != slices.Equal(got, []trust.Hint{{Issuer: staff, KeyID: "x0"}}) {
			t.Fatalf("after %d: %v", n, got)
		}
	}
	at := now.Add(30 * time.Second)
	if got, _ := h.hints(at); !slices.Equal(got, []trust.Hint{{Issuer: staff, KeyID: "x299"}}) {
		t.Errorf("got %v", got)
	}
	at = at.Add(20 * time.Minute)
	for _, c := range []trust.Credential{
		stranger(t, "https://evil.example", "x"),        // nobody's issuer
		shown(signed(t, "k1", 99, good(nil))),           // a known key
		shown(signed(t, "k 1", 99, good(nil))),          // no key's id
		shown(signed(t, "", 99, good(nil))),             //
		{Authorization: []string{"Bearer eyJ.eyJ.eyJ"}}, // no token
	} {
		if _, err := h.Authenticate(c, now.Add(time.Minute)); err == nil {
			t.Error("taken")
		}
	}
	if got, wait := h.hints(at); got != nil || wait != 0 {
		t.Errorf("hints for what could not be fetched: %v, and after %v", got, wait)
	}
	// Each issuer has its own, and nobody has to read them.
	for n := range 5 {
		_, _ = h.Authenticate(stranger(t, staff, fmt.Sprint("y", n)), at)
		_, _ = h.Authenticate(stranger(t, devices, fmt.Sprint("y", n)), at)
	}
	if got, _ := h.hints(at); !slices.Equal(got, []trust.Hint{{Issuer: staff, KeyID: "y4"}, {Issuer: devices, KeyID: "y4"}}) {
		t.Errorf("got %v", got)
	}
	// A clock that is set back does not end them.
	_, _ = h.Authenticate(stranger(t, staff, "x7"), now)
	if got, _ := h.hints(now); !slices.Equal(got, []trust.Hint{{Issuer: staff, KeyID: "x7"}}) {
		t.Errorf("got %v", got)
	}
	if got, _, ok := h.sts.Hint(at); ok {
		t.Errorf("another authority was told: %v", got)
	}
}

// An invented key id costs a real one no more than the 30 seconds, and the sender is
// told to come back after them, not before.
func TestAHintThatIsTooEarlyWaits(t *testing.T) {
	h := newHouse(t)
	try := func(kid string, after time.Duration) int {
		t.Helper()
		_, err := h.Authenticate(stranger(t, staff, kid), now.Add(after))
		return wantRefusal(t, err, trust.CodeUnauthenticated, string(jwt.KeyUnknown)).RetryAfter
	}
	if got := try("junk", 0); got != 1 {
		t.Errorf("told to come back after %d s", got)
	}
	<-h.okta.Hinted()
	if got, _ := h.hints(now); len(got) != 1 {
		t.Fatalf("got %v", got)
	}
	if got := try("k2", 1500*time.Millisecond); got != 30 { // 28.5 s, and a second to fetch
		t.Errorf("told to come back after %d s", got)
	}
	<-h.okta.Hinted()
	if got, wait := h.hints(now.Add(1500 * time.Millisecond)); got != nil || wait != 28500*time.Millisecond {
		t.Errorf("got %v, and the next after %v", got, wait)
	}
	if got, _ := h.hints(now.Add(30 * time.Second)); !slices.Equal(got, []trust.Hint{{Issuer: staff, KeyID: "k2"}}) {
		t.Errorf("got %v", got)
	}

	// What has come by itself is not asked for.
	if got := try("k3", 31*time.Second); got != 30 {
		t.Errorf("told to come back after %d s", got)
	}
	take(t, h.okta, 1, bundle(2, issuer(t, staff, map[string]byte{"k3": 43}), issuer(t, devices, map[string]byte{"k1": 32})), now)
	if got, wait := h.hints(now.Add(time.Hour)); got != nil || wait != 0 {
		t.Errorf("got %v, and the next after %v", got, wait)
	}
}
