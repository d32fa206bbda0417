package consumer_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
)

// remark is what a peer adds to a refusal for its operator.
var remark = regexp.MustCompile(`(?m) \([^)]*\)$`)

// TestPeersTrustProducers has the examples of other languages refuse what this
// package refuses, and do what it does, also when their files change.
func TestPeersTrustProducers(t *testing.T) {
	for _, peer := range []struct {
		name, needs    string
		probe, consume []string
	}{
		{"python", "python3-zmq and python3-cryptography", []string{"/usr/bin/python3", "-c", "import zmq, cryptography"},
			[]string{"/usr/bin/python3", "verify.py"}},
		{"node", "npm zeromq (task peers)", []string{"node", "--input-type=module", "--eval", "import '@headgate/edge/consumer'"}, []string{"node", "verify.mjs"}},
	} {
		t.Run(peer.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for looks at files
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
			keys, producers := filepath.Join(t.TempDir(), "keys.json"), filepath.Join(t.TempDir(), "producers.json")
			write(t, keys, keysOf(t, public(routerKey)))
			write(t, producers, ring(t, tillKey))
			cmd := exec.CommandContext(ctx, peer.consume[0], append(peer.consume[1:], "--connect", r.at, "--count", "3",
				"--keys", keys, "--producers", producers)...)
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
			write(t, keys, keysOf(t, public(otherKey)))
			write(t, producers, ring(t, otherKey))
			time.Sleep(peerLooks)
			r.deliver(
				order{event: signedOrder(t, otherKey, 3, ``)},
				order{event: signedOrder(t, tillKey, 4, ``), key: otherKey},
				order{event: signedOrder(t, otherKey, 5, ``), key: otherKey},
			)
			if reply := r.next(); reply.ID != id(5) || reply.Status != delivery.StatusDone {
				t.Errorf("reply is %+v", reply)
			}
			write(t, keys, `{"keys":[]}`)
			write(t, producers, `{"//shop`)
			time.Sleep(peerLooks)
			r.deliver(order{event: signedOrder(t, otherKey, 6, ``), key: otherKey})
			if reply := r.next(); reply.ID != id(6) || reply.Status != delivery.StatusDone {
				t.Errorf("reply is %+v", reply)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, &refused)
			}
			done := "done " + eventType + " %s attempt 1\n"
			if want := fmt.Sprintf(done+done+done, id(2), id(5), id(6)); out.String() != want {
				t.Errorf("it prints %q, want %q", &out, want)
			}
			want := "refused: dsse_absent\nrefused: dsse_signature_mismatch\nrefused: dsse_core_mismatch\nrefused: transformed\nrefused: kid\n" +
				"refused: kid\nrefused: dsse_signature_mismatch\n" + keys + " changes nothing: "
			if got := remark.ReplaceAllString(refused.String(), ""); !strings.HasPrefix(got, want) || strings.Count(got, producers+" changes nothing: ") != 1 {
				t.Errorf("it refuses\n%s, want\n%s", got, want)
			}
			r.next() // goodbye
			r.silent()
		})
	}
}

// peerLooks is when a peer looks at its files again, with the next delivery.
const peerLooks = 1100 * time.Millisecond
