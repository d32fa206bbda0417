package jwt_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
)

func TestTokenSaysWhatTheRulesName(t *testing.T) {
	p := policy()
	okta(&p)
	got, err := verify(t, p, sign("rsa", oktaClient().and(object{"groups": []string{"senders", "Domain Users"}})), now)
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != issuer || got.Subject != "client:0oa1client" || got.Client != "0oa1client" ||
		got.ID != "AT.1" || got.KeyID != "rsa" || got.Confirmation != "" {
		t.Errorf("got %+v", got)
	}
	if !got.HasScopes || !slices.Equal(got.Scopes, []string{"events.write", "events.read"}) ||
		!slices.Equal(got.Groups, []string{"senders", "Domain Users"}) {
		t.Errorf("got %+v", got)
	}
	if got.IssuedAt.Unix() != at(-time.Minute) || got.Expires.Unix() != at(4*time.Minute) {
		t.Errorf("got %v and %v", got.IssuedAt, got.Expires)
	}
	if got.Claims["ver"] != json.Number("1") || got.Claims["cid"] != "0oa1client" {
		t.Errorf("got %v", got.Claims)
	}
}

func TestTokenByNoRules(t *testing.T) {
	got, err := verify(t, policy(), sign("ed", good().and(object{"scope": "a", "groups": []string{"a"}, "client_id": "c"})), now)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "alice" || got.Client != "" || got.HasScopes || got.Scopes != nil || got.Groups != nil {
		t.Errorf("got %+v", got)
	}
}

func TestScopes(t *testing.T) {
	p := policy()
	cognito(&p)
	for _, c := range []struct {
		scope any
		want  []string
		err   error
	}{
		{"events/write  events/read ", []string{"events/write", "events/read"}, nil},
		{"a\tb", []string{"a\tb"}, nil}, // one word: spaces alone part them
		{"", nil, nil},
		{nil, nil, nil},
		{[]string{}, nil, nil},
		{[]string{"a b"}, []string{"a b"}, nil}, // one scope, whatever it looks like
		{[]any{"a", true}, nil, jwt.ClaimShape},
		{7, nil, jwt.ClaimShape},
		{json.RawMessage("null"), nil, jwt.ClaimShape},
	} {
		got, err := verify(t, p, sign("ed", cognitoAccess().and(object{"scope": c.scope})), now)
		if err != c.err {
			t.Errorf("%v: got %v, want %v", c.scope, err, c.err)
		}
		if err == nil && (!got.HasScopes || !slices.Equal(got.Scopes, c.want)) {
			t.Errorf("%v: got %q", c.scope, got.Scopes)
		}
	}
}

func TestSubject(t *testing.T) {
	firsts := []sdk.SubjectRule{{Claim: "/a/b", Prefix: "ab:"}, {Claim: "/c~1d~0", Prefix: "cd:"}, {Claim: "/sub"}}
	for _, c := range []struct {
		name   string
		claims object
		want   string
		err    error
	}{
		{"the first", object{"a": object{"b": "x"}, "c/d~": "y"}, "ab:x", nil},
		{"the second", object{"a": object{}, "c/d~": "y"}, "cd:y", nil},
		{"an array is no object", object{"a": []any{object{"b": "x"}}}, "alice", nil},
		{"the last", nil, "alice", nil},
		{"none", object{"sub": nil}, "", jwt.SubjectAbsent},
		{"the first is no string", object{"a": object{"b": 1}}, "", jwt.SubjectMalformed},
		{"the first is null", object{"a": object{"b": nil}}, "", jwt.SubjectMalformed},
		{"empty", object{"sub": ""}, "", jwt.SubjectMalformed},
		{"256 bytes", object{"sub": strings.Repeat("x", 256)}, strings.Repeat("x", 256), nil},
		{"257 bytes", object{"sub": strings.Repeat("x", 257)}, "", jwt.SubjectMalformed},
		{"line break", object{"sub": "alice\r\nx: y"}, "", jwt.SubjectMalformed},
		{"zero byte", object{"sub": "alice\x00"}, "", jwt.SubjectMalformed},
		{"delete", object{"sub": "alice\x7f"}, "", jwt.SubjectMalformed},
		{"line separator", object{"sub": "alice\u2028"}, "", jwt.SubjectMalformed},
		{"writing direction", object{"sub": "alice\u202e"}, "", jwt.SubjectMalformed},
		{"no width", object{"sub": "ali\u200bce"}, "", jwt.SubjectMalformed},
		{"not ASCII", object{"sub": "Žofie Nováková"}, "Žofie Nováková", nil},
	} {
		p := policy()
		p.Rules.Subject = firsts
		got, err := verify(t, p, sign("ed", good().and(c.claims)), now)
		if err != c.err || err == nil && got.Subject != c.want {
			t.Errorf("%s: got %+v, %v", c.name, got, err)
		}
	}
}

