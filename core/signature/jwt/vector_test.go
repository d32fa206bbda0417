package jwt_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk"
)

// vector is one hostile token, or a good one beside it. The numbers go on over
// other packages: those of signatures of events, keys and replies are not here.
type vector struct {
	name   string
	token  string
	policy func(*jwt.Policy) // nil for policy()
	want   jwt.Reason        // empty: taken
}

func only(algs ...string) func(*jwt.Policy) {
	return func(p *jwt.Policy) {
		p.Algs = algs
		p.Keys = nil
		for _, kid := range []string{"rsa", "p256", "p384", "p521", "ed"} {
			for _, alg := range algs {
				if k := signers()[kid].key(); k.Fits(alg) {
					p.Keys = append(p.Keys, k)
					break
				}
			}
		}
	}
}

func TestVectorsOfStructure(t *testing.T) {
	rsaPublic := pem.EncodeToMemory(&pem.Block{
		Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(signers()["rsa"].private.Public())),
	})
	hmac := func(header string) string {
		signing := b64([]byte(header)) + "." + b64([]byte(good().String()))
		return signing + "." + b64(must(gojwt.SigningMethodHS256.Sign(signing, rsaPublic)))
	}
	payload := good().String()
	headed := func(members string) string { // a header with more in it, well signed
		return signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"ed"`+members+`}`, payload)
	}
	fine := sign("ed", good())
	head, rest, _ := strings.Cut(fine, ".")
	body, sig, _ := strings.Cut(rest, ".")

	run(t, []vector{
		{"V00 RS256", sign("rsa", good()), nil, ""},
		{"V00 ES256", sign("p256", good()), nil, ""},
		{"V00 ES384", sign("p384", good()), nil, ""},
		{"V00 ES512", sign("p521", good()), nil, ""},
		{"V00 EdDSA", fine, nil, ""},
		{"V00 PS256", signText("rsa", "PS256", `{"alg":"PS256","kid":"rsa"}`, payload), only("PS256"), ""},
		{"V00 typ JWT", headed(`,"typ":"JWT"`), nil, ""},
		{"V00 typ at+jwt", headed(`,"typ":"application/AT+jwt"`), nil, ""},
		{"V00 x5t is passed over", headed(`,"x5t":"x","x5t#S256":"x"`), nil, ""},

		{"V01 alg none, empty signature", b64([]byte(`{"alg":"none","kid":"ed"}`)) + "." + body + ".", nil, jwt.TokenMalformed},
		{"V01 alg none, some signature", b64([]byte(`{"alg":"none","kid":"ed"}`)) + "." + body + "." + sig, nil, jwt.AlgNotAllowed},
		{"V02 alg nOnE", b64([]byte(`{"alg":"nOnE","kid":"ed"}`)) + "." + body + "." + sig, nil, jwt.AlgNotAllowed},
		{"V02 alg NONE", b64([]byte(`{"alg":"NONE","kid":"ed"}`)) + "." + body + "." + sig, nil, jwt.AlgNotAllowed},
		{"V02 alg eddsa", signText("ed", "EdDSA", `{"alg":"eddsa","kid":"ed"}`, payload), nil, jwt.AlgNotAllowed},
		{"V02 alg Ed25519", signText("ed", "EdDSA", `{"alg":"Ed25519","kid":"ed"}`, payload), nil, jwt.AlgNotAllowed},
		{"V02 no alg", signText("ed", "EdDSA", `{"kid":"ed"}`, payload), nil, jwt.AlgNotAllowed},
		{"V02 alg is a number", signText("ed", "EdDSA", `{"alg":1,"kid":"ed"}`, payload), nil, jwt.HeaderMalformed},
		{"V03 HS256 under the RSA public key", hmac(`{"alg":"HS256","kid":"rsa"}`), nil, jwt.AlgNotAllowed},
		{"V03 HS256 said to be RS256", hmac(`{"alg":"RS256","kid":"rsa"}`), nil, jwt.SignatureMismatch},
		{"V04 PS256 where RS256 is", signText("rsa", "PS256", `{"alg":"PS256","kid":"rsa"}`, payload), nil, jwt.AlgNotAllowed},
		{"V04 PS256 said to be RS256", signText("rsa", "PS256", `{"alg":"RS256","kid":"rsa"}`, payload), nil, jwt.SignatureMismatch},
		{"V05 ES256 with the key of P-384", signText("p256", "ES256", `{"alg":"ES256","kid":"p384"}`, payload), nil, jwt.KeyAlgMismatch},
		{"V05 RS256 with the key of P-256", signText("rsa", "RS256", `{"alg":"RS256","kid":"p256"}`, payload), nil, jwt.KeyAlgMismatch},
		{"V05 EdDSA with the key of RSA", signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"rsa"}`, payload), nil, jwt.KeyAlgMismatch},
		{"V05 RS256 with a key for PS256 alone", sign("rsa", good()), func(p *jwt.Policy) {
			p.Algs, p.Keys[0].Alg = append(p.Algs, "PS256"), "PS256"
		}, jwt.KeyAlgMismatch},
		{"V06 crit", headed(`,"crit":["x"],"x":1`), nil, jwt.HeaderUnknown},
		{"V07 crit of none", headed(`,"crit":[]`), nil, jwt.HeaderUnknown},
		{"V08 crit b64", headed(`,"crit":["b64"],"b64":false`), nil, jwt.HeaderUnknown},
		{"V08 b64 alone", headed(`,"b64":true`), nil, jwt.HeaderUnknown},
		{"V09 jku", headed(`,"jku":"https://evil.example/keys"`), nil, jwt.HeaderUnknown},
		{"V09 x5u", headed(`,"x5u":"https://evil.example/chain"`), nil, jwt.HeaderUnknown},
		{"V10 jwk", headed(`,"jwk":` + string(must(json.Marshal(signers()["other"].key())))), nil, jwt.HeaderUnknown},
		{"V11 x5c", headed(`,"x5c":["MIIB"]`), nil, jwt.HeaderUnknown},
		{"V11 zip", headed(`,"zip":"DEF"`), nil, jwt.HeaderUnknown},
		{"V11 enc", headed(`,"enc":"A128GCM"`), nil, jwt.HeaderUnknown},
		{"V11 cty", headed(`,"cty":"JWT"`), nil, jwt.HeaderUnknown},
		{"V13 no kid", signText("ed", "EdDSA", `{"alg":"EdDSA"}`, payload), nil, jwt.KidAbsent},
		{"V13 no kid, one key", signText("ed", "EdDSA", `{"alg":"EdDSA"}`, payload), only("EdDSA"), jwt.KidAbsent},
		{"V13 kid is empty", signText("ed", "EdDSA", `{"alg":"EdDSA","kid":""}`, payload), nil, jwt.KidMalformed},
		{"V13 kid is null", signText("ed", "EdDSA", `{"alg":"EdDSA","kid":null}`, payload), nil, jwt.HeaderMalformed},
		{"V13 kid of a path", signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"../ ed"}`, payload), nil, jwt.KidMalformed},
		{"V14 kid of another issuer", sign("other", good()), nil, jwt.KeyUnknown},
		{"V14 all of another issuer", sign("other", good().and(object{"iss": other})), nil, jwt.IssuerMismatch},
		{"V15 kid of both issuers", signText("other", "EdDSA", `{"alg":"EdDSA","kid":"ed"}`, payload), nil, jwt.SignatureMismatch},
		{"V16 alg twice", signText("ed", "EdDSA", `{"alg":"none","alg":"EdDSA","kid":"ed"}`, payload), nil, jwt.HeaderRepeated},
		{"V16 kid twice", headed(`,"k\u0069d":"rsa"`), nil, jwt.HeaderRepeated},
		{"V17 Alg too", headed(`,"Alg":"none"`), nil, jwt.HeaderRepeated},
		{"V17 Alg alone", signText("ed", "EdDSA", `{"Alg":"EdDSA","kid":"ed"}`, payload), nil, jwt.HeaderUnknown},
		{"V17 KID in another alphabet", headed(`,"\u212aid":"rsa"`), nil, jwt.HeaderRepeated},
		{"V18 encrypted", head + ".a.b.c.d", nil, jwt.TokenMalformed},
		{"V19 JSON serialisation", `{"payload":"` + body + `","protected":"` + head + `","signature":"` + sig + `"}`, nil, jwt.TokenMalformed},
		{"V20 two segments", head + "." + body, nil, jwt.TokenMalformed},
		{"V20 four segments", fine + "." + sig, nil, jwt.TokenMalformed},
		{"V20 no header", "." + body + "." + sig, nil, jwt.TokenMalformed},
		{"V20 no payload", head + ".." + sig, nil, jwt.TokenMalformed},
		{"V20 no signature", head + "." + body + ".", nil, jwt.TokenMalformed},
		{"V20 nothing", "", nil, jwt.TokenMalformed},
		{"V21 ten megabytes of dots", strings.Repeat(".", 10<<20), nil, jwt.TokenTooLarge},
		{"V21 as many dots as fit", strings.Repeat(".", jwt.MaxToken), nil, jwt.TokenMalformed},
		{"V21 one byte too many", sign("ed", good().and(object{"pad": strings.Repeat("p", jwt.MaxToken)})), nil, jwt.TokenTooLarge},
		{"V22 padded", padded(fine), nil, jwt.TokenMalformed},
		{"V22 standard alphabet", strings.Map(toStandard, withBoth(fine)), nil, jwt.TokenMalformed},
		{"V23 line break in the signature", fine[:len(fine)-4] + "\r\n" + fine[len(fine)-4:], nil, jwt.TokenMalformed},
		{"V23 line break at the end", fine + "\n", nil, jwt.TokenMalformed},
		{"V23 space before", " " + fine, nil, jwt.TokenMalformed},
		{"V23 zero byte", fine + "\x00", nil, jwt.TokenMalformed},
		{"V24 trailing bits in the signature", trailingBits(fine), nil, jwt.TokenMalformed},
		{"V24 trailing bits in the payload", head + "." + trailingBits(bodyWithBits()) + "." + sig, nil, jwt.TokenMalformed},
		{"V24 signature of a length that there is not", fine + "AAA", nil, jwt.TokenMalformed},
		{"V24 signature one byte short", head + "." + body + "." + b64(unb64(sig)[:63]), nil, jwt.SignatureMismatch},
		{"V25 bytes after the header's object", signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"ed"}{}`, payload), nil, jwt.HeaderMalformed},
		{"V25 bytes after the claims' object", signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"ed"}`, payload+`{"iss":"evil"}`), nil, jwt.ClaimsMalformed},
		{"V25 header is no object", signText("ed", "EdDSA", `["EdDSA"]`, payload), nil, jwt.HeaderMalformed},
		{"V26 header 2500 deep", headed(`,"typ":` + strings.Repeat("[", 2500) + strings.Repeat("]", 2500)), nil, jwt.HeaderMalformed},
		{"V26 header 10000 deep", headed(`,"typ":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000)), nil, jwt.TokenTooLarge},
		{"V26 claims 2500 deep", sign("ed", good().and(object{"x": json.RawMessage(strings.Repeat("[", 2500) + strings.Repeat("]", 2500))})), nil, jwt.ClaimsMalformed},
		{"V27 typ dpop+jwt", headed(`,"typ":"dpop+jwt"`), nil, jwt.TypNotAllowed},
		{"V27 typ secevent+jwt", headed(`,"typ":"application/secevent+jwt"`), nil, jwt.TypNotAllowed},
		{"V27 typ of nothing", headed(`,"typ":""`), nil, jwt.TypNotAllowed},
		{"V27 typ of a prefix", headed(`,"typ":"application/"`), nil, jwt.TypNotAllowed},
		{"V27 typ prefixed twice", headed(`,"typ":"application/application/jwt"`), nil, jwt.TypNotAllowed},
		{"V27 typ JWT where at+jwt is asked for", headed(`,"typ":"JWT"`), types("at+jwt"), jwt.TypNotAllowed},
		{"V27 no typ where at+jwt is asked for", fine, types("at+jwt"), jwt.TypNotAllowed},
		{"V27 at+jwt where it is asked for", headed(`,"typ":"at+JWT"`), types("at+jwt"), ""},
		{"V28 proof of DPoP as the token", signText("ed", "EdDSA", `{"typ":"dpop+jwt","alg":"EdDSA","jwk":`+
			string(must(json.Marshal(signers()["ed"].key())))+`}`, object{"jti": "1", "htm": "POST", "htu": "https://events.example", "iat": at(0)}.String()), nil, jwt.HeaderUnknown},

		{"V48 header of another", b64([]byte(`{"kid":"ed","alg":"EdDSA"}`)) + "." + body + "." + sig, nil, jwt.SignatureMismatch},
		{"V48 claims of another", head + "." + b64([]byte(good().and(object{"sub": "mallory"}).String())) + "." + sig, nil, jwt.SignatureMismatch},
		{"V48 signature of another", head + "." + body + "." + b64(make([]byte, 64)), nil, jwt.SignatureMismatch},
		{"V50 ES256 with n - s", malleated(sign("p256", good())), nil, ""},
		{"V51 Ed25519 with s + L", unreduced(fine), nil, jwt.SignatureMismatch},
	})
}

