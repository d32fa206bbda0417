package jwt_test

import (
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
)

func TestBlame(t *testing.T) {
	p := policy()
	p.Rules = sdk.TokenRules{
		Require: []sdk.ClaimRule{{Claim: "/cid", Shape: "string"}, {Claim: "/https:~1~1shop.example~1env", OneOf: []string{"live"}}},
		Forbid:  []string{"/nonce"},
	}
	v := verifier(t, p)
	fits := good().and(object{"cid": "c", "https://shop.example/env": "live"})
	for _, c := range []struct {
		change       object
		reason       jwt.Reason
		claim, value string
	}{
		{object{"aud": "api://x"}, jwt.AudienceMismatch, "/aud", "api://x"},
		{object{"cid": nil}, jwt.ClaimMissing, "/cid", ""},
		{object{"cid": 7}, jwt.ClaimShape, "/cid", "7"},
		{object{"https://shop.example/env": "test"}, jwt.ClaimMismatch, "/https:~1~1shop.example~1env", "test"},
		{object{"nonce": "n"}, jwt.ClaimForbidden, "/nonce", "n"},
		{object{"iat": at(-2 * time.Hour), "exp": at(-90 * time.Minute)}, jwt.Expired, "/exp", "1799994600"},
		{object{"exp": at(2 * time.Hour)}, jwt.LifetimeTooLong, "/exp", "1800007200"},
		{object{"sub": nil}, jwt.SubjectAbsent, "", ""},
	} {
		read, err := jwt.Read(sign("rsa", fits.and(c.change)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(read, now); err != c.reason {
			t.Errorf("%v: refused for %v, want %s", c.change, err, c.reason)
		}
		if claim, value := v.Blame(read.Claims(), c.reason); claim != c.claim || value != c.value {
			t.Errorf("%s: %q says %q, want %q says %q", c.reason, claim, value, c.claim, c.value)
		}
	}
}
