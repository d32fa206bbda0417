package delivery_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

var update = flag.Bool("update", false, "write the vectors anew")

// vectors is sdk/testdata/vectors/delivery.json, which the Go, Python and
// JavaScript code all read.
type vectors struct {
	About    string          `json:"about"`
	Keys     json.RawMessage `json:"keys"` // JWK Set the consumer knows
	Channels []string        `json:"channels"`
	Now      int64           `json:"now"` // Unix seconds
	Open     []openVector    `json:"open"`
	Leaves   []leafVector    `json:"leaves"`
	Leases   []leaseVector   `json:"leases"`
	Replies  []replyVector   `json:"replies"`
}

type openVector struct {
	Name    string   `json:"name"`
	Frames  []string `json:"frames_base64"`
	Outcome string   `json:"outcome"` // ok, or the check that refuses
}

type leafVector struct {
	Frames []string `json:"frames_base64"` // the first four
	Leaf   string   `json:"leaf"`
}

type leaseVector struct {
	Key     string `json:"key"`
	Channel string `json:"channel"`
	Seq     uint64 `json:"seq"`
	Attempt int    `json:"attempt"`
	Peer    string `json:"peer"`
	Lease   string `json:"lease"`
}

type replyVector struct {
	Name  string `json:"name"`
	Frame string `json:"frame"`
	Good  int    `json:"good"` // replies the router takes from it
}

func check(err error) string {
	for name, is := range map[string]error{
		"frames": delivery.ErrFrames, "kid": delivery.ErrKeyID, "block": delivery.ErrBlock, "root": delivery.ErrRoot,
		"channel": delivery.ErrChannel, "topic": delivery.ErrTopic, "identity": delivery.ErrIdentity, "expired": delivery.ErrExpired,
		"event": sdk.ErrMalformed,
	} {
		if errors.Is(err, is) {
			return name
		}
	}
	return "ok"
}

func encode(frames [][]byte) []string {
	out := make([]string, len(frames))
	for i, f := range frames {
		out[i] = base64.StdEncoding.EncodeToString(f)
	}
	return out
}

func TestVectors(t *testing.T) {
	public := testKey.Public().(ed25519.PublicKey)
	set, err := json.Marshal(delivery.NewKeys(public))
	if err != nil {
		t.Fatal(err)
	}
	v := vectors{
		About:    "Deliveries with the check that must refuse each, in the order of checks; leaf hashes; leases; replies.",
		Keys:     set,
		Channels: []string{"commands"},
		Now:      now.Unix(),
	}
	open := func(name string, frames [][]byte) {
		_, err := delivery.NewVerifier(delivery.NewKeys(public), "commands").Open(frames, now)
		v.Open = append(v.Open, openVector{Name: name, Frames: encode(frames), Outcome: check(err)})
	}
	open("alone", batch(t, 1)[0])
	for i, f := range batch(t, 5) {
		open("leaf "+string(rune('0'+i))+" of 5", f)
	}
	open("last leaf of 256", batch(t, 256)[255])
	open("transformed, with its original", transformed(t))
	for _, c := range refusals() {
		open(c.name, c.frames(t))
	}
	for _, f := range batch(t, 2) {
		leaf := delivery.LeafHash(f[0], f[1], f[2], f[3])
		v.Leaves = append(v.Leaves, leafVector{Frames: encode(f[:4]), Leaf: hex.EncodeToString(leaf[:])})
	}
	for _, g := range []delivery.Grant{{Channel: "commands", Seq: 1, Attempt: 1}, {Channel: "commands", Seq: 1 << 53, Attempt: 12, Peer: "billing"}} {
		v.Leases = append(v.Leases, leaseVector{Key: hex.EncodeToString(seed), Channel: g.Channel, Seq: g.Seq, Attempt: g.Attempt, Peer: g.Peer, Lease: delivery.NewLeases(seed).Lease(g)})
	}
	for _, r := range []struct{ name, frame string }{
		{"done", reply(`"status":"done"`)},
		{"done with a result", reply(`"status":"done","result":{"total":3}`)},
		{"retry after 90 seconds", reply(`"status":"retry","retry_after":90,"reason":"till is offline"`)},
		{"failed", reply(`"status":"failed","reason":"no such order"`)},
		{"progress", reply(`"status":"progress"`)},
		{"goodbye", `{"goodbye":true}`},
		{"a batch with one bad", "[" + reply(`"status":"done"`) + "," + reply(`"status":"ok"`) + "]"},
		{"no lease", `{"id":"1","source":"/a","status":"done"}`},
		{"lease with stray bits", `{"id":"1","source":"/a","lease":"AAAAAAAAAAAAAAAAAAAAAB","status":"done"}`},
		{"goodbye with a lease", reply(`"goodbye":true`)},
		{"negative wait", reply(`"status":"retry","retry_after":-1`)},
		{"white space before a batch", " \n[" + reply(`"status":"done"`) + "]"},
		{"an empty batch", "[]"},
	} {
		good, _ := delivery.ParseReplies([]byte(r.frame))
		v.Replies = append(v.Replies, replyVector{Name: r.name, Frame: r.frame, Good: len(good)})
	}

	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("..", "testdata", "vectors", "delivery.json")
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
		t.Errorf("%s is not what the code does; run go test ./sdk/delivery -update and read the diff", path)
	}
	refused := map[string]bool{}
	for _, o := range v.Open {
		refused[o.Outcome] = true
	}
	for _, name := range []string{"ok", "frames", "kid", "block", "root", "channel", "topic", "identity", "expired", "event"} {
		if !refused[name] {
			t.Errorf("no vector for %s", name)
		}
	}
}
