package webhook_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestPrivateRoundTrip(t *testing.T) {
	key := webhook.NewKey()
	for _, text := range []string{
		webhook.FormatPrivate(key),
		"whsk_" + base64.StdEncoding.EncodeToString(key.Seed()),
	} {
		got, err := webhook.ParsePrivate(text)
		if err != nil || !bytes.Equal(got, key) {
			t.Errorf("round trip: %v", err)
		}
	}
}

func TestParsePrivateRefuses(t *testing.T) {
	key := webhook.NewKey()
	foreign := slices.Concat(key.Seed(), webhook.NewKey()[32:])
	for name, text := range map[string]string{
		"empty":               "",
		"public":              webhook.FormatPublic(ed25519.PublicKey(key[32:])),
		"31 bytes":            webhook.FormatPrivate(ed25519.PrivateKey(key[:31])),
		"33 bytes":            webhook.FormatPrivate(ed25519.PrivateKey(key[:33])),
		"foreign public half": webhook.FormatPrivate(foreign),
		"newline":             webhook.FormatPrivate(key) + "\n",
	} {
		if _, err := webhook.ParsePrivate(text); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), base64.StdEncoding.EncodeToString(key[:9])) {
			t.Errorf("%s: the error holds the key", name)
		}
	}
}

func TestParsePublicTakesEveryNewKey(t *testing.T) {
	for range 64 {
		public := webhook.NewKey().Public().(ed25519.PublicKey)
		got, err := webhook.ParsePublic(webhook.FormatPublic(public))
		if err != nil || !got.Equal(public) {
			t.Fatalf("round trip: %v", err)
		}
	}
}

func TestParsePublicRefuses(t *testing.T) {
	one := bytes.Repeat([]byte{0}, 32)
	one[0] = 1
	for name, text := range map[string]string{
		"empty":        "",
		"secret":       webhook.FormatSecret(make([]byte, 32)),
		"31 bytes":     webhook.FormatPublic(one[:31]),
		"33 bytes":     webhook.FormatPublic(append(one[:32:32], 0)),
		"no point":     webhook.FormatPublic(append([]byte{2}, make([]byte, 31)...)),
		"y above p":    webhook.FormatPublic(encode(new(big.Int).Add(prime, big.NewInt(3)), 0)),
		"all ones":     webhook.FormatPublic(bytes.Repeat([]byte{0xff}, 32)),
		"the identity": webhook.FormatPublic(one),
	} {
		if _, err := webhook.ParsePublic(text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// The 14 encodings of small-order points, canonical or not, that verifiers in
// the field take; found here by computing the eight points of order dividing 8.
func TestCheckPublicRefusesSmallOrder(t *testing.T) {
	small := torsion(t)
	if len(small) != 8 {
		t.Fatalf("found %d points of small order, want 8", len(small))
	}
	encodings := map[string]bool{}
	for _, p := range small {
		for sign := range byte(2) {
			if p.x.Sign() != 0 && p.x.Bit(0) != uint(sign) {
				continue
			}
			encodings[hex.EncodeToString(encode(p.y, sign))] = true
			if y := new(big.Int).Add(p.y, prime); y.BitLen() <= 255 {
				encodings[hex.EncodeToString(encode(y, sign))] = true
			}
		}
	}
	if len(encodings) != 14 {
		t.Errorf("found %d encodings, want 14", len(encodings))
	}
	for text := range encodings {
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := webhook.CheckPublic(raw); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

// Why it matters: for the identity, a signature of zeros fits every text.
func TestSmallOrderKeyVerifiesAnything(t *testing.T) {
	identity := make([]byte, 32)
	identity[0] = 1
	forged := append(bytes.Clone(identity), make([]byte, 32)...)
	if !ed25519.Verify(identity, []byte("anything"), forged) {
		t.Skip("crypto/ed25519 refuses small order by itself now")
	}
}

// Points of edwards25519 in affine coordinates, by the addition law of RFC
// 8032, section 5.1.4: slow, independent of the code under test.
type point struct{ x, y *big.Int }

var (
	prime, _  = new(big.Int).SetString("57896044618658097711785492504343953926634992332820282019728792003956564819949", 10)
	order, _  = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	curveD, _ = new(big.Int).SetString("37095705934669439343138083508754565189542113879843219016388785533085940283555", 10)
)

func mod(n *big.Int) *big.Int { return n.Mod(n, prime) }

func add(p, q point) point {
	xy := mod(new(big.Int).Mul(p.x, q.y))
	yx := mod(new(big.Int).Mul(p.y, q.x))
	xx := mod(new(big.Int).Mul(p.x, q.x))
	yy := mod(new(big.Int).Mul(p.y, q.y))
	k := mod(new(big.Int).Mul(curveD, mod(new(big.Int).Mul(xx, yy))))
	up := new(big.Int).ModInverse(mod(new(big.Int).Add(big.NewInt(1), k)), prime)
	down := new(big.Int).ModInverse(mod(new(big.Int).Sub(big.NewInt(1), k)), prime)
	return point{
		x: mod(new(big.Int).Mul(new(big.Int).Add(xy, yx), up)),
		y: mod(new(big.Int).Mul(new(big.Int).Add(yy, xx), down)),
	}
}

// torsion multiplies points by the prime order: what is left has an order that
// divides 8.
func torsion(t *testing.T) map[string]point {
	t.Helper()
	found := map[string]point{}
	for n := int64(2); n < 200 && len(found) < 8; n++ {
		y := big.NewInt(n)
		y2 := new(big.Int).Mul(y, y)
		v := new(big.Int).ModInverse(mod(new(big.Int).Add(new(big.Int).Mul(curveD, y2), big.NewInt(1))), prime)
		x := new(big.Int).ModSqrt(mod(new(big.Int).Mul(new(big.Int).Sub(y2, big.NewInt(1)), v)), prime)
		if x == nil {
			continue
		}
		p, left := point{x, y}, point{big.NewInt(0), big.NewInt(1)}
		for i := order.BitLen() - 1; i >= 0; i-- {
			if left = add(left, left); order.Bit(i) == 1 {
				left = add(left, p)
			}
		}
		found[left.x.String()+","+left.y.String()] = left
	}
	return found
}

func encode(y *big.Int, sign byte) []byte {
	out := y.FillBytes(make([]byte, 32))
	slices.Reverse(out)
	out[31] |= sign << 7
	return out
}
