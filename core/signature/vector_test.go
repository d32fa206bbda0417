package signature_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/sdk/webhook"
)

var update = flag.Bool("update", false, "write the vectors anew")

const vectorFile = "../../sdk/testdata/vectors/webhook.json"

// vectors is the public file: what one verifier with one key must say to one
// request whose headers occur once each.
type vectors struct {
	About         string   `json:"about"`
	ReplayWindow  int      `json:"replay_window"` // seconds
	MaxSignatures int      `json:"max_signatures"`
	Vectors       []vector `json:"vectors"`
}

type vector struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`        // of the key: hmac or ed25519
	Key        string `json:"key"`         // the verifier's: whsec_ or whpk_
	SigningKey string `json:"signing_key"` // its holder's: whsec_ or whsk_
	ID         string `json:"id"`
	Timestamp  string `json:"timestamp"`
	Body       []byte `json:"body"` // base64 of the signed bytes: a body, or "GET " and a target
	Signature  string `json:"signature"`
	Now        int64  `json:"now"`     // seconds since 1970
	Outcome    string `json:"outcome"` // accept or refuse
	Reason     string `json:"reason,omitempty"`
}

func TestVectors(t *testing.T) {
	file := vectors{
		About: "Standard Webhooks 1.0.0 as headgate reads it. A verifier knows key, its clock says now, and it gives outcome. " +
			"An accepted signature is one that signing_key makes. reason is the router's own name for a refusal.",
		ReplayWindow:  int(signature.ReplayWindow / time.Second),
		MaxSignatures: signature.MaxSignatures,
		Vectors:       makeVectors(),
	}
	var want bytes.Buffer
	enc := json.NewEncoder(&want)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(file); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(vectorFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want.Bytes()) {
		t.Error("the file differs from what this test makes: run it with -update and look at the difference")
	}
	var read vectors
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	for _, v := range read.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			err := judge(t, v)
			if v.Outcome == "accept" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if v.Outcome == "refuse" && err != signature.Reason(v.Reason) {
				t.Errorf("got %v, want %s", err, v.Reason)
			}
		})
	}
}

func judge(t *testing.T, v vector) error {
	t.Helper()
	var key *signature.Key
	if v.Kind == "hmac" {
		secret, err := webhook.ParseSecret(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		if key, err = signature.NewHMAC(secret); err != nil {
			t.Fatal(err)
		}
	} else {
		public, err := webhook.ParsePublic(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		if key, err = signature.NewEd25519(public); err != nil {
			t.Fatal(err)
		}
	}
	w, err := signature.ParseWebhook(headers(v.ID, v.Timestamp, v.Signature), time.Unix(v.Now, 0))
	if err != nil {
		return err
	}
	return w.Verify(key, v.Body)
}

func headers(id, timestamp, signatures string) signature.Headers {
	return signature.Headers{ID: []string{id}, Timestamp: []string{timestamp}, Signature: []string{signatures}}
}

const (
	signedAt  = int64(1767225600) // 2026-01-01T00:00:00Z
	eventID   = "evt_2Kf-9"
	eventBody = `{"specversion":"1.0","id":"evt_2Kf-9","source":"//shop.example/till","type":"com.example.order.created","data":{"amount":12}}`
)

// counting gives bytes for a key, so that the file is the same each time.
func counting(from byte) []byte {
	out := make([]byte, 32)
	for i := range out {
		out[i] = from + byte(i)
	}
	return out
}

// signed gives the right signature for v under its signing key, even where no
// signer would be given such an id or timestamp.
func signed(v vector) string {
	content := webhook.Content(v.ID, v.Timestamp, v.Body)
	if secret, err := webhook.ParseSecret(v.SigningKey); err == nil {
		mac := hmac.New(sha256.New, secret)
		mac.Write(content)
		return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	key, err := webhook.ParsePrivate(v.SigningKey)
	if err != nil {
		panic(err)
	}
	return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(key, content))
}

// makeVectors starts each vector as a good one, lets it be changed, and signs
// it rightly unless the change has set a signature.
func makeVectors() []vector {
	secret := webhook.FormatSecret(counting(0))
	private := ed25519.NewKeyFromSeed(counting(32))
	public := webhook.FormatPublic(private.Public().(ed25519.PublicKey))
	hm := vector{
		Kind: "hmac", Key: secret, SigningKey: secret,
		ID: eventID, Timestamp: strconv.FormatInt(signedAt, 10), Body: []byte(eventBody), Now: signedAt,
	}
	ed := hm
	ed.Kind, ed.Key, ed.SigningKey = "ed25519", public, webhook.FormatPrivate(private)
	v1, v1a := signed(hm), signed(ed)
	mac, err := base64.StdEncoding.DecodeString(v1[len("v1,"):])
	if err != nil {
		panic(err)
	}
	stranger := hm
	stranger.SigningKey = webhook.FormatSecret(counting(64))
	wrong := signed(stranger)
	stranger.SigningKey = webhook.FormatPrivate(ed25519.NewKeyFromSeed(counting(96)))
	wrongEd := signed(stranger)

	with := func(text string) func(*vector) { return func(v *vector) { v.Signature = text } }
	body := func(text string) func(*vector) { return func(v *vector) { v.Body = []byte(text) } }
	now := func(after int64) func(*vector) { return func(v *vector) { v.Now += after } }
	timestamp := func(text string) func(*vector) { return func(v *vector) { v.Timestamp = text } }
	id := func(text string) func(*vector) { return func(v *vector) { v.ID = text } }
	asIs := func(*vector) {}

	var out []vector
	for _, c := range []struct {
		name   string
		from   vector
		change func(*vector)
		reason signature.Reason // empty: accept
	}{
		{"good v1", hm, asIs, ""},
		{"good v1a", ed, asIs, ""},
		{"good v1 with an empty body", hm, body(""), ""},
		{"good v1a with an empty body", ed, body(""), ""},
		{"good v1 of a GET", hm, body("GET /v1/status?source=%2F%2Fshop.example%2Ftill&id=evt_2Kf-9"), ""},
		{"good v1a of a GET", ed, body("GET /v1/status?source=%2F%2Fshop.example%2Ftill&id=evt_2Kf-9"), ""},
		{"good v1 of bytes that are no text", hm, body("\x00\xff\r\n."), ""},
		{"longest id", hm, id(strings.Repeat("x", webhook.MaxID)), ""},
		{"oldest time", hm, now(300), ""},
		{"newest time", hm, now(-300), ""},
		{"second of two keys in rotation", hm, with(wrong + " " + v1), ""},
		{"both versions, v1 key", hm, with(v1a + " " + v1), ""},
		{"both versions, v1a key", ed, with(v1 + " " + v1a), ""},
		{"unknown version first", hm, with("v2," + v1[3:] + " " + v1), ""},
		{"malformed one first", hm, with("v1,!!!! " + v1), ""},
		{"good one as the fourth", hm, with(strings.Repeat(wrong+" ", 3) + v1), ""},

		{"good one as the fifth", hm, with(strings.Repeat(wrong+" ", 4) + v1), signature.SignatureMismatch},
		{"good one behind four unknown versions", hm, with(strings.Repeat("v9,AA== ", 4) + v1), signature.SignatureAbsent},
		{"good one behind four spaces", hm, with("    " + v1), signature.SignatureAbsent},
		{"tampered body", hm, func(v *vector) { v.Signature = v1; v.Body = []byte(strings.Replace(eventBody, "12", "13", 1)) }, signature.SignatureMismatch},
		{"tampered body, v1a", ed, func(v *vector) { v.Signature = v1a; v.Body = []byte(strings.Replace(eventBody, "12", "13", 1)) }, signature.SignatureMismatch},
		{"body with one space more", hm, func(v *vector) { v.Signature = v1; v.Body = []byte(eventBody + " ") }, signature.SignatureMismatch},
		{"another id", hm, func(v *vector) { v.Signature = v1; v.ID = "evt_2Kf-8" }, signature.SignatureMismatch},
		{"another time", hm, func(v *vector) { v.Signature = v1; v.Timestamp = "1767225601" }, signature.SignatureMismatch},
		{"a GET's signature on the same id", hm, func(v *vector) { v.Signature = v1; v.Body = []byte("GET /v1/events") }, signature.SignatureMismatch},
		{"wrong secret", hm, with(wrong), signature.SignatureMismatch},
		{"wrong private key", ed, with(wrongEd), signature.SignatureMismatch},
		{"MAC with its first bit flipped", hm, with("v1," + flipped(mac, 0, 0x80)), signature.SignatureMismatch},
		{"MAC with its last bit flipped", hm, with("v1," + flipped(mac, 31, 1)), signature.SignatureMismatch},
		{"v1a of zeros", ed, with("v1a," + base64.StdEncoding.EncodeToString(make([]byte, 64))), signature.SignatureMismatch},
		{"v1a with S plus the group order", ed, with(addOrder(v1a)), signature.SignatureMismatch},

		{"v1 signature for an ed25519 key", ed, with(v1), signature.SignatureAbsent},
		{"v1a signature for an hmac key", hm, with(v1a), signature.SignatureAbsent},
		{"right MAC under v1a", hm, with("v1a," + v1[3:]), signature.SignatureAbsent},
		{"MAC under the public key as a secret", ed, with(macUnderPublic(ed)), signature.SignatureAbsent},
		{"upper-case version", hm, with("V1," + v1[3:]), signature.SignatureAbsent},
		{"no version", hm, with(v1[3:]), signature.SignatureAbsent},
		{"empty signature header", hm, with(""), signature.SignatureAbsent},
		{"separated by a comma", hm, with("v2,x," + v1), signature.SignatureAbsent},

		{"truncated MAC", hm, with("v1," + base64.StdEncoding.EncodeToString(mac[:8])), signature.SignatureMalformed},
		{"MAC short of one byte", hm, with("v1," + base64.StdEncoding.EncodeToString(mac[:31])), signature.SignatureMalformed},
		{"MAC with one byte more", hm, with("v1," + base64.StdEncoding.EncodeToString(append(mac[:32:32], 0))), signature.SignatureMalformed},
		{"empty MAC", hm, with("v1,"), signature.SignatureMalformed},
		{"version alone", hm, with("v1"), signature.SignatureMalformed},
		{"hex instead of base64", hm, with("v1," + hex.EncodeToString(mac)), signature.SignatureMalformed},
		{"base64 without padding", hm, with(strings.TrimRight(v1, "=")), signature.SignatureMalformed},
		{"base64url", hm, with("v1," + base64.URLEncoding.EncodeToString(mac)), signature.SignatureMalformed},
		{"base64 with trailing bits", hm, with(trailingBit(v1)), signature.SignatureMalformed},
		{"base64 with trailing bits, v1a", ed, with(trailingBit(v1a)), signature.SignatureMalformed},
		{"base64 with a line break", hm, with(v1[:20] + "\r\n" + v1[20:]), signature.SignatureMalformed},
		{"line break at the end", hm, with(v1 + "\n"), signature.SignatureMalformed},
		{"line break for a group", hm, with(v1[:len(v1)-4] + "\n\n\n\n"), signature.SignatureMalformed},

		{"expired", hm, now(301), signature.TimestampOutsideWindow},
		{"future", hm, now(-301), signature.TimestampOutsideWindow},
		{"far future", hm, timestamp("9999999999"), signature.TimestampOutsideWindow},
		{"timestamp with a leading zero", hm, timestamp("01767225600"), signature.TimestampMalformed},
		{"timestamp of ten digits with a leading zero", hm, timestamp("0767225600"), signature.TimestampMalformed},
		{"timestamp with a plus sign", hm, timestamp("+1767225600"), signature.TimestampMalformed},
		{"timestamp in milliseconds", hm, timestamp("1767225600000"), signature.TimestampMalformed},
		{"timestamp with a fraction", hm, timestamp("1767225600.0"), signature.TimestampMalformed},
		{"timestamp with a space", hm, timestamp(" 1767225600"), signature.TimestampMalformed},
		{"empty timestamp", hm, timestamp(""), signature.TimestampMalformed},

		{"splice, original", hm, func(v *vector) { v.ID = "evt"; v.Body = []byte("1767225600." + eventBody) }, ""},
		{"splice, moved into the id", hm, id("evt.1767225600"), signature.WebhookIDMalformed},
		{"empty id", hm, id(""), signature.WebhookIDMalformed},
		{"id too long", hm, id(strings.Repeat("x", webhook.MaxID+1)), signature.WebhookIDMalformed},
		{"id with a slash", hm, id("evt/1"), signature.WebhookIDMalformed},
		{"id with a line break", hm, id("evt\n"), signature.WebhookIDMalformed},
	} {
		v := c.from
		v.Name, v.Outcome, v.Reason = c.name, "accept", string(c.reason)
		if c.reason != "" {
			v.Outcome = "refuse"
		}
		v.Signature = unset
		if c.change(&v); v.Signature == unset {
			v.Signature = signed(v)
		}
		out = append(out, v)
	}
	return out
}

// unset marks a signature that no change has set; an empty one is a case.
const unset = "unset"

// flipped gives raw in base64 with some bits of one byte turned.
func flipped(raw []byte, at int, bits byte) string {
	out := bytes.Clone(raw)
	out[at] ^= bits
	return base64.StdEncoding.EncodeToString(out)
}

// trailingBit sets the lowest of the bits that the last character has to spare.
func trailingBit(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	stem := strings.TrimRight(text, "=")
	last := strings.IndexByte(alphabet, stem[len(stem)-1])
	return stem[:len(stem)-1] + string(alphabet[last|1]) + text[len(stem):]
}

// addOrder makes the other signature that a verifier would take which does not
// bound S (RFC 8032, section 5.1.7).
func addOrder(text string) string {
	sig, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "v1a,"))
	if err != nil {
		panic(err)
	}
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	slices.Reverse(sig[32:])
	s := new(big.Int).SetBytes(sig[32:])
	s.Add(s, order).FillBytes(sig[32:])
	slices.Reverse(sig[32:])
	return "v1a," + base64.StdEncoding.EncodeToString(sig)
}

// macUnderPublic is what an attacker makes who knows the public key only and
// hopes that the verifier takes it for a secret.
func macUnderPublic(v vector) string {
	public, err := webhook.ParsePublic(v.Key)
	if err != nil {
		panic(err)
	}
	v.SigningKey = webhook.FormatSecret(public)
	return signed(v)
}
