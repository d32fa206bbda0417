package config_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

// certificates writes cert.pem, key.pem and ca.pem, and gives their directory.
func certificates(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1)}
	cert, err := x509.CreateCertificate(rand.Reader, of, of, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	dir, _ := write(t, "cert.pem", certPEM, "ca.pem", certPEM,
		"key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	return dir
}

// TestOffTheMachine is the table of who needs what: rows are what a socket has,
// columns the socket. A dash is a refusal.
func TestOffTheMachine(t *testing.T) {
	const (
		door    = "[[ingress]]\nname = \"direct\"\nlisten = \"%s\"\n%s\n"
		replies = "[replies]\nadvertise = \"tcp://router-1:5557\"\nlisten = \"%s\"\n%s\n"
		route   = "[[routes]]\nname = \"all\"\ntype = [\"**\"]\nchannels = [\"out\"]\n"
		listen  = route + "[[channels]]\nname = \"out\"\nclass = \"telemetry\"\nlisten = \"%s\"\n%s\n"
		connect = route + "[[channels]]\nname = \"out\"\nclass = \"command\"\nconnect = [\"%s\"]\n%s\n"

		own    = `cert = "cert.pem", key = "key.pem"`
		secret = `secret = "env:CURVE_A"`
		server = `server_key = "c>xMH1Z/&$gVDnEl8tedw]q7qRxqriB+pwFrdY9@"`
	)
	sockets := []string{door, replies, listen, connect}
	dir := certificates(t)
	for _, c := range []struct {
		has, address string
		passes       string // one sign per socket
	}{
		{``, "tcp://127.0.0.1:1", "++++"},
		{``, "tcp://[::1]:1", "++++"},
		{``, "ipc://x.sock", "++++"},
		{``, "tcp://10.0.0.1:1", "----"},
		{``, "tcp://localhost:1", "----"},
		{`allow_plain_zmq = true`, "tcp://10.0.0.1:1", "++++"},
		{`curve = { ` + secret + ` }`, "tcp://10.0.0.1:1", "+++-"},
		{`curve = { ` + secret + ` }`, "tcp://127.0.0.1:1", "+++-"},
		{`curve = { ` + secret + `, ` + server + ` }`, "tcp://10.0.0.1:1", "---+"},
		{`curve = { ` + secret + `, ` + server + ` }`, "ipc://x.sock", "---+"},
		{`tls = {}`, "tcp://127.0.0.1:1", "---+"},
		{`tls = {}`, "tcp://10.0.0.1:1", "----"},
		{`tls = { ca = "ca.pem" }`, "tcp://10.0.0.1:1", "----"},
		{`tls = { ` + own + ` }`, "tcp://127.0.0.1:1", "++++"},
		{`tls = { ` + own + ` }`, "tcp://10.0.0.1:1", "+--+"},
		{`tls = { ` + own + `, client_ca = "ca.pem" }`, "tcp://10.0.0.1:1", "+++-"},
		{`tls = { ` + own + `, ca = "ca.pem" }`, "tcp://10.0.0.1:1", "---+"},
		{`tls = { ` + own + `, client_ca = "key.pem" }`, "tcp://10.0.0.1:1", "----"},
		{`tls = { ` + own + ` }`, "ipc://x.sock", "----"},
		{"tls = {}\nallow_plain_zmq = true", "tcp://10.0.0.1:1", "---+"},
		{`ipc_mode = "0600"`, "ipc://x.sock", "+++-"},
		{`ipc_mode = "0660"`, "ipc://x.sock", "----"},
		{"ipc_mode = \"0660\"\nallow_plain_zmq = true", "ipc://x.sock", "+++-"},
		{"ipc_mode = \"0660\"\ncurve = { " + secret + " }", "ipc://x.sock", "+++-"},
		{`ipc_mode = "0600"`, "tcp://127.0.0.1:1", "----"},
	} {
		for i, socket := range sockets {
			_, err := config.Parse(fmt.Appendf(nil, socket, c.address, c.has), "x.toml", dir, config.Options{Env: env()})
			if passes := c.passes[i] == '+'; passes != (err == nil) {
				t.Errorf("%s of %s%s\n%v", c.address, strings.ReplaceAll(socket, "%s", ".."), c.has, err)
			}
		}
	}
}

// TestIngressClasses shows that Effective leaves out what is for doors of the
// other kind.
func TestIngressClasses(t *testing.T) {
	text := "[[ingress]]\nname = \"a\"\nlisten = \"http://127.0.0.1:0\"\n[[ingress]]\nname = \"b\"\nlisten = \"tcp://127.0.0.1:0\"\n"
	c, err := config.Parse([]byte(text), "x.toml", ".", config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, s := range c.Effective() {
		shown[s.Key] = true
	}
	for key, want := range map[string]bool{
		"ingress[0].allow_plain_http": true, "ingress[0].allow_plain_zmq": false, "ingress[0].ipc_mode": false, "ingress[0].max_body": true,
		"ingress[1].allow_plain_http": false, "ingress[1].allow_plain_zmq": true, "ingress[1].ipc_mode": true, "ingress[1].max_body": true,
	} {
		if shown[key] != want {
			t.Errorf("%s is shown: %v", key, shown[key])
		}
	}
}
