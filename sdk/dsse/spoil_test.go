package dsse_test

import (
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"testing"
)

type asn1RS struct{ R, S *big.Int }

func parseDER(t testing.TB, text []byte) (r, s *big.Int) {
	t.Helper()
	var sig asn1RS
	if _, err := asn1.Unmarshal(text, &sig); err != nil {
		t.Fatal(err)
	}
	return sig.R, sig.S
}

func unb64(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func flipped(t testing.TB, sig string) string {
	b := unb64(t, sig)
	b[40] ^= 1
	return b64(b)
}

func resized(t testing.TB, sig string, by int) string {
	return b64(append(unb64(t, sig), 0)[:64+by])
}

func url(sig string) string {
	b, _ := base64.StdEncoding.DecodeString(sig)
	return base64.URLEncoding.EncodeToString(b)
}

// stray sets bits of the last character that stand for nothing: 64 bytes leave four.
func stray(sig string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := []byte(sig)
	b[85] = alphabet[slices.Index([]byte(alphabet), b[85])|1]
	return string(b)
}

// otherHalf is the other signature that verifies, (r, n-s).
func otherHalf(t testing.TB, pae string) string {
	r, s := rs(t, pae)
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(out[32:])
	return b64(out)
}

func der(t testing.TB, pae string) string {
	r, s := rs(t, pae)
	b, err := asn1.Marshal(asn1RS{r, s})
	if err != nil {
		t.Fatal(err)
	}
	return b64(b)
}

// beyond adds the group's order to S (RFC 8032, section 5.1), which a lax check
// does not see.
func beyond(t testing.TB, key ed25519.PrivateKey, pae []byte) string {
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	sig := ed25519.Sign(key, pae)
	s := slices.Clone(sig[32:])
	slices.Reverse(s)
	out := make([]byte, 32)
	new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(out)
	slices.Reverse(out)
	return b64(append(sig[:32:32], out...))
}
