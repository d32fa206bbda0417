package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

func TestBearerIsTaken(t *testing.T) {
	h := newHouse(t)
	text := signed(t, "k1", 31, good(nil))
	for _, c := range []struct {
		name   string
		header string
		want   sdk.Principal
	}{
		{"user", "Bearer " + text, sdk.Principal{Provider: "okta", Issuer: staff, Subject: "user:00u1"}},
		{"scheme in another case", "bEaReR " + text, sdk.Principal{Provider: "okta", Issuer: staff, Subject: "user:00u1"}},
		{"service", "Bearer " + signed(t, "k1", 31, good(claims{"uid": nil})), sdk.Principal{Provider: "okta", Issuer: staff, Subject: "client:0oa1"}},
		{"the authority's other issuer", "Bearer " + signed(t, "k1", 32, good(claims{"iss": devices})), sdk.Principal{Provider: "okta", Issuer: devices, Subject: "user:00u1"}},
		{"another authority", "Bearer " + signed(t, "k1", 33, good(claims{"iss": account})), sdk.Principal{Provider: "sts", Issuer: account, Subject: "user:00u1"}},
		{"for the other audience", "Bearer " + signed(t, "k1", 31, good(claims{"aud": []string{"api://other"}})), sdk.Principal{Provider: "okta", Issuer: staff, Subject: "user:00u1"}},
	} {
		for _, when := range []string{"first", "remembered"} {
			id, err := h.Authenticate(trust.Credential{Authorization: []string{c.header}}, now)
			if err != nil || id.Principal != c.want || id.Proof != (sdk.Proof{Transport: "jwt"}) || id.KeyID != "k1" || id.WebhookID != "" || id.Bound() {
				t.Errorf("%s, %s: got %+v, %v", c.name, when, id, err)
			}
		}
	}
}

// V43: whose login is a client's id is not that client.
func TestPrincipalsStayApart(t *testing.T) {
	h := newHouse(t)
	user := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(claims{"sub": "0oa1", "uid": "0oa1"}))))
	client := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 31, good(claims{"sub": "0oa1", "uid": nil}))))
	other := mustAuthenticate(t, h.Snapshot, shown(signed(t, "k1", 32, good(claims{"iss": devices, "uid": "0oa1"}))))
	if user.Principal == client.Principal || user.Principal == other.Principal {
		t.Errorf("the same principal: %v, %v, %v", user.Principal, client.Principal, other.Principal)
	}
}

