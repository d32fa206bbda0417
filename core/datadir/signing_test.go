package datadir_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/datadir"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func private(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func format(t testing.TB, keys ...datadir.SigningKey) string {
	t.Helper()
	text, err := datadir.FormatKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSigningKeysAreReadAsTheyAreWritten(t *testing.T) {
	want := []datadir.SigningKey{
		{Private: private(1), Role: datadir.Signs, Since: noon},
		{Private: private(2), Role: datadir.Next, Since: noon.Add(time.Minute)},
		{Private: private(3), Role: datadir.Former, Since: noon.Add(-time.Hour)},
		{Private: private(4)},
	}
	got, err := datadir.ParseKeys([]byte(format(t, want...)))
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d keys, %v", len(got), err)
	}
	for i := range want {
		if !got[i].Private.Equal(want[i].Private) || got[i].Role != want[i].Role || !got[i].Since.Equal(want[i].Since) {
			t.Errorf("key %d: %s since %v", i, got[i].Role, got[i].Since)
		}
	}
}

// What other tools write, and what people write beside it, is read, too.
func TestSigningKeysOfOthers(t *testing.T) {
	key := format(t, datadir.SigningKey{Private: private(1)})
	for name, above := range map[string]string{
		"nothing": "", "a word": "made on a Monday\n", "an attribute": "Bag Attributes\n    friendlyName: x\nKey Attributes: <No Attributes>\n",
		"a wrong time": "# next since noon\n", "a wrong role": "# best since 2026-11-22T12:00:00Z\n", "windows": "\r\n",
	} {
		got, err := datadir.ParseKeys([]byte(above + key))
		if err != nil || len(got) != 1 || got[0].Role != "" || !got[0].Private.Equal(private(1)) {
			t.Errorf("%s: %d keys, %v", name, len(got), err)
		}
	}
	marked := strings.ReplaceAll("kept by hand\n# next since 2026-11-22T12:00:00Z\n\n"+key, "\n", "\r\n")
	got, err := datadir.ParseKeys([]byte(marked))
	if err != nil || got[0].Role != datadir.Next || !got[0].Since.Equal(noon) {
		t.Errorf("a role in lines that end otherwise: %+v, %v", got[0].Role, err)
	}
}

func TestSigningKeysAreRefused(t *testing.T) {
	key := func(n byte) string { return format(t, datadir.SigningKey{Private: private(n)}) }
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":              {"", "not PEM"},
		"a text":               {"whsec_AAAA", "not PEM"},
		"a key twice":          {key(1) + key(2) + key(1), "key 3 is key 1 again"},
		"five":                 {key(1) + key(2) + key(3) + key(4) + key(5), "has 5 keys, at most 4"},
		"a first one half":     {key(1)[:60] + "\n" + key(2), "key 1 is"},
		"a last one half":      {key(1) + key(2)[:60], "key 2 is"},
		"an elliptic curve":    {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "not an Ed25519 key"},
		"a public key":         {strings.ReplaceAll(key(1), "PRIVATE", "PUBLIC"), "not a PEM block of type"},
		"an encrypted one":     {strings.ReplaceAll(key(1), "PRIVATE", "ENCRYPTED PRIVATE"), "not a PEM block of type"},
		"a key that is no key": {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")})), "not a PKCS #8 key"},
	} {
		got, err := datadir.ParseKeys([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d keys, %v", name, len(got), err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(format(f, datadir.SigningKey{Private: private(1), Role: datadir.Signs, Since: noon}, datadir.SigningKey{Private: private(2), Role: datadir.Next, Since: noon})))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n"))
	f.Add([]byte("# next since 2026-11-22T12:00:00Z\n-----BEGIN X-----\n-----END X-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := datadir.ParseKeys(text)
		if err != nil {
			return
		}
		if len(keys) == 0 || len(keys) > datadir.MaxSigningKeys {
			t.Fatalf("%d keys", len(keys))
		}
		again, err := datadir.ParseKeys([]byte(format(t, keys...)))
		if err != nil || len(again) != len(keys) {
			t.Fatalf("%d of %d keys come back: %v", len(again), len(keys), err)
		}
		for i := range keys {
			if !again[i].Private.Equal(keys[i].Private) || again[i].Role != keys[i].Role {
				t.Fatalf("key %d: %s became %s", i, keys[i].Role, again[i].Role)
			}
		}
	})
}
