package webhook_test

import (
	"crypto/ed25519"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// vector is one case of the public vectors, as far as a producer needs it.
type vector struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	SigningKey string `json:"signing_key"`
	ID         string `json:"id"`
	Timestamp  string `json:"timestamp"`
	Body       []byte `json:"body"`
	Signature  string `json:"signature"`
	Outcome    string `json:"outcome"`
}

func TestSignVectors(t *testing.T) {
	text, err := os.ReadFile("../testdata/vectors/webhook.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	signed := 0
	for _, v := range file.Vectors {
		if v.Outcome != "accept" {
			continue
		}
		seconds, err := strconv.ParseInt(v.Timestamp, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		got := signer(t, v.SigningKey).Sign(v.ID, time.Unix(seconds, 0), v.Body)
		if !slices.Contains(strings.Split(v.Signature, " "), got) {
			t.Errorf("%s: Sign gives %s, want one of %s", v.Name, got, v.Signature)
		}
		signed++
	}
	if signed < 4 {
		t.Errorf("only %d vectors are accepted", signed)
	}
}

func signer(t *testing.T, text string) *webhook.Signer {
	t.Helper()
	if strings.HasPrefix(text, "whsec_") {
		secret, err := webhook.ParseSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := webhook.NewHMACSigner(secret)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	key, err := webhook.ParsePrivate(text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := webhook.NewEd25519Signer(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignerRefusesWeakKeys(t *testing.T) {
	for _, n := range []int{0, 24, 31, 65} {
		if _, err := webhook.NewHMACSigner(make([]byte, n)); err == nil {
			t.Errorf("a secret of %d bytes was taken", n)
		}
	}
	for _, n := range []int{0, 32, 63} {
		if _, err := webhook.NewEd25519Signer(make(ed25519.PrivateKey, n)); err == nil {
			t.Errorf("a private key of %d bytes was taken", n)
		}
	}
}

func TestSignerKeepsItsOwnKey(t *testing.T) {
	secret := webhook.NewSecret()
	s, err := webhook.NewHMACSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1767225600, 0)
	before := s.Sign("a", at, nil)
	clear(secret)
	if s.Sign("a", at, nil) != before {
		t.Error("the signer changed with the caller's slice")
	}
}
