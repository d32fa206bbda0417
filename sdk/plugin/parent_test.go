package plugin_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestEachWatchOfTheParentSuffices takes a plugin's parent away while a third
// process, this one, holds its stdin open; and the other way round. Nothing else
// ends this plugin: no signal comes with its parent's death.
func TestEachWatchOfTheParentSuffices(t *testing.T) {
	for name, lose := range map[string]func(parent *os.Process, stdin io.Closer) error{
		"parent": func(parent *os.Process, _ io.Closer) error { return parent.Kill() },
		"stdin":  func(_ *os.Process, stdin io.Closer) error { return stdin.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			parent := exec.Command(os.Args[0])
			parent.Env = []string{
				"TEST_PLUGIN=parent", "HEADGATE_PLUGIN=headgate.plugin.v1", "PLUGIN_PROTOCOL_VERSIONS=1",
				"PLUGIN_UNIX_SOCKET_DIR=" + shortDir(t), "PLUGIN_CLIENT_CERT=" + somebody(t),
			}
			stdin, err := parent.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close() // ends whatever is left
			stdout, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			stderr, err := parent.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.HasPrefix(line, "1|1|unix|") {
				t.Fatalf("it said %q: %v", line, err)
			}
			if err := lose(parent.Process, stdin); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, stderr); ended <- err }() // ends with Wait at the latest
			select {
			case err := <-ended: // nobody has its stderr any more
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Error("it lives on")
				stdin.Close()
				_ = parent.Process.Kill()
			}
			_ = parent.Wait() // killed, or with the status of its plugin
			if code := parent.ProcessState.ExitCode(); name == "stdin" && code != 3 {
				t.Errorf("it ended with status %d", code)
			}
		})
	}
}

// parent runs this binary as a plugin that has all of its own streams.
func parent() {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "TEST_PLUGIN=good")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	_ = c.Run() // its status says it
	os.Exit(c.ProcessState.ExitCode())
}

// shortDir is a temporary directory whose path a socket fits in.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// somebody is the certificate of a router, PEM.
func somebody(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
