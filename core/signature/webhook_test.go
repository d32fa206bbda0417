package signature_test

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// What the vectors cannot show: headers that are absent or repeated.
func TestParseWebhookCountsHeaders(t *testing.T) {
	const ts = "1767225600"
	for _, c := range []struct {
		name string
		h    signature.Headers
		want error
	}{
		{"once each", signature.Headers{[]string{"a"}, []string{ts}, []string{"v1,x"}}, nil},
		{"none", signature.Headers{}, signature.WebhookIDAbsent},
		{"no id", signature.Headers{nil, []string{ts}, []string{"v1,x"}}, signature.WebhookIDAbsent},
		{"no timestamp", signature.Headers{[]string{"a"}, nil, []string{"v1,x"}}, signature.TimestampAbsent},
		{"no signature", signature.Headers{[]string{"a"}, []string{ts}, nil}, signature.SignatureAbsent},
		{"id twice", signature.Headers{[]string{"a", "a"}, []string{ts}, []string{"v1,x"}}, signature.WebhookIDRepeated},
		{"timestamp twice", signature.Headers{[]string{"a"}, []string{ts, ts}, []string{"v1,x"}}, signature.TimestampRepeated},
		{"signature twice", signature.Headers{[]string{"a"}, []string{ts}, []string{"v1,x", "v1,x"}}, signature.SignatureRepeated},
	} {
		w, err := signature.ParseWebhook(c.h, time.Unix(signedAt, 0))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if err != nil && w != (signature.Webhook{}) {
			t.Errorf("%s: refused and given", c.name)
		}
	}
}

func TestReplayWindowIsExact(t *testing.T) {
	for after, want := range map[time.Duration]error{
		300 * time.Second:                     nil,
		-300 * time.Second:                    nil,
		300*time.Second + time.Nanosecond:     signature.TimestampOutsideWindow,
		-300*time.Second - time.Nanosecond:    signature.TimestampOutsideWindow,
		time.Duration(1<<63 - 1):              signature.TimestampOutsideWindow,
		-time.Duration(signedAt * int64(1e9)): signature.TimestampOutsideWindow,
		-2 * 365 * 24 * time.Hour * 100:       signature.TimestampOutsideWindow,
		-time.Duration(1<<63 - 1 - signedAt):  signature.TimestampOutsideWindow,
	} {
		_, err := signature.ParseWebhook(headers("a", "1767225600", "v1,x"), time.Unix(signedAt, 0).Add(after))
		if !errors.Is(err, want) {
			t.Errorf("%v: got %v, want %v", after, err, want)
		}
	}
	if _, err := signature.ParseWebhook(headers("a", "1767225600", "v1,x"), time.Time{}); err != signature.TimestampOutsideWindow {
		t.Errorf("year 1: got %v", err)
	}
}

func TestKeysRefuseBadMaterial(t *testing.T) {
	for _, n := range []int{0, 31, 65} {
		if _, err := signature.NewHMAC(make([]byte, n)); err == nil {
			t.Errorf("a secret of %d bytes was taken", n)
		}
	}
	for name, public := range map[string]ed25519.PublicKey{
		"short":       make(ed25519.PublicKey, 31),
		"small order": make(ed25519.PublicKey, 32),
	} {
		if _, err := signature.NewEd25519(public); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestKeyKeepsItsOwnMaterial(t *testing.T) {
	secret, private := counting(0), ed25519.NewKeyFromSeed(counting(32))
	public := slices.Clone(private.Public().(ed25519.PublicKey))
	hm, ed := hmacKey(t, secret), edwardsKey(t, public)
	v := vector{ID: "a", Timestamp: "1767225600", SigningKey: webhook.FormatSecret(secret)}
	v1 := signed(v)
	v.SigningKey = webhook.FormatPrivate(private)
	v1a := signed(v)
	clear(secret)
	clear(public)
	w, err := signature.ParseWebhook(headers(v.ID, v.Timestamp, v1+" "+v1a), time.Unix(signedAt, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Verify(hm, nil), w.Verify(ed, nil)); err != nil {
		t.Error(err)
	}
}

func TestKeyIsSafeForConcurrentUse(t *testing.T) {
	key := hmacKey(t, counting(0))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			v := vector{ID: strings.Repeat("x", i+1), Timestamp: "1767225600", SigningKey: webhook.FormatSecret(counting(0))}
			w, err := signature.ParseWebhook(headers(v.ID, v.Timestamp, signed(v)), time.Unix(signedAt, 0))
			if err != nil {
				t.Error(err)
				return
			}
			for range 200 {
				if err := w.Verify(key, nil); err != nil {
					t.Error(err)
				}
				if err := w.Verify(key, []byte("x")); err == nil {
					t.Error("another body was taken")
				}
			}
		})
	}
	wg.Wait()
}

func hmacKey(t testing.TB, secret []byte) *signature.Key {
	t.Helper()
	key, err := signature.NewHMAC(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edwardsKey(t testing.TB, public ed25519.PublicKey) *signature.Key {
	t.Helper()
	key, err := signature.NewEd25519(public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// FuzzWebhookHeaders holds the check against another way to say it: what is
// taken has, among its first four entries, the very text that the key's holder
// makes for exactly this id, time and body.
func FuzzWebhookHeaders(f *testing.F) {
	secret, private := counting(0), ed25519.NewKeyFromSeed(counting(32))
	hm, ed := hmacKey(f, secret), edwardsKey(f, private.Public().(ed25519.PublicKey))
	for _, v := range makeVectors() {
		f.Add(v.ID, v.Timestamp, v.Signature, v.Body)
	}
	f.Fuzz(func(t *testing.T, id, timestamp, signatures string, body []byte) {
		w, err := signature.ParseWebhook(headers(id, timestamp, signatures), time.Unix(signedAt, 0))
		if err != nil {
			return
		}
		if strings.Contains(id, ".") || len(timestamp) != 10 {
			t.Errorf("id %q or timestamp %q can be spliced", id, timestamp)
		}
		read := strings.SplitN(signatures, " ", signature.MaxSignatures+1)
		read = read[:min(len(read), signature.MaxSignatures)]
		v := vector{ID: id, Timestamp: timestamp, Body: body, SigningKey: webhook.FormatSecret(secret)}
		if got, want := w.Verify(hm, body) == nil, slices.Contains(read, signed(v)); got != want {
			t.Errorf("hmac: taken %v, want %v", got, want)
		}
		v.SigningKey = webhook.FormatPrivate(private)
		if got, want := w.Verify(ed, body) == nil, slices.Contains(read, signed(v)); got != want {
			t.Errorf("ed25519: taken %v, want %v", got, want)
		}
	})
}
