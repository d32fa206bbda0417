package delivery_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

var (
	seed     = bytes.Repeat([]byte{7}, ed25519.SeedSize)
	testKey  = ed25519.NewKeyFromSeed(seed)
	otherKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))
	now      = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

// unsigned makes the first four frames of a delivery of event number i.
func unsigned(kid string, i int, change func(*delivery.Header)) [][]byte {
	h := delivery.Header{
		ID: fmt.Sprintf("order-%d", i), Source: "//shop.example/till", Channel: "commands",
		Seq: uint64(i) + 1, Attempt: 1, Reply: "tcp://127.0.0.1:5557", Accepted: now, Expires: now.Add(time.Hour).Unix(),
		Principal: &sdk.Principal{Provider: "edge-keys", Subject: "shop-worker"}, Proof: &sdk.Proof{Transport: "hmac"}, KeyID: kid,
	}
	h.Lease = delivery.NewLeases(seed).Lease(delivery.Grant{Channel: h.Channel, Seq: h.Seq, Attempt: 1})
	if change != nil {
		change(&h)
	}
	event := fmt.Sprintf(`{"specversion":"1.0","id":"order-%d","source":"//shop.example/till","type":"com.example.order.created","data":{"n":%d}}`, i, i)
	return [][]byte{[]byte("com.example.order.created"), h.Append(nil), []byte(event), {}, nil}
}

func batch(t testing.TB, n int) [][][]byte {
	t.Helper()
	s := delivery.NewSigner(testKey)
	out := make([][][]byte, n)
	for i := range out {
		out[i] = unsigned(s.KeyID(), i, nil)
	}
	if err := s.Sign(out); err != nil {
		t.Fatal(err)
	}
	return out
}

func keys(k ...ed25519.PrivateKey) delivery.Keys {
	set := delivery.NewKeys()
	for _, k := range k {
		public := k.Public().(ed25519.PublicKey)
		set[delivery.KeyID(public)] = public
	}
	return set
}

func TestEveryLeafOfEveryTreeOpens(t *testing.T) {
	for n := 1; n <= delivery.MaxBatch; n++ {
		deliveries := batch(t, n)
		v := delivery.NewVerifier(keys(testKey), "commands")
		for i, frames := range deliveries {
			if _, err := v.Open(frames, now); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
		}
	}
}

// The tree must be RFC 6962's: held against the implementation of x/mod.
func TestTreeIsRFC6962(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 100, 255, 256} {
		deliveries := batch(t, n)
		var stored []tlog.Hash
		read := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
			out := make([]tlog.Hash, len(at))
			for i, x := range at {
				out[i] = stored[x]
			}
			return out, nil
		})
		for i, f := range deliveries {
			hashes, err := tlog.StoredHashesForRecordHash(int64(i), delivery.LeafHash(f[0], f[1], f[2], f[3]), read)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, hashes...)
		}
		root, err := tlog.TreeHash(int64(n), read)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("headgate.root.v1\n%s\n%d\n%s\n", delivery.NewSigner(testKey).KeyID(), n, base64.StdEncoding.EncodeToString(root[:]))
		for i, f := range deliveries {
			block := f[4]
			if !ed25519.Verify(testKey.Public().(ed25519.PublicKey), []byte(text), block[9:73]) {
				t.Fatalf("root of %d is not RFC 6962's", n)
			}
			var proof tlog.RecordProof
			for rest := block[73:]; len(rest) > 0; rest = rest[32:] {
				proof = append(proof, tlog.Hash(rest[:32]))
			}
			if err := tlog.CheckRecord(proof, int64(n), root, int64(i), delivery.LeafHash(f[0], f[1], f[2], f[3])); err != nil {
				t.Fatalf("proof of leaf %d of %d: %v", i, n, err)
			}
		}
	}
}

func TestLeafIsThatOfThePAE(t *testing.T) {
	pae := sdk.PAE("headgate.delivery.v1", []byte("t"), []byte("h"), []byte("e"), nil)
	if got, want := tlog.Hash(delivery.LeafHash([]byte("t"), []byte("h"), []byte("e"), nil)), tlog.RecordHash(pae); got != want {
		t.Errorf("leaf hash is %v, want %v", got, want)
	}
}

// refusal is one way to spoil a delivery and the check that must catch it.
type refusal struct {
	name   string
	want   error
	frames func(t testing.TB) [][]byte
}