func TestBearerIsRefused(t *testing.T) {
	h := newHouse(t)
	text := signed(t, "k1", 31, good(nil))
	keyless := trust.Credential{Authorization: []string{"Bearer " + text}, EventKey: []string{string(rawJWK(t, "", private(50).Public()))}}
	bind := func(change func(*trust.Credential)) trust.Credential {
		c := bound(t, 50, nil)
		change(&c)
		return c
	}
	header := func(value string) trust.Credential { return trust.Credential{Authorization: []string{value}} }
	const ambiguous, unauthenticated = trust.CodeAmbiguousCredential, trust.CodeUnauthenticated
	for _, c := range []struct {
		name         string
		c            trust.Credential
		code, reason string
	}{
		{"empty", header(""), unauthenticated, trust.ReasonSchemeUnknown},
		{"scheme alone", header("Bearer"), unauthenticated, trust.ReasonSchemeUnknown},
		{"scheme and a space", header("Bearer "), unauthenticated, trust.ReasonSchemeUnknown},
		{"no scheme", header(text), unauthenticated, trust.ReasonSchemeUnknown},
		{"two spaces", header("Bearer  " + text), unauthenticated, trust.ReasonSchemeUnknown},
		{"space before", header(" Bearer " + text), unauthenticated, trust.ReasonSchemeUnknown},
		{"space behind", header("Bearer " + text + " "), unauthenticated, trust.ReasonSchemeUnknown},
		{"tab", header("Bearer\t" + text), unauthenticated, trust.ReasonSchemeUnknown},
		{"two tokens", header("Bearer " + text + " " + text), unauthenticated, trust.ReasonSchemeUnknown},
		{"list", header("Bearer " + text + ",Bearer"), unauthenticated, string(jwt.TokenMalformed)},
		{"line break", header("Bearer " + text + "\n"), unauthenticated, string(jwt.TokenMalformed)},
		{"Basic", header("Basic dXNlcjpwYXNz"), unauthenticated, trust.ReasonSchemeUnknown},
		{"DPoP", header("DPoP " + text), unauthenticated, trust.ReasonSchemeUnknown},
		{"letters that fold", header("Bearer\u212a " + text), unauthenticated, trust.ReasonSchemeUnknown},
		{"no token", header("Bearer x"), unauthenticated, string(jwt.TokenMalformed)},
		{"too long", header("Bearer " + strings.Repeat("a", 10<<20)), unauthenticated, string(jwt.TokenTooLarge)},

		{"unknown issuer", shown(signed(t, "k1", 31, good(claims{"iss": "https://evil.example"}))), unauthenticated, trust.ReasonIssuerUnknown},
		{"issuer with a slash more", shown(signed(t, "k1", 31, good(claims{"iss": staff + "/"}))), unauthenticated, trust.ReasonIssuerUnknown},
		{"V14 kid of another issuer", shown(signed(t, "k2", 32, good(nil))), unauthenticated, string(jwt.KeyUnknown)},
		{"V15 the same kid of another issuer", shown(signed(t, "k1", 32, good(nil))), unauthenticated, string(jwt.SignatureMismatch)},
		{"V15 of another authority", shown(signed(t, "k1", 33, good(nil))), unauthenticated, string(jwt.SignatureMismatch)},
		{"expired", shown(signed(t, "k1", 31, good(claims{"iat": now.Unix() - 1000, "exp": now.Unix() - 60}))), unauthenticated, string(jwt.Expired)},
		{"lives too long", shown(signed(t, "k1", 31, good(claims{"exp": now.Unix() + 3601}))), unauthenticated, string(jwt.LifetimeTooLong)},
		{"other audience", shown(signed(t, "k1", 31, good(claims{"aud": "api://elsewhere"}))), unauthenticated, string(jwt.AudienceMismatch)},

		{"V46 bound, no key shown", bind(func(c *trust.Credential) { c.EventKey = nil }), unauthenticated, trust.ReasonEventKeyAbsent},
		{"bound to another key", bind(func(c *trust.Credential) { c.EventKey = []string{string(rawJWK(t, "", private(51).Public()))} }), unauthenticated, trust.ReasonEventKeyMismatch},
		{"bound, no key but text", bind(func(c *trust.Credential) { c.EventKey = []string{"{}"} }), unauthenticated, trust.ReasonEventKeyMalformed},
		{"bound, private key", bind(func(c *trust.Credential) {
			c.EventKey[0] = strings.Replace(c.EventKey[0], "{", `{"d":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",`, 1)
		}), unauthenticated, trust.ReasonEventKeyMalformed},
		{"bound, two keys", bind(func(c *trust.Credential) { c.EventKey = append(c.EventKey, c.EventKey...) }), ambiguous, trust.ReasonEventKeyRepeated},
		{"event key, token not bound", keyless, ambiguous, trust.ReasonEventKeyUnbound},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, err := h.Authenticate(c.c, now)
			r := wantRefusal(t, err, c.code, c.reason)
			if id != (trust.Identity{}) {
				t.Errorf("refused, and given %+v", id)
			}
			if retry := r.RetryAfter > 0; retry != (c.reason == string(jwt.KeyUnknown)) {
				t.Errorf("told to retry after %d s", r.RetryAfter)
			}
		})
	}
}

func TestNoAuthorityTakesNoToken(t *testing.T) {
	s := snapshot(t)
	_, err := s.Authenticate(shown(signed(t, "k1", 31, good(nil))), now)
	wantRefusal(t, err, trust.CodeUnauthenticated, trust.ReasonNoTokenProvider)
}

