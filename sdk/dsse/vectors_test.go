package dsse_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vectors is sdk/testdata/vectors/dsse.json, which the Go, Python and
// JavaScript code all read.
type vectors struct {
	About     string          `json:"about"`
	Producers json.RawMessage `json:"producers"` // the file of a consumer that trusts producers
	Verify    []verifyVector  `json:"verify"`
	Sign      []signVector    `json:"sign"`
}

type verifyVector struct {
	Name    string `json:"name"`
	Event   string `json:"event"`
	Outcome string `json:"outcome"` // ok, or the reason
	KeyID   string `json:"key_id,omitempty"`
	Kept    string `json:"kept,omitempty"` // what its signature covers of the event, where that is not all
}

// signVector shows what is signed. Signatures by ES256 differ each time.
type signVector struct {
	Name       string   `json:"name"`
	Event      string   `json:"event"`
	Extensions []string `json:"extensions"`
	Payload    string   `json:"payload"`
	Signed     string   `json:"signed"` // the bytes that the signature is over
}

func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	if reason, ok := errors.AsType[dsse.Reason](err); ok {
		return string(reason)
	}
	return err.Error()
}

func parse(t testing.TB, raw string) sdk.Event {
	t.Helper()
	e, err := sdk.ParseEvent([]byte(raw))
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return e
}

// TestVectors holds each case's outcome against the one that stands beside it
// in cases, and the file against both.
func TestVectors(t *testing.T) {
	ring, err := dsse.ParseKeyring([]byte(producers(t)))
	if err != nil {
		t.Fatal(err)
	}
	v := vectors{
		About: "Event signatures (CloudEvents verifiability with DSSE, v0.1) with the verdict on each, by the keys that producers names for " +
			"the event's source; and what a signature is over.",
		Producers: json.RawMessage(producers(t)),
	}
	reached := map[string]bool{}
	for _, c := range cases(t) {
		e := parse(t, c.event)
		verified, err := ring.Verify(&e)
		if got := outcome(err); got != c.outcome {
			t.Errorf("%s: %s, want %s", c.name, got, c.outcome)
		}
		reached[c.outcome] = true
		vector := verifyVector{Name: c.name, Event: c.event, Outcome: c.outcome, KeyID: verified.KeyID}
		if err == nil {
			kept, err := verified.Only(&e)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if again, err := ring.Verify(&kept); err != nil || again.KeyID != verified.KeyID {
				t.Errorf("%s: what is kept does not verify: %v", c.name, err)
			}
			if string(kept.Raw) != c.event {
				vector.Kept = string(kept.Raw)
			}
		}
		v.Verify = append(v.Verify, vector)
	}
	for _, reason := range []dsse.Reason{dsse.Absent, dsse.Malformed, dsse.WrongType, dsse.NoKey, dsse.SignatureMismatch, dsse.SignedAttributes,
		dsse.CoreMismatch, dsse.ExtensionsMismatch} {
		if !reached[string(reason)] {
			t.Errorf("no vector for %s", reason)
		}
	}
	v.Sign = signVectors(t)

	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("..", "testdata", "vectors", "dsse.json")
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("%s is not what the code does; run go test ./sdk/dsse -run Vectors -update and read the diff", path)
	}
}

func signVectors(t testing.TB) []signVector {
	t.Helper()
	var list []signVector
	for _, c := range []struct {
		name, event string
		extensions  []string
	}{
		{"core alone", plain, []string{}},
		{"with a time", `{` + head + `,"time":"2026-11-22T11:00:00.5+01:00","data":{"amount":12.50}}`, []string{}},
		{"with extensions", `{` + head + `,"exta":"value1","extb":-7,"extc":true,"data":1}`, []string{"extc", "exta", "priority"}},
	} {
		signed := signWith(t, "till-ec", es256(t, 1), c.event, c.extensions...)
		e := parse(t, signed)
		if v, err := dsse.Verify(&e, []dsse.Key{{Public: es256(t, 1).Public()}}); err != nil || !slices.Equal(v.Extensions, c.extensions) {
			t.Errorf("%s: %v, %v", c.name, v, err)
		}
		payload := payloadOf(t, signed)
		list = append(list, signVector{c.name, c.event, c.extensions, payload,
			fmt.Sprintf("DSSEv1 %d %s %d %s", len(dsse.PayloadType), dsse.PayloadType, len(payload), payload)})
	}
	return list
}

// payloadOf takes the payload out of a signed event.
func payloadOf(t testing.TB, raw string) string {
	t.Helper()
	e := parse(t, raw)
	value, _ := e.Extension(dsse.Attribute)
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct{ Payload []byte }
	if err := json.Unmarshal(text, &envelope); err != nil {
		t.Fatal(err)
	}
	return string(envelope.Payload)
}