func refusals() []refusal {
	spoil := func(change func(frames [][]byte)) func(testing.TB) [][]byte {
		return func(t testing.TB) [][]byte {
			f := batch(t, 5)[2]
			for i := range f {
				f[i] = bytes.Clone(f[i])
			}
			change(f)
			return f
		}
	}
	resigned := func(change func(*delivery.Header), frames func([][]byte)) func(testing.TB) [][]byte {
		return func(t testing.TB) [][]byte {
			s := delivery.NewSigner(testKey)
			f := unsigned(s.KeyID(), 2, change)
			if frames != nil {
				frames(f)
			}
			if err := s.Sign([][][]byte{f}); err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	return []refusal{
		{"four frames", delivery.ErrFrames, func(t testing.TB) [][]byte { return batch(t, 1)[0][:4] }},
		{"header is no JSON", delivery.ErrFrames, spoil(func(f [][]byte) { f[1] = []byte("{") })},
		{"header of another version", delivery.ErrFrames, spoil(func(f [][]byte) { f[1] = bytes.Replace(f[1], []byte(`"v":1`), []byte(`"v":2`), 1) })},
		{"unknown key id", delivery.ErrKeyID, func(t testing.TB) [][]byte {
			s := delivery.NewSigner(otherKey)
			f := unsigned(s.KeyID(), 0, nil)
			if err := s.Sign([][][]byte{f}); err != nil {
				t.Fatal(err)
			}
			return f
		}},
		{"block empty", delivery.ErrBlock, spoil(func(f [][]byte) { f[4] = nil })},
		{"block of another version", delivery.ErrBlock, spoil(func(f [][]byte) { f[4][0] = 2 })},
		{"block with a byte after", delivery.ErrBlock, spoil(func(f [][]byte) { f[4] = append(f[4], 0) })},
		{"proof one hash short", delivery.ErrBlock, spoil(func(f [][]byte) { f[4] = f[4][:len(f[4])-32] })},
		{"proof one hash long", delivery.ErrBlock, spoil(func(f [][]byte) { f[4] = append(f[4], make([]byte, 32)...) })},
		{"size zero", delivery.ErrBlock, spoil(func(f [][]byte) { binary.BigEndian.PutUint32(f[4][5:], 0) })},
		{"size 257", delivery.ErrBlock, spoil(func(f [][]byte) { binary.BigEndian.PutUint32(f[4][5:], 257) })},
		{"index is size", delivery.ErrBlock, spoil(func(f [][]byte) { binary.BigEndian.PutUint32(f[4][1:], 5) })},
		{"index of a neighbour", delivery.ErrRoot, spoil(func(f [][]byte) { binary.BigEndian.PutUint32(f[4][1:], 3) })},
		{"signature flipped", delivery.ErrRoot, spoil(func(f [][]byte) { f[4][20] ^= 1 })},
		{"proof flipped", delivery.ErrRoot, spoil(func(f [][]byte) { f[4][len(f[4])-1] ^= 1 })},
		{"topic changed", delivery.ErrRoot, spoil(func(f [][]byte) { f[0][0] ^= 1 })},
		{"header changed", delivery.ErrRoot, spoil(func(f [][]byte) { f[1] = bytes.Replace(f[1], []byte(`"attempt":1`), []byte(`"attempt":2`), 1) })},
		{"event changed", delivery.ErrRoot, spoil(func(f [][]byte) { f[2][len(f[2])-3] ^= 1 })},
		{"original added", delivery.ErrRoot, spoil(func(f [][]byte) { f[3] = []byte("x") })},
		{"bytes moved between frames", delivery.ErrRoot, spoil(func(f [][]byte) { f[3] = f[2][len(f[2])-1:]; f[2] = f[2][:len(f[2])-1] })},
		{"signed by another key under this id", delivery.ErrRoot, func(t testing.TB) [][]byte {
			f := unsigned(delivery.NewSigner(testKey).KeyID(), 0, nil)
			if err := delivery.NewSigner(otherKey).Sign([][][]byte{f}); err != nil {
				t.Fatal(err)
			}
			return f
		}},
		{"another channel", delivery.ErrChannel, resigned(func(h *delivery.Header) { h.Channel = "billing" }, nil)},
		{"topic is not the type", delivery.ErrTopic, resigned(nil, func(f [][]byte) { f[0] = []byte("com.example.order") })},
		{"event is malformed", sdk.ErrMalformed, resigned(nil, func(f [][]byte) { f[2] = []byte(`{"id":"a","id":"b"}`) })},
		{"id of another event", delivery.ErrIdentity, resigned(func(h *delivery.Header) { h.ID = "order-3" }, nil)},
		{"source of another event", delivery.ErrIdentity, resigned(func(h *delivery.Header) { h.Source = "//shop.example/web" }, nil)},
		{"expired", delivery.ErrExpired, resigned(func(h *delivery.Header) { h.Expires = now.Unix() - 1 }, nil)},
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range refusals() {
		v := delivery.NewVerifier(keys(testKey), "commands")
		if _, err := v.Open(c.frames(t), now); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		// A verifier that already knows the batch's root is no milder.
		for _, good := range batch(t, 5) {
			if _, err := v.Open(good, now); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := v.Open(c.frames(t), now); !errors.Is(err, c.want) && !(c.name == "signature flipped" && err == nil) {
			t.Errorf("%s, root known: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestSetKeysForgetsRoots(t *testing.T) {
	v := delivery.NewVerifier(keys(testKey), "commands")
	f := batch(t, 1)[0]
	if _, err := v.Open(f, now); err != nil {
		t.Fatal(err)
	}
	v.SetKeys(keys(otherKey))
	if _, err := v.Open(f, now); !errors.Is(err, delivery.ErrKeyID) {
		t.Errorf("a key that is gone still opens: %v", err)
	}
}

func TestOpenGivesWhatWasSigned(t *testing.T) {
	d, err := delivery.NewVerifier(keys(testKey), "commands").Open(batch(t, 3)[1], now)
	if err != nil {
		t.Fatal(err)
	}
	h := d.Header
	if h.Seq != 2 || h.Attempt != 1 || len(h.Lease) != 22 || !h.Accepted.Equal(now) || h.Principal.Subject != "shop-worker" || h.Proof.Transport != "hmac" {
		t.Errorf("header is %+v", h)
	}
	if d.Event.ID != "order-1" || string(d.Event.Data) != `{"n":1}` {
		t.Errorf("event is %+v", d.Event)
	}
}

func TestHeaderIsPlainJSON(t *testing.T) {
	nasty := "a\"b\\c\n\x01é\U0001f600</script>"
	h := delivery.Header{ID: nasty, Source: nasty, Channel: "c", Seq: 1<<53 + 1, Accepted: now, Expires: 5, TraceParent: nasty, KeyID: "k",
		Principal: &sdk.Principal{Provider: nasty, Issuer: nasty, Subject: nasty}, Proof: &sdk.Proof{Transport: "jwt", Event: "dsse"}}
	got, err := delivery.ParseHeader(h.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	h.Version = 1
	want, _ := json.Marshal(h)
	have, _ := json.Marshal(got)
	if !bytes.Equal(want, have) {
		t.Errorf("got %s\nwant %s", have, want)
	}
}

func TestKeysJSON(t *testing.T) {
	text, err := json.Marshal(keys(testKey, otherKey))
	if err != nil {
		t.Fatal(err)
	}
	var back delivery.Keys
	if err := json.Unmarshal(text, &back); err != nil || len(back) != 2 {
		t.Fatalf("%d keys, %v", len(back), err)
	}
	for name, bad := range map[string]string{
		"private":      strings.Replace(string(text), `"x":`, `"d":"AAAA","x":`, 1),
		"wrong id":     strings.Replace(string(text), first(back), "AAAAAAAAAAAAAAAA", 1),
		"none":         `{"keys":[]}`,
		"of no use":    `{"keys":[{"kty":"RSA","kid":"a"}]}`,
		"short":        strings.Replace(string(text), `"x":"`, `"x":"AA`, 1),
		"not an array": `{"keys":{}}`,
	} {
		var k delivery.Keys
		if err := json.Unmarshal([]byte(bad), &k); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func first(k delivery.Keys) string {
	for kid := range k {
		return kid
	}
	return ""
}

func FuzzOpen(f *testing.F) {
	for _, d := range batch(f, 3) {
		f.Add(d[0], d[1], d[2], d[3], d[4])
	}
	v := delivery.NewVerifier(keys(testKey), "commands")
	seen := map[string]bool{}
	for n := 1; n <= 3; n++ {
		for _, d := range batch(f, n) {
			seen[string(bytes.Join(d[:4], []byte{0}))] = true
		}
	}
	f.Fuzz(func(t *testing.T, topic, header, event, original, block []byte) {
		_, err := v.Open([][]byte{topic, header, event, original, block}, now)
		if err == nil && !seen[string(bytes.Join([][]byte{topic, header, event, original}, []byte{0}))] {
			t.Fatalf("opened what was never signed")
		}
	})
}

func FuzzBlock(f *testing.F) {
	d := batch(f, 5)[2]
	v := delivery.NewVerifier(keys(testKey), "commands")
	f.Add(d[4])
	f.Fuzz(func(t *testing.T, block []byte) {
		_, err := v.Open([][]byte{d[0], d[1], d[2], d[3], block}, now)
		if err == nil && !bytes.Equal(block, d[4]) {
			// The signature is not read again once the root is known.
			if len(block) != len(d[4]) || !bytes.Equal(block[:9], d[4][:9]) || !bytes.Equal(block[73:], d[4][73:]) {
				t.Fatalf("a changed block opens")
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, n := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := delivery.NewSigner(testKey)
			deliveries := batch(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Sign(deliveries); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	deliveries := batch(b, 256)
	b.ReportAllocs()
	for b.Loop() {
		v := delivery.NewVerifier(keys(testKey), "commands")
		for _, d := range deliveries {
			if _, err := v.Open(d, now); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*256), "ns/delivery")
}
