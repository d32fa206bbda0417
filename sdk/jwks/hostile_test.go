package jwks_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

// Whatever an issuer answers, the keys of the last good answer stay and nobody
// else is asked.
func TestABadAnswerChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		bad  jwkstest.Behaviour
		want string // in the log
	}{
		"500":                     {jwkstest.Behaviour{Status: 500}, "status 500"},
		"404":                     {jwkstest.Behaviour{Status: 404}, "status 404"},
		"201":                     {jwkstest.Behaviour{Status: 201}, "status 201"},
		"304 unasked":             {jwkstest.Behaviour{Status: 304}, ""},
		"timeout":                 {jwkstest.Behaviour{}, "no whole answer within 5s"},
		"no answer":               {jwkstest.Behaviour{Down: true}, "EOF"},
		"HTML":                    {jwkstest.Behaviour{HTML: true}, "content type \\\"text/html"},
		"1 GiB":                   {jwkstest.Behaviour{Huge: true}, "longer than 262144 bytes"},
		"redirect to metadata":    {jwkstest.Behaviour{Redirect: "http://169.254.169.254/latest/meta-data/"}, "redirects to \\\"http://169.254.169.254/latest"},
		"redirect to http":        {jwkstest.Behaviour{Redirect: "http://example.com/oauth2/default/v1/keys"}, "no redirect is followed"},
		"redirect on the host":    {jwkstest.Behaviour{Redirect: "/oauth2/default/v1/keys2"}, "no redirect is followed"},
		"redirect to another":     {jwkstest.Behaviour{Redirect: "https://example.com:8443/oauth2/default/v1/keys"}, "no redirect is followed"},
		"no keys":                 {jwkstest.Behaviour{Empty: true}, "level=ERROR"},
		"more keys than are read": {jwkstest.Behaviour{Extra: many(64)}, "more than 64 keys"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				idp, other := n.issuer(t, first, "EdDSA"), n.issuer(t, second, "EdDSA")
				w := watch(t, n.options([]*jwkstest.Issuer{idp, other}, "EdDSA"))
				good := w.last(t)
				c.bad.Path = jwkstest.KeysPath
				if name == "timeout" {
					c.bad.Slow = make(chan struct{}) // of this test's clock
				}
				idp.Misbehave(c.bad)
				time.Sleep(16 * time.Minute)
				bad := w.last(t)
				if got, want := fmt.Sprintf("%s", bad.Issuers[0].Keys), fmt.Sprintf("%s", good.Issuers[0].Keys); got != want {
					t.Errorf("the keys are %s: want %s", got, want)
				}
				if c.want != "" && !bad.Issuers[0].UsableUntil.Equal(good.Issuers[0].UsableUntil) {
					t.Errorf("keys that were not fetched are usable until %s, not %s", bad.Issuers[0].UsableUntil, good.Issuers[0].UsableUntil)
				}
				if !bad.FetchedAt.After(good.FetchedAt) {
					t.Error("the other issuer is not followed")
				}
				if !strings.Contains(w.log.String(), c.want) {
					t.Errorf("the log does not say %s:\n%s", c.want, w.log)
				}
				if away := n.elsewhere(first, second); away != nil {
					t.Errorf("also dialled: %v", away)
				}
				if got := other.Requests(jwkstest.KeysPath); got != 2 {
					t.Errorf("the other issuer was asked %d times: want 2", got)
				}
				idp.Misbehave(jwkstest.Behaviour{})
				k := idp.Rotate("EdDSA")
				time.Sleep(30 * time.Minute)
				if !holds(w.last(t), k) {
					t.Error("it does not recover")
				}
			})
		})
	}
}

func many(n int) []json.RawMessage {
	list := make([]json.RawMessage, n)
	for i := range list {
		list[i] = jwkstest.NewKey("EdDSA").JWK()
	}
	return list
}

