package promise_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The Worker inside Cloudflare's pool for vitest, as its author tests it, between
// a real identity provider, the router, and a consumer in Python on libzmq.
func TestWorkerOnWorkerd(t *testing.T) {
	_, err := os.Stat(filepath.Join(exampleWorker, "node_modules/vitest"))
	requireHere(t, "what npm ci installs in examples/cloudflare-worker", err)
	_, err = os.Stat("../../sdk/typescript/dist/index.js")
	requireHere(t, "what npm run build makes in sdk/typescript", err)
	provider := nodeIDP(t, nil)
	s := newWorkerStage(t, provider.issuer)
	done := s.python("orders")

	vitest := exec.Command("node", "node_modules/vitest/vitest.mjs", "run")
	vitest.Dir = exampleWorker
	vitest.Env = append(os.Environ(), "HOME="+t.TempDir(), "NO_COLOR=1", "WRANGLER_SEND_METRICS=false", "CLOUDFLARE_CF_FETCH_ENABLED=false",
		"LIVE="+text(t, s.with("TOKEN", provider.token(ask{}), "SUBJECT", edgeClient, "OTHERS_TOKEN", provider.token(ask{client: strangerClient}),
			"WRONG_TOKEN", provider.token(ask{audience: "api://other"}))))
	out, err := vitest.CombinedOutput()
	if err != nil {
		t.Fatalf("vitest: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "3 passed") {
		t.Errorf("vitest ran something else:\n%s", out)
	}
	s.drained()
	if ended := done(); len(ended) != 1 || !strings.HasPrefix(ended[0], "done com.example.order.created ") || !strings.HasSuffix(ended[0], " attempt 1") {
		t.Errorf("the consumer says %q", ended)
	}
}

// python starts the verifying consumer in Python, which ends with the test; done
// stops it and gives what it has said.
func (s *workerStage) python(channel string) (done func() []string) {
	s.Helper()
	const python = "/usr/bin/python3" // that of the system, which has Debian's packages
	requireHere(s.T, "python3-zmq and python3-cryptography", exec.Command(python, "-c", "import zmq, cryptography").Run())
	keys := filepath.Join(s.TempDir(), "keys.json")
	if err := os.WriteFile(keys, s.top.Keys, 0o600); err != nil {
		s.Fatal(err)
	}
	cmd := exec.Command(python, "../../examples/consumer-python/verify.py", "--connect", s.address(channel), "--keys", keys, "--channel", channel)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	errs := new(tail)
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	lines := make(chan []string, 1)
	go func() {
		var said []string
		for scan := bufio.NewScanner(out); scan.Scan(); {
			said = append(said, scan.Text())
		}
		lines <- said
	}()
	var said []string
	stopped := false
	done = func() []string {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			said = <-lines
			_ = cmd.Wait()
		}
		return said
	}
	s.Cleanup(func() {
		done()
		if s.Failed() {
			s.Logf("the consumer's errors:\n%s", errs.last(20))
		}
	})
	return done
}