func TestVectorsOfClaims(t *testing.T) {
	claims := func(changes object) string { return sign("ed", good().and(changes)) }
	text := func(payload string) string { return signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"ed"}`, payload) }
	plus := func(members string) string {
		return text(strings.TrimSuffix(good().String(), "}") + "," + members + "}")
	}
	number := func(text string) json.RawMessage { return json.RawMessage(text) }

	run(t, []vector{
		{"V29 expired for the leeway", claims(object{"exp": at(-time.Minute)}), nil, jwt.Expired},
		{"V29 expired one second beyond it", claims(object{"exp": at(-61 * time.Second), "iat": at(-120 * time.Second)}), nil, jwt.Expired},
		{"V29 expired within it", claims(object{"exp": at(-59 * time.Second), "iat": at(-2 * time.Minute)}), nil, ""},
		{"V29 expired without leeway", claims(object{"exp": at(0)}), func(p *jwt.Policy) { p.Leeway = 0 }, jwt.Expired},
		{"V30 no exp", claims(object{"exp": nil}), nil, jwt.ExpiryAbsent},
		{"V30 exp null", text(strings.Replace(good().String(), `"exp":`, `"exp":null,"x":`, 1)), nil, jwt.TimeMalformed},
		{"V31 exp as text", claims(object{"exp": fmt.Sprint(at(time.Minute))}), nil, jwt.TimeMalformed},
		{"V31 exp with a fraction", claims(object{"exp": number(fmt.Sprint(at(time.Minute), ".5"))}), nil, jwt.TimeMalformed},
		{"V31 exp with .0", claims(object{"exp": number(fmt.Sprint(at(time.Minute)) + ".0")}), nil, jwt.TimeMalformed},
		{"V31 exp with an exponent", claims(object{"exp": number("18e8")}), nil, jwt.TimeMalformed},
		{"V31 exp 2^53", claims(object{"exp": number("9007199254740992")}), nil, jwt.TimeMalformed},
		{"V31 exp 2^53 - 1", claims(object{"exp": number("9007199254740991")}), nil, jwt.LifetimeTooLong},
		{"V31 exp 9e18", claims(object{"exp": number("9e18")}), nil, jwt.TimeMalformed},
		{"V31 exp 9000000000000000000", claims(object{"exp": number("9000000000000000000")}), nil, jwt.TimeMalformed},
		{"V31 exp beyond 64 bits", claims(object{"exp": number("18446744073709551617")}), nil, jwt.TimeMalformed},
		{"V31 exp negative", claims(object{"exp": number("-1")}), nil, jwt.TimeMalformed},
		{"V31 iat 9e18 and exp", claims(object{"iat": number("9e18"), "exp": number("9e18")}), nil, jwt.TimeMalformed},
		{"V32 lifetime at its bound", claims(object{"iat": at(0), "exp": at(time.Hour)}), nil, ""},
		{"V32 lifetime a second too long", claims(object{"iat": at(0), "exp": at(time.Hour + time.Second)}), nil, jwt.LifetimeTooLong},
		{"V32 lifetime from 1970 on", claims(object{"iat": 0}), nil, jwt.LifetimeTooLong},
		{"V33 iat ten minutes ahead", claims(object{"iat": at(10 * time.Minute), "exp": at(20 * time.Minute)}), nil, jwt.IssuedInFuture},
		{"V33 iat one second beyond the leeway", claims(object{"iat": at(61 * time.Second)}), nil, jwt.IssuedInFuture},
		{"V33 iat at the leeway", claims(object{"iat": at(time.Minute)}), nil, ""},
		{"V33 no iat", claims(object{"iat": nil}), nil, jwt.IssuedAtAbsent},
		{"V33 iat as text", claims(object{"iat": "1"}), nil, jwt.TimeMalformed},
		{"V34 nbf one second beyond the leeway", claims(object{"nbf": at(61 * time.Second)}), nil, jwt.NotYetValid},
		{"V34 nbf at the leeway", claims(object{"nbf": at(time.Minute)}), nil, ""},
		{"V34 nbf with a fraction", claims(object{"nbf": number("1.5")}), nil, jwt.TimeMalformed},
		{"V34 nbf null", plus(`"nbf":null`), nil, jwt.TimeMalformed},
		{"V35 no aud", claims(object{"aud": nil}), nil, jwt.AudienceAbsent},
		{"V35 wrong aud", claims(object{"aud": "https://elsewhere.example"}), nil, jwt.AudienceMismatch},
		{"V35 aud in another case", claims(object{"aud": strings.ToUpper(audience)}), nil, jwt.AudienceMismatch},
		{"V35 aud with a slash more", claims(object{"aud": audience + "/"}), nil, jwt.AudienceMismatch},
		{"V35 one of ours among others", claims(object{"aud": []string{"x", "api://second"}}), nil, ""},
		{"V35 none of ours", claims(object{"aud": []string{"x", "y"}}), nil, jwt.AudienceMismatch},
		{"V35 aud empty", claims(object{"aud": ""}), nil, jwt.AudienceMalformed},
		{"V35 aud []", claims(object{"aud": []string{}}), nil, jwt.AudienceMalformed},
		{"V35 aud an object", claims(object{"aud": object{audience: true}}), nil, jwt.AudienceMalformed},
		{"V35 aud [1]", claims(object{"aud": []int{1}}), nil, jwt.AudienceMalformed},
		{"V35 ours among numbers", claims(object{"aud": []any{audience, 1}}), nil, jwt.AudienceMalformed},
		{"V35 ours beside an empty one", claims(object{"aud": []any{audience, ""}}), nil, jwt.AudienceMalformed},
		{"V35 aud null", text(strings.Replace(good().String(), `"aud":`, `"aud":null,"x":`, 1)), nil, jwt.AudienceMalformed},
		{"V36 no iss", claims(object{"iss": nil}), nil, jwt.IssuerAbsent},
		{"V36 iss empty", claims(object{"iss": ""}), nil, jwt.IssuerAbsent},
		{"V36 iss an array", claims(object{"iss": []string{issuer}}), nil, jwt.IssuerAbsent},
		{"V36 iss with a slash more", claims(object{"iss": issuer + "/"}), nil, jwt.IssuerMismatch},
		{"V37 iss twice, the last good", text(`{"iss":"https://evil.example",` + good().String()[1:]), nil, jwt.ClaimRepeated},
		{"V37 iss twice, the first good", plus(`"iss":"https://evil.example"`), nil, jwt.ClaimRepeated},
		{"V37 iss twice, escaped", plus(`"\u0069ss":"https://evil.example"`), nil, jwt.ClaimRepeated},
		{"V37 exp twice", plus(`"exp":1`), nil, jwt.ClaimRepeated},
		{"V37 a member twice within a claim", plus(`"x":[{"y":1,"y":2}]`), nil, jwt.ClaimRepeated},
		{"V38 iss and ISS", plus(`"ISS":"https://evil.example"`), nil, jwt.ClaimRepeated},
		{"V38 sub and \u017fub", plus(`"\u017fub":"mallory"`), nil, jwt.ClaimRepeated},
		{"V38 NBF alone", plus(`"NBF":1`), nil, jwt.ClaimRepeated},
		{"V38 Cnf alone", plus(`"Cnf":{"jkt":"x"}`), nil, jwt.ClaimRepeated},
		{"V38 ISS alone", text(strings.Replace(good().String(), `"iss"`, `"ISS"`, 1)), nil, jwt.ClaimRepeated},
		{"V39 claims null", text("null"), nil, jwt.ClaimsMalformed},
		{"V39 claims an array", text("[]"), nil, jwt.ClaimsMalformed},
		{"V39 claims a string", text(`"x"`), nil, jwt.ClaimsMalformed},
		{"V39 claims of one blank", text(" "), nil, jwt.ClaimsMalformed},
		{"V39 claims empty", text("{}"), nil, jwt.IssuerAbsent},
		{"V39 claims invalid UTF-8", plus("\"x\":\"\xff\""), nil, jwt.ClaimsMalformed},
		{"V39 claims with half a surrogate", plus(`"x":"\ud800"`), nil, jwt.ClaimsMalformed},
	})
}

// okta are the rules of custom authorization servers.
func okta(p *jwt.Policy) {
	p.Algs = []string{"RS256"}
	p.Keys = p.Keys[:1]
	p.Rules = sdk.TokenRules{
		Require: []sdk.ClaimRule{
			{Claim: "/cid", Shape: "string", Differs: "/aud"}, {Claim: "/scp", Shape: "array"}, {Claim: "/ver", Shape: "integer"},
		},
		Forbid:  []string{"/nonce", "/at_hash", "/amr"},
		Subject: []sdk.SubjectRule{{Claim: "/uid", Prefix: "user:"}, {Claim: "/cid", Prefix: "client:"}},
		Client:  "/cid", Groups: "/groups", Scopes: "/scp",
	}
}

func oktaClient() object {
	return good().and(object{
		"ver": 1, "sub": "0oa1client", "cid": "0oa1client", "scp": []string{"events.write", "events.read"},
	})
}

func oktaID() object {
	return good().and(object{
		"ver": 1, "sub": "00u1user", "aud": "0oa1client", "amr": []string{"pwd"}, "idp": "00o1", "jti": "ID.1",
		"auth_time": at(-time.Minute), "at_hash": "x", "nonce": "n",
	})
}

// cognito are the rules of Cognito, whose access tokens have no aud.
func cognito(p *jwt.Policy) {
	p.Audiences = []string{"1example23456789"}
	p.Rules = sdk.TokenRules{
		Audience: "/client_id",
		Require:  []sdk.ClaimRule{{Claim: "/token_use", OneOf: []string{"access"}}},
		Client:   "/client_id", Groups: "/cognito:groups", Scopes: "/scope",
	}
}

func cognitoAccess() object {
	return good().and(object{
		"aud": nil, "client_id": "1example23456789", "token_use": "access", "scope": "events/write  events/read ",
		"cognito:groups": []string{"senders"},
	})
}

// aws are the rules of STS web identity tokens of one account.
func aws(p *jwt.Policy) {
	const claim = "/https:~1~1sts.amazonaws.com~1"
	p.Rules = sdk.TokenRules{
		Require: []sdk.ClaimRule{
			{Claim: claim + "/aws_account", OneOf: []string{"123456789012"}},
			{Claim: "/sub", Prefixes: []string{"arn:aws:iam::123456789012:role/", "arn:aws:iam::123456789012:user/"}},
		},
		Confirmation: claim + "/request_tags/headgate_jkt",
	}
}

func awsToken(sub, account string, tags object) object {
	return good().and(object{
		"sub": sub,
		"https://sts.amazonaws.com/": object{
			"aws_account": account, "source_region": "us-east-1", "principal_tags": object{"team": "data"}, "request_tags": tags,
		},
	})
}

const role = "arn:aws:iam::123456789012:role/DataProcessingRole"

func TestVectorsOfIssuers(t *testing.T) {
	thumbprint := signers()["p256"].key().Thumbprint()
	bound := func(cnf object) string { return sign("ed", good().and(object{"cnf": cnf})) }
	run(t, []vector{
		{"V40 Okta ID token", sign("rsa", oktaID()), okta, jwt.AudienceMismatch},
		{"V40 Okta ID token, its aud is ours", sign("rsa", oktaID().and(object{"aud": audience})), okta, jwt.ClaimForbidden},
		{"V40 Okta ID token without its marks", sign("rsa", oktaID().and(object{"aud": audience, "nonce": nil, "at_hash": nil, "amr": nil})), okta, jwt.ClaimMissing},
		{"V40 aud equal to cid", sign("rsa", oktaClient().and(object{"cid": audience})), okta, jwt.ClaimMismatch},
		{"V40 aud an array of cid", sign("rsa", oktaClient().and(object{"cid": audience, "aud": []string{audience}})), okta, jwt.ClaimMismatch},
		{"V41 Okta token of the org server", sign("rsa", oktaClient().and(object{"iss": "https://id.example"})), okta, jwt.IssuerMismatch},
		{"V42 Okta access token", sign("rsa", oktaClient()), okta, ""},
		{"V42 without cid", sign("rsa", oktaClient().and(object{"cid": nil})), okta, jwt.ClaimMissing},
		{"V42 scp as words", sign("rsa", oktaClient().and(object{"scp": "events.write"})), okta, jwt.ClaimShape},
		{"V42 scp with a number", sign("rsa", oktaClient().and(object{"scp": []any{"a", 1}})), okta, jwt.ClaimShape},
		{"V42 ver as text", sign("rsa", oktaClient().and(object{"ver": "1"})), okta, jwt.ClaimShape},
		{"V42 ver with a fraction", sign("rsa", oktaClient().and(object{"ver": 1.5})), okta, jwt.ClaimShape},
		{"V42 uid is a number", sign("rsa", oktaClient().and(object{"uid": 7})), okta, jwt.SubjectMalformed},
		{"V42 groups as text", sign("rsa", oktaClient().and(object{"groups": "admins"})), okta, jwt.ClaimShape},

		{"V44 Cognito access token", sign("rsa", cognitoAccess()), cognito, ""},
		{"V44 Cognito ID token", sign("rsa", cognitoAccess().and(object{"token_use": "id", "aud": "1example23456789", "client_id": nil})), cognito, jwt.AudienceAbsent},
		{"V44 token_use id", sign("rsa", cognitoAccess().and(object{"token_use": "id"})), cognito, jwt.ClaimMismatch},
		{"V44 token_use among others", sign("rsa", cognitoAccess().and(object{"token_use": []string{"access"}})), cognito, jwt.ClaimMismatch},
		{"V44 another client", sign("rsa", cognitoAccess().and(object{"client_id": "other"})), cognito, jwt.AudienceMismatch},
		{"V44 without the client rule", sign("rsa", cognitoAccess()), nil, jwt.AudienceAbsent},

		{"V45 AWS", sign("p384", awsToken(role, "123456789012", object{"job": "1"})), aws, ""},
		{"V45 sub of another account", sign("p384", awsToken(strings.Replace(role, "1234", "9999", 1), "123456789012", nil)), aws, jwt.ClaimMismatch},
		{"V45 aws_account of another", sign("p384", awsToken(role, "999956789012", nil)), aws, jwt.ClaimMismatch},
		{"V45 aws_account is a number", sign("p384", awsToken(role, "123456789012", nil).and(object{"https://sts.amazonaws.com/": object{"aws_account": 123456789012}})), aws, jwt.ClaimMismatch},
		{"V45 no AWS claim", sign("p384", good().and(object{"sub": role})), aws, jwt.ClaimMissing},
		{"V45 AWS claim is text", sign("p384", good().and(object{"sub": role, "https://sts.amazonaws.com/": "aws_account"})), aws, jwt.ClaimMissing},
		{"V45 session of the role", sign("p384", awsToken("arn:aws:sts::123456789012:assumed-role/DataProcessingRole/x", "123456789012", nil)), aws, jwt.ClaimMismatch},
		{"V45 issuer of another account", sign("p384", awsToken(role, "123456789012", nil).and(object{"iss": other})), aws, jwt.IssuerMismatch},
		{"V45 headgate_jkt is no thumbprint", sign("p384", awsToken(role, "123456789012", object{"headgate_jkt": "admin"})), aws, jwt.ConfirmationUnknown},

		{"V46 cnf.jkt", bound(object{"jkt": thumbprint}), nil, ""},
		{"V46 cnf.x5t#S256", bound(object{"x5t#S256": thumbprint}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.jkt and x5t#S256", bound(object{"jkt": thumbprint, "x5t#S256": thumbprint}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.jwk", bound(object{"jwk": object{}}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.kid", bound(object{"kid": "ed"}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf of nothing", bound(object{}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.jkt empty", bound(object{"jkt": ""}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.jkt a number", bound(object{"jkt": 1}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.jkt padded", bound(object{"jkt": thumbprint + "="}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.jkt with a line break", bound(object{"jkt": thumbprint[:20] + "\n" + thumbprint[20:]}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.jkt short", bound(object{"jkt": thumbprint[1:]}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf null", signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"ed"}`, strings.TrimSuffix(good().String(), "}")+`,"cnf":null}`), nil, jwt.ConfirmationUnknown},
		{"V46 cnf.jkt null", bound(object{"jkt": json.RawMessage("null")}), nil, jwt.ConfirmationUnknown},
		{"V46 cnf text", sign("ed", good().and(object{"cnf": thumbprint})), nil, jwt.ConfirmationUnknown},
		{"V46 bound twice to one key", sign("ed", awsToken(role, "123456789012", object{"headgate_jkt": thumbprint}).and(object{"cnf": object{"jkt": thumbprint}})), aws, ""},
		{"V46 bound to two keys", sign("ed", awsToken(role, "123456789012", object{"headgate_jkt": thumbprint}).and(object{"cnf": object{"jkt": signers()["ed"].key().Thumbprint()}})), aws, jwt.ConfirmationDiffers},
		{"V46 tag bound, cnf unknown", sign("ed", awsToken(role, "123456789012", object{"headgate_jkt": thumbprint}).and(object{"cnf": object{}})), aws, jwt.ConfirmationUnknown},
	})
}

