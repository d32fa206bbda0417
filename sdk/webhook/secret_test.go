package webhook_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestSecretRoundTrip(t *testing.T) {
	secret := webhook.NewSecret()
	got, err := webhook.ParseSecret(webhook.FormatSecret(secret))
	if err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("round trip: %v", err)
	}
	if bytes.Equal(secret, webhook.NewSecret()) {
		t.Error("two new secrets are equal")
	}
}

func TestParseSecretRefuses(t *testing.T) {
	good := webhook.FormatSecret(bytes.Repeat([]byte{0xfb}, 32))
	body := strings.TrimPrefix(good, "whsec_")
	for name, text := range map[string]string{
		"empty":          "",
		"no prefix":      body,
		"other prefix":   "whpk_" + body,
		"upper prefix":   "WHSEC_" + body,
		"leading space":  " " + good,
		"newline":        good + "\n",
		"inner newline":  good[:20] + "\r\n" + good[20:],
		"no padding":     strings.TrimRight(good, "="),
		"url alphabet":   strings.ReplaceAll(strings.ReplaceAll(good, "+", "-"), "/", "_"),
		"trailing bits":  good[:len(good)-2] + "t=",
		"bytes after":    good + "AA==",
		"31 bytes":       webhook.FormatSecret(make([]byte, 31)),
		"65 bytes":       webhook.FormatSecret(make([]byte, 65)),
		"nothing inside": "whsec_",
	} {
		_, err := webhook.ParseSecret(text)
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if len(body) > 0 && strings.Contains(err.Error(), body[:12]) {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	key := webhook.NewKey()
	f.Add(webhook.FormatSecret(make([]byte, 32)))
	f.Add(webhook.FormatPrivate(key))
	f.Add("whsk_" + base64.StdEncoding.EncodeToString(key.Seed()))
	f.Add(webhook.FormatPublic(ed25519.PublicKey(key[32:])))
	f.Add("whpk_AQ==")
	f.Fuzz(func(t *testing.T, text string) {
		if secret, err := webhook.ParseSecret(text); err == nil && webhook.FormatSecret(secret) != text {
			t.Errorf("secret has a second spelling: %q", text)
		}
		if public, err := webhook.ParsePublic(text); err == nil && webhook.FormatPublic(public) != text {
			t.Errorf("public key has a second spelling: %q", text)
		}
		if private, err := webhook.ParsePrivate(text); err == nil {
			seed := "whsk_" + base64.StdEncoding.EncodeToString(private.Seed())
			if text != seed && text != webhook.FormatPrivate(private) {
				t.Errorf("private key has a third spelling: %q", text)
			}
		}
	})
}
