package consumer_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// TestPeersTrustProducers has the examples of other languages refuse what this
// package refuses, and do what it does.
func TestPeersTrustProducers(t *testing.T) {
	for _, peer := range []struct {
		name, needs    string
		probe, consume []string
	}{
		{"python", "python3-zmq and python3-cryptography", []string{"/usr/bin/python3", "-c", "import zmq, cryptography"},
			[]string{"/usr/bin/python3", "verify.py"}},
		{"node", "npm zeromq (task peers)", []string{"node", "-e", "require('zeromq')"}, []string{"node", "verify.mjs"}},
	} {
		t.Run(peer.name, func(t *testing.T) {
			folder := filepath.Join("..", "..", "examples", "consumer-"+peer.name)
			probe := exec.Command(peer.probe[0], peer.probe[1:]...)
			probe.Dir = folder
			if err := probe.Run(); err != nil {
				if os.Getenv("HEADGATE_REQUIRE_PEERS") == "1" {
					t.Fatalf("%s is required here: %v", peer.needs, err)
				}
				t.Skipf("%s is absent", peer.needs)
			}
			r := newRouter(t)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, peer.consume[0], append(peer.consume[1:], "--connect", r.at, "--count", "1",
				"--keys", written(t, "keys.json", delivery.NewKeys(public(routerKey))),
				"--producers", written(t, "producers.json", map[string]map[string][]jwk.Key{
					"//shop.example/*": {"keys": {{ID: "till", Public: tillKey.Public()}}},
				}))...)
			cmd.Dir = folder
			var out, refused bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &refused
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			good := signedOrder(t, tillKey, 1, `,"data":1`)
			r.deliver(
				order{n: 1},
				order{event: signedOrder(t, otherKey, 1, ``)},
				order{event: strings.Replace(good, `"data":1`, `"data":2`, 1)},
				order{event: good, change: func(h *delivery.Header) { h.Transforms = []delivery.Transform{{Name: "mask", Version: "1"}} }},
				order{event: good, key: ed25519.NewKeyFromSeed(slices.Repeat([]byte{6}, ed25519.SeedSize))},
				order{event: signedOrder(t, tillKey, 2, `,"data":1`)},
			)
			if reply := r.next(); reply.ID != id(2) || reply.Status != delivery.StatusDone {
				t.Errorf("reply is %+v", reply)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, &refused)
			}
			if want := "done " + eventType + " " + id(2) + " attempt 1\n"; out.String() != want {
				t.Errorf("it prints %q, want %q", &out, want)
			}
			want := "refused: dsse_absent\nrefused: dsse_signature_mismatch\nrefused: dsse_core_mismatch\nrefused: transformed\nrefused: kid\n"
			if refused.String() != want {
				t.Errorf("it refuses\n%s, want\n%s", &refused, want)
			}
			r.next() // goodbye
			r.silent()
		})
	}
}

// written is the path of a file that holds value as JSON.
func written(t testing.TB, name string, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