// V43: whoever gets a login that is another's client id is somebody else.
func TestVectorOktaUserIsNoClient(t *testing.T) {
	p := policy()
	okta(&p)
	client, err := verify(t, p, sign("rsa", oktaClient()), now)
	if err != nil {
		t.Fatal(err)
	}
	user, err := verify(t, p, sign("rsa", oktaClient().and(object{"uid": "0oa1client", "cid": "0oa2other"})), now)
	if err != nil {
		t.Fatal(err)
	}
	if client.Subject != "client:0oa1client" || user.Subject != "user:0oa1client" {
		t.Errorf("got %s and %s", client.Subject, user.Subject)
	}
}

func run(t *testing.T, vectors []vector) {
	t.Helper()
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			p := policy()
			if v.policy != nil {
				v.policy(&p)
			}
			switch _, err := verify(t, p, v.token, now); {
			case v.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case v.want != "" && err != v.want:
				t.Errorf("got %v, want %v", err, v.want)
			}
		})
	}
}

func types(types ...string) func(*jwt.Policy) {
	return func(p *jwt.Policy) { p.Rules.Types = types }
}

func unb64(text string) []byte { return must(base64.RawURLEncoding.DecodeString(text)) }

func segments(token string) (signing string, sig []byte) {
	end := strings.LastIndexByte(token, '.')
	return token[:end], unb64(token[end+1:])
}