// Without a good answer before, a bad one makes no bundle.
func TestABadFirstAnswerMakesNoBundle(t *testing.T) {
	for name, bad := range map[string]jwkstest.Behaviour{
		"no keys": {Empty: true}, "500": {Status: 500}, "HTML": {HTML: true}, "1 GiB": {Huge: true}, "304": {Status: 304},
		"shared secrets alone": {Empty: true, Extra: []json.RawMessage{[]byte(`{"kty":"oct","kid":"a","k":"AAAA"}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				idp := n.issuer(t, first, "EdDSA")
				bad.Path = jwkstest.KeysPath
				idp.Misbehave(bad)
				w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
				time.Sleep(time.Minute)
				if all := w.all(); len(all) != 0 || !strings.Contains(w.log.String(), "keys are not fetched") {
					t.Errorf("%+v; the log is:\n%s", all, w.log)
				}
			})
		})
	}
}

// Keys of no use are left out one by one, and named, and nothing of them but
// their name shows.
func TestKeysOfNoUseAreLeftOut(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	modulus := base64.RawURLEncoding.EncodeToString(small.N.Bytes())
	const secret = "c2VjcmV0LXRoYXQtbXVzdC1ub3Qtc2hvdy1hbnl3aGVyZQ"
	twin, other := jwkstest.NewKey("EdDSA"), jwkstest.NewKey("EdDSA")
	twin.ID, other.ID = "twin", "twin"
	extra := []json.RawMessage{
		[]byte(`{"kty":"oct","kid":"shared","alg":"HS256","k":"` + secret + `"}`),
		[]byte(`{"kty":"OKP","crv":"Ed25519","kid":"private","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"` + secret + `"}`),
		[]byte(`{"kty":"RSA","kid":"small","n":"` + modulus + `","e":"AQAB"}`),
		[]byte(`{"kty":"OKP","crv":"X25519","kid":"exchange","x":"` + secret + `"}`),
		[]byte(`{"kty":"OKP","crv":"Ed25519","kid":"encryption","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`),
		[]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`),
		[]byte(`{"kty":"OKP","crv":"Ed25519","kid":"small-order","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`),
		[]byte(`{"kty":"AKP","kid":"later","alg":"ML-DSA-44","pub":"` + secret + `"}`),
		[]byte(`{"kty":"OKP","kid":"evil\nlevel=ERROR msg=forged"}`),
		[]byte(`"no object"`),
		jwkstest.NewKey("ES256").JWK(),
		twin.JWK(), other.JWK(),
	}
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		idp.Misbehave(jwkstest.Behaviour{Extra: extra, NoETag: true})
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		b := w.last(t)
		if len(b.Issuers[0].Keys) != 1 || !holds(b, idp.Keys()[0]) {
			t.Errorf("the keys are %s", b.Issuers[0].Keys)
		}
		for _, want := range []string{"kid=shared ", "kid=private ", "kid=small ", "kid=exchange ", "kid=encryption ", "kid=small-order ", "kid=later ", "kid=twin "} {
			if !strings.Contains(w.log.String(), want) {
				t.Errorf("the log does not name %s", want)
			}
		}
		for _, secret := range []string{secret, modulus, "forged"} {
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("the log shows %s:\n%s", secret, w.log)
			}
		}
		lines := strings.Count(w.log.String(), "a key is left out")
		if lines != len(extra) {
			t.Errorf("%d keys are named: want %d\n%s", lines, len(extra), w.log)
		}
		time.Sleep(time.Hour)
		if got := strings.Count(w.log.String(), "a key is left out"); got != lines {
			t.Errorf("the same set is complained of %d times", got-lines)
		}
	})
}

func TestManyKeysOfNoUseAreFewLines(t *testing.T) {
	bad := make([]json.RawMessage, 10_000)
	for i := range bad {
		bad[i] = []byte(`{}`)
	}
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		idp.Misbehave(jwkstest.Behaviour{Extra: bad})
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		w.last(t)
		if got := strings.Count(w.log.String(), "\n"); got > 20 || !strings.Contains(w.log.String(), "keys=9984") {
			t.Errorf("%d lines:\n%s", got, w.log)
		}
	})
}

func TestAnEmptySetIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		idp := n.issuer(t, first, "EdDSA")
		w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
		w.last(t)
		idp.Misbehave(jwkstest.Behaviour{Status: 500})
		time.Sleep(time.Hour)
		if strings.Contains(w.log.String(), "level=ERROR") {
			t.Errorf("an outage is an error:\n%s", w.log)
		}
		idp.Misbehave(jwkstest.Behaviour{Empty: true})
		time.Sleep(time.Hour)
		if !strings.Contains(w.log.String(), "level=ERROR") || !strings.Contains(w.log.String(), "the key set has no keys") {
			t.Errorf("an empty set is no error:\n%s", w.log)
		}
	})
}

func TestContentTypes(t *testing.T) {
	for media, taken := range map[string]bool{
		"application/json; charset=utf-8": true, "application/jwk-set+json": true, "Application/JSON": true,
		"text/json": false, "text/plain": false, "image/x+json": false, "application/javascript": false, "json": false, "/;": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			idp := n.issuer(t, first, "EdDSA")
			idp.Misbehave(jwkstest.Behaviour{ContentType: media})
			if got := len(watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA")).all()) == 1; got != taken {
				t.Errorf("%s is taken: %v", media, got)
			}
		})
	}
}

// What is asked again is asked by its ETag, and an answer that says nothing is
// new makes the keys no older.
func TestUnchangedKeysAreFreshAgain(t *testing.T) {
	for _, bare := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{}
			idp := n.issuer(t, first, "EdDSA")
			idp.Misbehave(jwkstest.Behaviour{NoETag: bare})
			w := watch(t, n.options([]*jwkstest.Issuer{idp}, "EdDSA"))
			before := w.last(t)
			time.Sleep(15 * time.Minute)
			after := w.last(t)
			if !after.FetchedAt.Equal(before.FetchedAt.Add(15*time.Minute)) || !after.UsableUntil.Equal(before.UsableUntil.Add(15*time.Minute)) || !holds(after, idp.Keys()[0]) {
				t.Errorf("without ETag %v: %+v", bare, after)
			}
		})
	}
}
