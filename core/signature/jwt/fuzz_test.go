package jwt_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/signature/jwt"
)

// FuzzVerify lets the issuer itself sign anything. What is taken golang-jwt takes
// with all its checks on (see verify), and a reader that is as loose as they come
// sees the same token.
func FuzzVerify(f *testing.F) {
	const header = `{"alg":"EdDSA","kid":"ed","typ":"JWT"}`
	signers() // not within a run
	for _, payload := range []string{
		good().String(), "null", "[]", good().and(object{"ISS": "x"}).String(),
		good().and(object{"cnf": object{"jkt": signers()["ed"].key().Thumbprint()}, "nbf": 1}).String(),
		good().and(object{"exp": json.RawMessage("9e18"), "aud": []string{audience}}).String(),
	} {
		f.Add(header, payload)
	}
	f.Add(`{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}`, good().String())
	f.Add(`{"alg":"EdDSA","alg":"none","kid":"ed"}`, good().String())
	f.Fuzz(func(t *testing.T, header, payload string) {
		got, err := verify(t, policy(), signText("ed", "EdDSA", header, payload), now)
		if err != nil {
			return
		}
		var loose struct {
			Iss, Sub, Jti string
			Exp, Iat      int64
			Cnf           struct{ Jkt string }
		}
		if err := json.Unmarshal([]byte(payload), &loose); err != nil {
			t.Fatalf("taken, but another reader takes nothing: %v", err)
		}
		if loose.Iss != got.Issuer || loose.Sub != got.Subject || loose.Jti != got.ID || loose.Cnf.Jkt != got.Confirmation ||
			loose.Exp != got.Expires.Unix() || loose.Iat != got.IssuedAt.Unix() {
			t.Errorf("another reader sees %+v, not %+v", loose, got)
		}
		if got.Subject == "" || strings.ContainsAny(got.Subject+got.ID+got.Client, "\r\n\x00") {
			t.Errorf("a name that cannot stand in a header: %+v", got)
		}
	})
}

// FuzzRead: bytes from anybody, who has no key.
func FuzzRead(f *testing.F) {
	form := regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)
	fine, twin := sign("ed", good()), malleated(sign("p256", good()))
	for _, token := range []string{fine, twin, trailingBits(fine), fine + "\n", "..", "a.b.c.d.e", ""} {
		f.Add(token)
	}
	v := verifier(f, policy())
	f.Fuzz(func(t *testing.T, token string) {
		u, err := jwt.Read(token)
		if err != nil {
			if _, ok := err.(jwt.Reason); !ok || u != nil {
				t.Errorf("got %v, %T %v", u, err, err)
			}
			return
		}
		if u.Issuer() == "" || len(token) > jwt.MaxToken || !form.MatchString(token) {
			t.Errorf("%q was read as one of %q", token, u.Issuer())
		}
		if _, err := v.Verify(u, now); err == nil && token != fine && token != twin {
			t.Errorf("%q verifies", token)
		}
	})
}