// V58: a provider that is gone serves until its trust is too old, and no longer.
func TestTrustGrowsStaleAndDies(t *testing.T) {
	h := newHouse(t)
	token := func(at time.Time) trust.Credential {
		return shown(signed(t, "k1", 31, good(claims{"iat": at.Unix(), "exp": at.Unix() + 60})))
	}
	for _, c := range []struct {
		after time.Duration
		state string
	}{
		{0, trust.TrustFresh}, {10*time.Minute - 1, trust.TrustFresh}, {10 * time.Minute, trust.TrustStale},
		{time.Hour - 1, trust.TrustStale}, {time.Hour, trust.TrustDead}, {1000 * time.Hour, trust.TrustDead},
		{time.Minute, trust.TrustFresh}, // the clock was ahead for a moment
	} {
		at := now.Add(c.after)
		id, err := h.Authenticate(token(at), at)
		if c.state == trust.TrustDead {
			r := wantRefusal(t, err, trust.CodeTrustUnavailable, trust.ReasonTrustDead)
			if r.RetryAfter <= 0 || id != (trust.Identity{}) {
				t.Errorf("%v: %+v, %+v", c.after, r, id)
			}
		} else if err != nil {
			t.Errorf("%v: %v", c.after, err)
		}
		if got := h.okta.Fact(at).Issuers[0].State; got != c.state {
			t.Errorf("%v: the fact says %s, want %s", c.after, got, c.state)
		}
	}
	if _, err := h.Authenticate(shown(signed(t, "k1", 33, good(claims{"iss": account}))), now); err != nil {
		t.Errorf("another authority died with it: %v", err)
	}
	later := now.Add(time.Hour)
	b := bundle(2, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k1": 32}))
	b.FetchedAt, b.FreshUntil, b.UsableUntil = later, later, later.Add(time.Hour)
	take(t, h.okta, 1, b, later)
	if _, err := h.Authenticate(token(later), later); err != nil {
		t.Errorf("the next bundle: %v", err)
	}
}

func TestDeadTrustTakesNoRememberedToken(t *testing.T) {
	h := newHouse(t)
	c := shown(signed(t, "k1", 31, good(claims{"exp": now.Unix() + 3600})))
	mustAuthenticate(t, h.Snapshot, c)
	_, err := h.Authenticate(c, now.Add(time.Hour-time.Second))
	if err != nil {
		t.Error(err)
	}
	_, err = h.Authenticate(c, now.Add(time.Hour))
	wantRefusal(t, err, trust.CodeTrustUnavailable, trust.ReasonTrustDead)
}

// What was remembered is held to the clock each time.
func TestRememberedTokenExpires(t *testing.T) {
	h := newHouse(t)
	c := shown(signed(t, "k1", 31, good(claims{"exp": now.Unix() + 60, "nbf": now.Unix()})))
	for _, at := range []struct {
		after  time.Duration
		reason jwt.Reason // empty: taken
	}{
		{0, ""}, {2*time.Minute - 1, ""}, {2 * time.Minute, jwt.Expired}, {-time.Minute, ""}, {-time.Minute - 1, jwt.IssuedInFuture},
	} {
		_, err := h.Authenticate(c, now.Add(at.after))
		if at.reason != "" {
			wantRefusal(t, err, trust.CodeUnauthenticated, string(at.reason))
		} else if err != nil {
			t.Errorf("after %v: %v", at.after, err)
		}
	}
}

func TestNoTrustYet(t *testing.T) {
	okta := authority(t, "okta", staff, devices)
	s, err := trust.New(trust.Rules{Authorities: []*trust.Authority{okta}})
	if err != nil {
		t.Fatal(err)
	}
	c := shown(signed(t, "k1", 31, good(nil)))
	_, err = s.Authenticate(c, now)
	wantRefusal(t, err, trust.CodeTrustUnavailable, trust.ReasonTrustNone)
	// One issuer is there, the other has not answered yet: it alone is cut off.
	take(t, okta, 1, bundle(1, issuer(t, devices, map[string]byte{"k1": 32})), now)
	_, err = s.Authenticate(c, now)
	if r := wantRefusal(t, err, trust.CodeTrustUnavailable, trust.ReasonTrustNone); r.RetryAfter <= 0 {
		t.Errorf("told to retry after %d s", r.RetryAfter)
	}
	mustAuthenticate(t, s, shown(signed(t, "k1", 32, good(claims{"iss": devices}))))
	take(t, okta, 1, bundle(2, issuer(t, devices, map[string]byte{"k1": 32}), issuer(t, staff, map[string]byte{"k1": 31})), now)
	mustAuthenticate(t, s, c)
}

// V56: the old kid during the overlap, not after it; the new one once it is
// published.
func TestRotation(t *testing.T) {
	h := newHouse(t)
	before, after := shown(signed(t, "k1", 31, good(nil))), shown(signed(t, "k2", 41, good(nil)))
	other := issuer(t, devices, map[string]byte{"k1": 32})
	try := func(c trust.Credential) string {
		_, err := h.Authenticate(c, now)
		if err != nil {
			return err.Error()
		}
		return "taken"
	}
	const unknown = "unauthenticated: key_unknown"
	for n, step := range []struct {
		keys          map[string]byte
		before, after string
	}{
		{map[string]byte{"k1": 31}, "taken", unknown},
		{map[string]byte{"k1": 31, "k2": 41}, "taken", "taken"},
		{map[string]byte{"k2": 41}, unknown, "taken"},
		{map[string]byte{"k1": 51, "k2": 41}, "unauthenticated: signature_mismatch", "taken"}, // the old kid of another key
	} {
		take(t, h.okta, 1, bundle(uint64(n)+2, issuer(t, staff, step.keys), other), now)
		if got := try(before); got != step.before {
			t.Errorf("step %d, old key: %s", n, got)
		}
		if got := try(after); got != step.after {
			t.Errorf("step %d, new key: %s", n, got)
		}
	}
}

func TestVerdicts(t *testing.T) {
	h := newHouse(t)
	verdicts := func(c trust.Credential) []trust.Verdict {
		_, err := h.Authenticate(c, now)
		r, ok := err.(*trust.Refusal)
		if !ok {
			t.Fatalf("got %v", err)
		}
		return r.Verdicts
	}
	for _, c := range []struct {
		name string
		c    trust.Credential
		want []trust.Verdict
	}{
		{"nobody's", shown(signed(t, "k1", 31, good(claims{"iss": "https://evil.example"}))), []trust.Verdict{{"okta", trust.ReasonIssuerOther}, {"sts", trust.ReasonIssuerOther}}},
		{"of okta", shown(signed(t, "x", 31, good(nil))), []trust.Verdict{{"okta", string(jwt.KeyUnknown)}, {"sts", trust.ReasonIssuerOther}}},
		{"of sts", shown(signed(t, "k1", 31, good(claims{"iss": account}))), []trust.Verdict{{"okta", trust.ReasonIssuerOther}, {"sts", string(jwt.SignatureMismatch)}}},
		{"no token", shown("x"), nil},
	} {
		if got := verdicts(c.c); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
	h = newHouse(t, func(r *trust.Rules) {
		for n := range 20 {
			r.Authorities = append(r.Authorities, authority(t, fmt.Sprintf("a%d", n), fmt.Sprintf("https://a.example/%d", n)))
		}
	})
	got := verdicts(shown(signed(t, "k1", 31, good(claims{"iss": "https://evil.example"}))))
	if len(got) != 9 || got[8] != (trust.Verdict{"...", "..."}) {
		t.Errorf("got %v", got)
	}
}

func TestTokenRefusalsHoldWhatIsUnverifiedApart(t *testing.T) {
	h := newHouse(t)
	const mark = "SENDERTEXT"
	for _, c := range []trust.Credential{
		{Authorization: []string{mark + " x"}},
		shown(mark),
		shown(signed(t, mark, 31, good(nil))),
		shown(signed(t, "k1", 31, good(claims{"iss": mark}))),
		shown(signed(t, "k1", 99, good(claims{"uid": mark}))),
		shown(signed(t, "k1", 31, good(claims{"aud": mark}))),
		{Authorization: shown(signed(t, "k1", 31, good(nil))).Authorization, EventKey: []string{mark}},
	} {
		_, err := h.Authenticate(c, now)
		if err == nil {
			t.Fatal("taken")
		}
		err.(*trust.Refusal).Unverified = nil // has its own rules: see TestUnverified
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, mark) {
			t.Errorf("the refusal holds what was sent: %s", text)
		}
	}
}

// A snapshot that is made anew goes on with what the authorities know.
func TestSnapshotsShareAuthorities(t *testing.T) {
	h := newHouse(t)
	c := shown(signed(t, "k1", 31, good(nil)))
	mustAuthenticate(t, h.Snapshot, c)
	later := h.again(t)
	mustAuthenticate(t, later, c)
	h.rules.Authorities = []*trust.Authority{h.sts}
	h.rules.Grants = h.rules.Grants[1:]
	_, err := h.again(t).Authenticate(c, now) // remembered, and no longer anybody's
	wantRefusal(t, err, trust.CodeUnauthenticated, trust.ReasonIssuerUnknown)
}

func TestTakeWhileAuthenticating(t *testing.T) {
	h := newHouse(t)
	c := shown(signed(t, "k1", 31, good(nil)))
	stranger := shown(signed(t, "x", 99, good(nil)))
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for n := range 200 {
			b := bundle(uint64(n)+2, issuer(t, staff, map[string]byte{"k1": 31}), issuer(t, devices, map[string]byte{"k1": 32}))
			if n%2 == 0 {
				b.Issuers = b.Issuers[:1] // refused
			}
			if err := h.okta.Take(1, b, now); (err == nil) != (n%2 == 1) {
				t.Error(err)
			}
		}
	})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := h.Authenticate(c, now); err != nil {
					t.Error(err)
				}
				if id, err := h.Authenticate(stranger, now); err == nil || id != (trust.Identity{}) {
					t.Errorf("%+v, %v", id, err)
				}
				h.okta.Fact(now)
			}
		})
	}
	wg.Wait()
}

