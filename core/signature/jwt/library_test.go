package jwt_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"github.com/headgate-io/headgate/core/signature/jwt"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// What golang-jwt takes when it is left as it comes, and what becomes of it here:
// why each of the checks is ours.
func TestWhatTheLibraryTakes(t *testing.T) {
	text := func(payload string) string { return signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"ed"}`, payload) }
	headed := func(members string) string {
		return signText("ed", "EdDSA", `{"alg":"EdDSA","kid":"ed"`+members+`}`, good().String())
	}
	claims := func(changes object) string { return sign("ed", good().and(changes)) }
	fine := sign("ed", good())
	for _, row := range []struct {
		name    string
		token   string
		library bool // takes it
		want    jwt.Reason
	}{
		{"unknown crit", headed(`,"crit":["x"]`), true, jwt.HeaderUnknown},
		{"crit b64", headed(`,"crit":["b64"],"b64":false`), true, jwt.HeaderUnknown},
		{"trailing bits in the signature", trailingBits(fine), true, jwt.TokenMalformed},
		{"line break in the signature", fine[:len(fine)-4] + "\r\n" + fine[len(fine)-4:], true, jwt.TokenMalformed},
		{"ES256 with n - s", malleated(sign("p256", good())), true, ""}, // the same token: no key of anything is made of its bytes
		{"no exp", claims(object{"exp": nil}), true, jwt.ExpiryAbsent},
		{"iat in future", claims(object{"iat": at(3 * time.Minute)}), true, jwt.IssuedInFuture},
		{"no iat", claims(object{"iat": nil}), true, jwt.IssuedAtAbsent},
		{"any aud", claims(object{"aud": "https://elsewhere.example"}), true, jwt.AudienceMismatch},
		{"any iss", claims(object{"iss": other}), true, jwt.IssuerMismatch},
		{"iss and ISS", text(`{"ISS":"https://evil.example",` + good().String()[1:]), true, jwt.ClaimRepeated},
		{"iss twice", text(`{"iss":"https://evil.example",` + good().String()[1:]), true, jwt.ClaimRepeated},
		{"alg twice", headed(`,"alg":"EdDSA"`), true, jwt.HeaderRepeated},
		{"exp 1e18", claims(object{"exp": json.RawMessage("1e18")}), true, jwt.TimeMalformed},
		{"exp 9e18", claims(object{"exp": json.RawMessage("9e18")}), true, jwt.TimeMalformed},
		{"exp 1e18 in digits", claims(object{"exp": json.RawMessage("1000000000000000000")}), true, jwt.TimeMalformed},
		{"exp in a hundred years", claims(object{"exp": at(100 * 365 * 24 * time.Hour)}), true, jwt.LifetimeTooLong},
		{"exp as text", claims(object{"exp": "1900000000"}), false, jwt.TimeMalformed},
		{"claims null", text("null"), true, jwt.ClaimsMalformed},
		{"alg in lower case", signText("ed", "EdDSA", `{"alg":"eddsa","kid":"ed"}`, good().String()), false, jwt.AlgNotAllowed},
		{"bytes after the claims", text(good().String() + "{}"), false, jwt.ClaimsMalformed},
		{"alg Ed25519", signText("ed", "EdDSA", `{"alg":"Ed25519","kid":"ed"}`, good().String()), false, jwt.AlgNotAllowed},
		{"twenty kilobytes", claims(object{"pad": strings.Repeat("p", 20<<10)}), true, jwt.TokenTooLarge},
		{"no kid, each key is tried", signText("ed", "EdDSA", `{"alg":"EdDSA"}`, good().String()), true, jwt.KidAbsent},
		{"no sub", claims(object{"sub": nil}), true, jwt.SubjectAbsent},
	} {
		t.Run(row.name, func(t *testing.T) {
			clock := gojwt.WithTimeFunc(func() time.Time { return now })
			_, err := gojwt.Parse(row.token, everyKey, clock)
			if row.library != (err == nil) {
				t.Errorf("golang-jwt has changed its mind, say so in the table: %v", err)
			}
			_, err = verify(t, policy(), row.token, now)
			if row.want == "" && err != nil || row.want != "" && err != row.want {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

// everyKey leaves it to golang-jwt which key fits.
func everyKey(parsed *gojwt.Token) (any, error) {
	var set gojwt.VerificationKeySet
	for _, kid := range []string{"p256", "ed"} {
		set.Keys = append(set.Keys, signers()[kid].private.Public())
	}
	return set, nil
}

// The rows that are mistakes of whoever sets the library up.
func TestWhatTheLibraryIsToldAmiss(t *testing.T) {
	for name, change := range map[string]func(*jwt.Policy){
		"no issuer":         func(p *jwt.Policy) { p.Issuer = "" },
		"no audiences":      func(p *jwt.Policy) { p.Audiences = nil },
		"an empty audience": func(p *jwt.Policy) { p.Audiences = []string{""} },
		"an empty HMAC key": func(p *jwt.Policy) {
			p.Algs, p.Keys = []string{"HS256"}, []jwk.Key{{ID: "k", Public: []byte{}}}
		},
	} {
		p := policy()
		change(&p)
		if v, err := jwt.New(p); err == nil || v != nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// What reads a token cannot ask anybody about it, whatever jku, x5u or iss say.
func TestNothingHereCanFetch(t *testing.T) {
	for _, pkg := range []string{".", "../../../sdk/jwk"} {
		out, err := exec.Command("go", "list", "-deps", pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		deps := strings.Fields(string(out))
		if len(deps) < 10 {
			t.Fatalf("%s: the list has %d packages", pkg, len(deps))
		}
		for _, dep := range deps {
			switch dep {
			case "net/http", "os/exec", "crypto/tls", "google.golang.org/grpc":
				t.Errorf("%s depends on %s", pkg, dep)
			}
		}
		// net itself comes with crypto/x509, for golang-jwt's PEM files: nothing of ours imports it.
		out, err = exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, imported := range strings.Fields(string(out)) {
			if imported == "net" || strings.HasPrefix(imported, "net/") || imported == "os" {
				t.Errorf("%s imports %s", pkg, imported)
			}
		}
	}
}
