package jwk_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/jwk"
)

func TestParseTakes(t *testing.T) {
	for name, text := range map[string]string{
		"RFC 7638":              rfcRSA,
		"RFC 7517":              rfcEC,
		"RFC 8037":              rfcOKP,
		"white space":           " \n" + rfcOKP + "\n",
		"members not looked at": with(rfcEC, `"x5c":["MII"],"x5t":"x","ext":true,"nbf":1`),
		"key_ops":               with(rfcEC, `"key_ops":["verify"]`),
		"kid of 256 bytes":      with(rfcOKP, `"kid":"`+strings.Repeat("k", 256)+`"`),
		"RSA 2048":              rsaText(bits(2048), 65537),
		"RSA 8192":              rsaText(bits(8192), 65537),
		"escaped kty":           strings.Replace(rfcOKP, "OKP", `\u004fKP`, 1),
	} {
		if _, err := jwk.Parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	small := edwards("0100000000000000000000000000000000000000000000000000000000000000")
	for name, text := range map[string]string{
		"nothing":               "",
		"null":                  "null",
		"an array":              "[" + rfcOKP + "]",
		"a string":              `"x"`,
		"two objects":           rfcOKP + rfcOKP,
		"bytes after":           rfcOKP + "x",
		"no end":                rfcOKP[:len(rfcOKP)-1],
		"no kty":                `{"crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
		"other kty":             `{"kty":"AKP"}`,
		"kty in another case":   strings.Replace(rfcOKP, "OKP", "okp", 1),
		"kty is a number":       `{"kty":1}`,
		"member twice":          with(rfcOKP, `"kty":"OKP"`),
		"member twice, escaped": with(rfcOKP, `"\u006bty":"OKP"`),
		"member in two cases":   with(rfcOKP, `"X":"x"`),
		"member in long s":      with(rfcOKP, `"uſe":"enc"`),
		"nested member twice":   with(rfcOKP, `"y2":{"a":1,"a":2}`),
		"KTY":                   strings.Replace(rfcOKP, "kty", "KTY", 1),
		"half a surrogate":      with(rfcOKP, `"z":"\ud800"`),
		"invalid UTF-8":         with(rfcOKP, "\"z\":\"\xff\""),
		"nested too deep":       with(rfcOKP, `"z":`+strings.Repeat("[", 16)+strings.Repeat("]", 16)),
		"too long":              with(rfcOKP, `"z":"`+strings.Repeat("z", jwk.MaxText)+`"`),

		"private d":       with(rfcOKP, `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"`),
		"private D":       with(rfcOKP, `"D":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"`),
		"private d null":  with(rfcOKP, `"d":null`),
		"private p":       with(rfcRSA, `"p":"AQ"`),
		"private q":       with(rfcRSA, `"q":"AQ"`),
		"private dp":      with(rfcRSA, `"dp":"AQ"`),
		"private dq":      with(rfcRSA, `"dq":"AQ"`),
		"private qi":      with(rfcRSA, `"qi":"AQ"`),
		"private oth":     with(rfcRSA, `"oth":[]`),
		"symmetric":       `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
		"oct without k":   `{"kty":"oct"}`,
		"k beside others": with(rfcOKP, `"k":"AQ"`),

		"use enc":               strings.Replace(rfcEC, "sig", "enc", 1),
		"use in another case":   strings.Replace(rfcEC, "sig", "SIG", 1),
		"use is null":           with(rfcOKP, `"use":null`),
		"use is empty":          with(rfcOKP, `"use":""`),
		"key_ops to sign":       with(rfcOKP, `"key_ops":["sign"]`),
		"key_ops of none":       with(rfcOKP, `"key_ops":[]`),
		"key_ops as text":       with(rfcOKP, `"key_ops":"verify"`),
		"alg of another type":   with(rfcOKP, `"alg":"ES256"`),
		"alg of another curve":  with(rfcEC, `"alg":"ES384"`),
		"alg none":              with(rfcOKP, `"alg":"none"`),
		"alg HS256":             strings.Replace(rfcRSA, "RS256", "HS256", 1),
		"alg to encrypt":        strings.Replace(rfcRSA, "RS256", "RSA-OAEP", 1),
		"alg Ed25519":           with(rfcOKP, `"alg":"Ed25519"`),
		"kid is empty":          with(rfcOKP, `"kid":""`),
		"kid is a number":       with(rfcOKP, `"kid":1`),
		"kid with a space":      with(rfcOKP, `"kid":"a b"`),
		"kid with a quote":      with(rfcOKP, `"kid":"a\"b"`),
		"kid with a line break": with(rfcOKP, `"kid":"a\nb"`),
		"kid not ASCII":         with(rfcOKP, `"kid":"é"`),
		"kid of 257 bytes":      with(rfcOKP, `"kid":"`+strings.Repeat("k", 257)+`"`),

		"RSA 1024":                rsaText(bits(1024), 65537),
		"RSA 2047":                rsaText(bits(2047), 65537),
		"RSA 8193":                rsaText(bits(8193), 65537),
		"RSA 2048 and even":       rsaText(new(big.Int).Sub(bits(2048), big.NewInt(1)), 65537),
		"RSA e 1":                 rsaText(bits(2048), 1),
		"RSA e 3":                 rsaText(bits(2048), 3),
		"RSA e 65538":             rsaText(bits(2048), 65538),
		"RSA e 2^32 + 65537":      rsaText(bits(2048), 1<<32+65537),
		"RSA without n":           `{"kty":"RSA","e":"AQAB"}`,
		"RSA without e":           `{"kty":"RSA","n":"` + b64(bits(2048).Bytes()) + `"}`,
		"RSA n with a zero":       `{"kty":"RSA","e":"AQAB","n":"` + b64(append([]byte{0}, bits(2048).Bytes()...)) + `"}`,
		"RSA e with a zero":       strings.Replace(rfcRSA, `"AQAB"`, `"AAEAAQ"`, 1),
		"RSA e padded":            strings.Replace(rfcRSA, `"AQAB"`, `"AQAB="`, 1),
		"RSA n with a line break": strings.Replace(rfcRSA, `"n":"0v`, `"n":"0\nv`, 1),
		"RSA n in base64":         strings.Replace(rfcRSA, "-", "+", 1),

		"EC without y":            `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"}`,
		"EC y with an octet of x": `{"kty":"EC","crv":"P-256",` + shifted() + `}`,
		"EC off the curve":        strings.Replace(rfcEC, "4Etl", "5Etl", 1),
		"EC at zero":              `{"kty":"EC","crv":"P-256","x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"}`,
		"EC of another crv":       strings.Replace(rfcEC, "P-256", "P-384", 1),
		"EC secp256k1":            strings.Replace(rfcEC, "P-256", "secp256k1", 1),
		"EC P-224":                strings.Replace(rfcEC, "P-256", "P-224", 1),
		"EC x short":              strings.Replace(rfcEC, `"MKBC`, `"`, 1),
		"EC x with a zero":        strings.Replace(rfcEC, `"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"`, `"ADCgQkzSHClEg4otdckrN-duog2fAIk6O07uijwKr-w-"`, 1),
		"EC y of trailing bits":   strings.Replace(rfcEC, "IFyM", "IFyN", 1),

		"Ed25519 small order":   small,
		"Ed25519 not canonical": edwards("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"Ed25519 off the curve": edwards("0200000000000000000000000000000000000000000000000000000000000000"),
		"Ed25519 of 31 bytes":   `{"kty":"OKP","crv":"Ed25519","x":"` + b64(make([]byte, 31)) + `"}`,
		"Ed25519 without x":     `{"kty":"OKP","crv":"Ed25519"}`,
		"X25519":                strings.Replace(rfcOKP, "Ed25519", "X25519", 1),
		"Ed448":                 strings.Replace(rfcOKP, "Ed25519", "Ed448", 1),
	} {
		key, err := jwk.Parse([]byte(text))
		if !errors.Is(err, jwk.ErrKey) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if key.Public != nil || key.ID != "" {
			t.Errorf("%s: refused and given", name)
		}
		for _, number := range []string{"0vx7", "MKBC", "4Etl", "11qY", "nWGx", "AyM1"} {
			if strings.Contains(err.Error(), number) {
				t.Errorf("%s: the error holds the key's numbers: %v", name, err)
			}
		}
	}
}

// FuzzParse: no text makes it panic, and what is taken is read alike once written.
func FuzzParse(f *testing.F) {
	for _, text := range []string{rfcRSA, rfcEC, rfcOKP, `{"kty":"oct","k":"AQ"}`, with(rfcEC, `"\u0058":"a"`), deep(20)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := jwk.Parse(text)
		if err != nil {
			if !errors.Is(err, jwk.ErrKey) {
				t.Errorf("not of the package: %v", err)
			}
			return
		}
		written, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		again, err := jwk.Parse(written)
		if err != nil || again.Thumbprint() != key.Thumbprint() || again.ID != key.ID || again.Alg != key.Alg {
			t.Errorf("%s became %s: %v", text, written, err)
		}
		// A reader that is not strict sees the same key, and nothing private.
		type reading struct{ Kty, Crv, Kid, X, Y, D, K string }
		var loose, own reading
		if err := errors.Join(json.Unmarshal(text, &loose), json.Unmarshal(written, &own)); err != nil {
			t.Fatal(err)
		}
		if key.Fits("EdDSA") {
			loose.Y = "" // no number of this type
		}
		if loose != own && !key.Fits("RS256") && !key.Fits("PS256") {
			t.Errorf("%s: another reader sees %v, not %v", text, loose, own)
		}
	})
}