func TestNamesThatNeedNotBeThere(t *testing.T) {
	p := policy()
	p.Rules.Client = "/azp"
	for _, c := range []struct {
		claims object
		err    error
	}{
		{object{"jti": nil}, nil},
		{object{"jti": 7}, jwt.ClaimShape}, // or a revocation would pass it by
		{object{"jti": "a\nb"}, jwt.ClaimShape},
		{object{"azp": 7}, jwt.ClaimShape},
		{object{"azp": ""}, jwt.ClaimShape},
		{object{"azp": "client"}, nil},
	} {
		if _, err := verify(t, p, sign("ed", good().and(c.claims)), now); err != c.err {
			t.Errorf("%v: got %v, want %v", c.claims, err, c.err)
		}
	}
}

func TestConfirmation(t *testing.T) {
	thumbprint := signers()["p256"].key().Thumbprint()
	p := policy()
	aws(&p)
	for name, token := range map[string]string{
		"cnf": sign("ed", awsToken(role, "123456789012", nil).and(object{"cnf": object{"jkt": thumbprint}})),
		"tag": sign("ed", awsToken(role, "123456789012", object{"headgate_jkt": thumbprint})),
	} {
		got, err := verify(t, p, token, now)
		if err != nil || got.Confirmation != thumbprint {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestRequire(t *testing.T) {
	for _, c := range []struct {
		name  string
		rule  sdk.ClaimRule
		value any
		err   error
	}{
		{"there", sdk.ClaimRule{}, false, nil},
		{"there as null", sdk.ClaimRule{}, json.RawMessage("null"), nil},
		{"absent", sdk.ClaimRule{}, nil, jwt.ClaimMissing},
		{"string", sdk.ClaimRule{Shape: "string"}, "", nil},
		{"no string", sdk.ClaimRule{Shape: "string"}, 1, jwt.ClaimShape},
		{"integer", sdk.ClaimRule{Shape: "integer"}, -7, nil},
		{"integer beyond 2^53", sdk.ClaimRule{Shape: "integer"}, json.RawMessage("9007199254740993"), jwt.ClaimShape},
		{"no integer", sdk.ClaimRule{Shape: "integer"}, json.RawMessage("1e2"), jwt.ClaimShape},
		{"array", sdk.ClaimRule{Shape: "array"}, []string{}, nil},
		{"no array", sdk.ClaimRule{Shape: "array"}, "x", jwt.ClaimShape},
		{"one of", sdk.ClaimRule{OneOf: []string{"x", "y"}}, "y", nil},
		{"none of", sdk.ClaimRule{OneOf: []string{"x", "y"}}, "Y", jwt.ClaimMismatch},
		{"one of, in an array", sdk.ClaimRule{OneOf: []string{"x"}}, []string{"x"}, jwt.ClaimMismatch},
		{"one of, empty", sdk.ClaimRule{OneOf: []string{""}}, 1, jwt.ClaimMismatch},
		{"prefix", sdk.ClaimRule{Prefixes: []string{"a:", "b:"}}, "b:c", nil},
		{"no prefix", sdk.ClaimRule{Prefixes: []string{"a:", "b:"}}, "c:a:", jwt.ClaimMismatch},
		{"prefix of no string", sdk.ClaimRule{Prefixes: []string{""}}, []string{}, jwt.ClaimMismatch},
		{"differs", sdk.ClaimRule{Differs: "/aud"}, "x", nil},
		{"differs from what is absent", sdk.ClaimRule{Differs: "/absent"}, "x", nil},
		{"does not differ", sdk.ClaimRule{Differs: "/sub"}, "alice", jwt.ClaimMismatch},
		{"does not differ as an array", sdk.ClaimRule{Differs: "/sub"}, []string{"bob", "alice"}, jwt.ClaimMismatch},
		{"does not differ from an array", sdk.ClaimRule{Differs: "/list"}, "two", jwt.ClaimMismatch},
		{"all of a rule", sdk.ClaimRule{Shape: "string", OneOf: []string{"a:x"}, Prefixes: []string{"b:"}}, "a:x", jwt.ClaimMismatch},
	} {
		p := policy()
		c.rule.Claim = "/outer/inner"
		p.Rules.Require = []sdk.ClaimRule{c.rule}
		outer := object{"inner": c.value}
		if c.value == nil {
			delete(outer, "inner")
		}
		_, err := verify(t, p, sign("ed", good().and(object{"outer": outer, "list": []string{"one", "two"}})), now)
		if err != c.err {
			t.Errorf("%s: got %v, want %v", c.name, err, c.err)
		}
	}
}

// All of Require holds, and none of Forbid.
func TestRulesHoldTogether(t *testing.T) {
	p := policy()
	p.Rules.Require = []sdk.ClaimRule{{Claim: "/a"}, {Claim: "/b"}}
	p.Rules.Forbid = []string{"/x", "/y/z"}
	for _, c := range []struct {
		claims object
		err    error
	}{
		{object{"a": 1, "b": 1}, nil},
		{object{"a": 1}, jwt.ClaimMissing},
		{object{"b": 1}, jwt.ClaimMissing},
		{object{"a": 1, "b": 1, "x": json.RawMessage("null")}, jwt.ClaimForbidden},
		{object{"a": 1, "b": 1, "y": object{"z": 1}}, jwt.ClaimForbidden},
		{object{"a": 1, "b": 1, "y": object{"Z": 1}}, nil},
	} {
		if _, err := verify(t, p, sign("ed", good().and(c.claims)), now); err != c.err {
			t.Errorf("%v: got %v, want %v", c.claims, err, c.err)
		}
	}
}

func TestReadProvesNothing(t *testing.T) {
	token := sign("ed", good())
	u, err := jwt.Read(token[:len(token)-8] + "AAAAAAAA")
	if err != nil || u.Issuer() != issuer || u.KeyID() != "ed" {
		t.Fatalf("got %+v, %v", u, err)
	}
	if _, err := verifier(t, policy()).Verify(u, now); err != jwt.SignatureMismatch {
		t.Errorf("another signature: %v", err)
	}
	head, rest, _ := strings.Cut(token, ".")
	_, sig, _ := strings.Cut(rest, ".")
	for name, form := range map[string]string{
		"one segment":                  "x",
		"four segments":                token + "." + sig,
		"five segments":                token + "." + sig + "." + sig,
		"padded":                       padded(token),
		"line break at the end":        token + "\n",
		"trailing bits in the payload": head + "." + trailingBits(bodyWithBits()) + "." + sig,
	} {
		if got, err := jwt.Read(form); got != nil || err != jwt.TokenMalformed {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if got, err := jwt.Read(sign("ed", good().and(object{"iss": nil}))); got != nil || err != jwt.IssuerAbsent {
		t.Errorf("got %v, %v", got, err)
	}
}

// A token of any size costs nothing before its form is known.
func TestTokensWithoutFormCostNothing(t *testing.T) {
	dots, long := strings.Repeat(".", jwt.MaxToken), strings.Repeat(".", 10<<20)
	v := verifier(t, policy())
	for _, token := range []string{dots, long, "", sign("ed", good()) + "="} {
		if n := testing.AllocsPerRun(10, func() { check(v, token, now) }); n != 0 {
			t.Errorf("%d bytes: %v allocations", len(token), n)
		}
	}
}

func TestCheckFollowsTheClock(t *testing.T) {
	v := verifier(t, policy())
	token, err := check(v, sign("ed", good().and(object{"nbf": at(-30 * time.Second)})), now)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]error{
		0:                                nil,
		5*time.Minute - 1:                nil, // exp and the leeway
		5 * time.Minute:                  jwt.Expired,
		100 * 365 * 24 * time.Hour:       jwt.Expired,
		-90 * time.Second:                nil, // nbf less the leeway
		-90*time.Second - 1:              jwt.NotYetValid,
		-2*time.Minute - time.Nanosecond: jwt.IssuedInFuture,
		-100 * 365 * 24 * time.Hour:      jwt.IssuedInFuture,
	} {
		if err := v.Check(token, now.Add(after)); err != want {
			t.Errorf("%v: got %v, want %v", after, err, want)
		}
	}
	if err := v.Check(token, time.Time{}); err != jwt.IssuedInFuture {
		t.Errorf("year 1: got %v", err)
	}
}
