package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/curve"
)

// examples are the consumers that README shows, with CURVE keys.
func examples(t *testing.T, key string, public curve.Public) map[string]func() *exec.Cmd {
	return map[string]func() *exec.Cmd{
		"python": func() *exec.Cmd {
			requirePeer(t, "python3-zmq and python3-cryptography", exec.Command("/usr/bin/python3", "-c", "import zmq, cryptography"))
			return exec.Command("/usr/bin/python3", "../../../examples/consumer-python/verify.py", "--curve-key", key)
		},
		"node": func() *exec.Cmd {
			requirePeer(t, "npm zeromq (task peers)", nodeProbe())
			return exec.Command("node", "../../../examples/consumer-node/verify.mjs", "--curve-key", key, "--curve-public="+public.String())
		},
		"go": func() *exec.Cmd {
			program := filepath.Join(t.TempDir(), "consumer")
			if out, err := exec.Command("go", "build", "-o", program, "../../../examples/consumer-go").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return exec.Command(program, "--curve-key", key)
		},
	}
}

// Consumers of three languages verify and settle what comes over CURVE, and the
// router knows each by the name of its key.
func TestExamplesOverCurve(t *testing.T) {
	for _, language := range []string{"python", "node", "go"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			own := curve.NewSecret()
			key := filepath.Join(t.TempDir(), "billing.curve")
			if err := config.WriteSecrets(key, []*curve.Secret{own}, false); err != nil {
				t.Fatal(err)
			}
			cmd := examples(t, key, own.Public())[language]()
			r := newRig(t, rigOptions{guests: map[string]curve.Public{"billing": own.Public()}})
			secrets, err := config.ReadSecrets(filepath.Join(r.dir, "router.curve"))
			if err != nil {
				t.Fatal(err)
			}
			cmd.Args = append(cmd.Args, "--connect", r.top.Commands[0].Address, "--keys", r.keysFile, "--curve-server="+secrets[0].Public().String()) // a key may begin with a dash
			out := new(tail)
			cmd.Stdout, cmd.Stderr = out, os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}()
			r.eventually("the consumer is connected", func() bool { c := r.commands(); return len(c.Conns) == 1 && len(c.Socket.Connections) == 1 })
			if c := r.commands(); c.Conns[0].Peer != "billing" || c.Socket.Connections[0].Key != own.Public().String() {
				t.Errorf("%+v", c)
			}
			for n := range 5 {
				r.send(fmt.Sprintf("order-%d", n))
			}
			for n := range 5 {
				r.awaitState(fmt.Sprintf("order-%d", n), outbox.StateDone)
			}
			// A consumer prints after it has replied.
			r.eventually("five lines", func() bool { return strings.Count(out.String(), "done com.example.order.created order-") == 5 })
			for _, secret := range []*curve.Secret{own, secrets[0]} {
				if strings.Contains(r.log.String(), secret.Reveal()) {
					t.Error("a secret CURVE key stands in the log")
				}
			}
		})
	}
}