// padded gives every segment its padding.
func padded(token string) string {
	var out []string
	for _, segment := range strings.Split(token, ".") {
		out = append(out, base64.URLEncoding.EncodeToString(unb64(segment)))
	}
	return strings.Join(out, ".")
}

func toStandard(r rune) rune {
	switch r {
	case '-':
		return '+'
	case '_':
		return '/'
	}
	return r
}

// withBoth makes sure that there is something to tell the alphabets apart by.
func withBoth(token string) string { return token[:len(token)-2] + "-_" }

// trailingBits sets the lowest of the bits that the last character has to spare.
func trailingBits(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return text[:len(text)-1] + string(alphabet[last|1])
}

// bodyWithBits is a payload whose last character has bits to spare.
func bodyWithBits() string {
	text := good().String()
	for len(text)%3 == 0 {
		text += " "
	}
	return b64([]byte(text))
}

// malleated gives the other ECDSA signature of the same: (r, n - s).
func malleated(token string) string {
	signing, sig := segments(token)
	n, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(n, s).FillBytes(sig[32:])
	return signing + "." + b64(sig)
}

// unreduced adds the order of the group to s (RFC 8032, section 5.1.7).
func unreduced(token string) string {
	signing, sig := segments(token)
	carry := 0
	for i, b := range must(fmtHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")) {
		sum := int(sig[32+i]) + int(b) + carry
		sig[32+i], carry = byte(sum), sum>>8
	}
	return signing + "." + b64(sig)
}

func fmtHex(text string) ([]byte, error) {
	var b []byte
	_, err := fmt.Sscanf(text, "%x", &b)
	return b, err
}