// FuzzBearer asks that whatever is taken is one of the tokens that were signed.
func FuzzBearer(f *testing.F) {
	h := newHouse(f)
	plain, tied := signed(f, "k1", 31, good(nil)), bound(f, 50, nil)
	f.Add("Bearer "+plain, "")
	f.Add("bearer "+plain, tied.EventKey[0])
	f.Add(tied.Authorization[0], tied.EventKey[0])
	f.Add("Bearer "+signed(f, "k2", 31, good(nil)), "{}")
	f.Add("Basic x", "")
	f.Fuzz(func(t *testing.T, header, eventKey string) {
		c := trust.Credential{Authorization: []string{header}}
		if eventKey != "" {
			c.EventKey = []string{eventKey}
		}
		id, err := h.Authenticate(c, now)
		if err != nil {
			if r, ok := err.(*trust.Refusal); !ok || r.Reason == "" || r.Code == "" || id != (trust.Identity{}) {
				t.Fatalf("refused with %#v, and given %+v", err, id)
			}
			return
		}
		scheme, token, _ := strings.Cut(header, " ")
		switch {
		case !strings.EqualFold(scheme, "bearer"):
			t.Errorf("taken by scheme %q", scheme)
		case id.Bound() != (eventKey != ""):
			t.Errorf("bound %v, with event key %q", id.Bound(), eventKey)
		case !id.Bound() && token != plain, id.Bound() && "Bearer "+token != tied.Authorization[0]:
			t.Errorf("taken: %q", token)
		}
	})
}

func BenchmarkBearer(b *testing.B) {
	c := shown(signed(b, "k1", 31, good(nil)))
	for name, h := range map[string]*house{
		"seen": newHouse(b),
		"new":  newHouse(b, func(r *trust.Rules) { r.Cache = nil }),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Authenticate(c, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
