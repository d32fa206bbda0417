package curve_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/curve"
)

// The key pair that libzmq's own tests use for servers (zmq_curve(7)).
const (
	knownPublic = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
	knownSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
)

func TestKeysAreThoseOfLibzmq(t *testing.T) {
	secret, err := curve.ParseSecret(knownSecret)
	if err != nil {
		t.Fatal(err)
	}
	if got := secret.Public().String(); got != knownPublic || secret.Reveal() != knownSecret {
		t.Errorf("public key %s", got)
	}
	public, err := curve.ParsePublic(knownPublic)
	if err != nil || public != secret.Public() {
		t.Error(public, err)
	}
}

func TestTextsThatAreNoKeys(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"one short":         knownPublic[1:],
		"one long":          knownPublic + "0",
		"a strange letter":  "~" + knownPublic[1:],
		"a group too large": "#####" + knownPublic[5:],
		"a zero key":        strings.Repeat("0", 40),
	} {
		if _, err := curve.ParsePublic(text); err == nil {
			t.Errorf("%s is taken for a public key", name)
		}
	}
	if _, err := curve.ParseSecret(knownSecret[:39] + "~"); err == nil || strings.Contains(err.Error(), knownSecret[:8]) {
		t.Errorf("got %v", err)
	}
}

// z85 writes any 32 bytes (RFC 32), to write what the package would not.
func z85(b [32]byte) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
	text := ""
	for i := 0; i < 32; i += 4 {
		word, group := binary.BigEndian.Uint32(b[i:]), ""
		for range 5 {
			group = string(digits[word%85]) + group
			word /= 85
		}
		text += group
	}
	return text
}

// X25519 takes several encodings of one point; a key has one.
func TestOneWayToWriteAKey(t *testing.T) {
	key := [32]byte(curve.NewSecret().Public())
	if got := z85(key); got != curve.Public(key).String() {
		t.Fatalf("%s is written %s", curve.Public(key), got)
	}
	key[31] |= 0x80
	if _, err := curve.ParsePublic(z85(key)); err == nil {
		t.Error("a key with its last bit set is taken")
	}
	// 9, the base point, and 9 + 2^255 - 19.
	base, again := [32]byte{9}, [32]byte{0xF6}
	for i := 1; i < 31; i++ {
		again[i] = 0xFF
	}
	again[31] = 0x7F
	if _, err := curve.ParsePublic(z85(base)); err != nil {
		t.Error(err)
	}
	if _, err := curve.ParsePublic(z85(again)); err == nil {
		t.Error("a number beyond the field is taken")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	secret := curve.NewSecret()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for name, got := range map[string]string{"value": fmt.Sprintf(verb, *secret), "pointer": fmt.Sprintf(verb, secret)} {
			if got != "[redacted]" {
				t.Errorf("a %s with %s prints %q", name, verb, got)
			}
		}
	}
	holder := struct {
		Value   curve.Secret
		Pointer *curve.Secret
	}{*secret, secret}
	text, err := json.Marshal(holder)
	if err != nil || string(text) != `{"Value":"[redacted]","Pointer":"[redacted]"}` {
		t.Errorf("JSON is %s, %v", text, err)
	}
}
