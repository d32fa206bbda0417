package promise_test

import (
	"bufio"
	"crypto/ecdsa"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk/jwk"
)

// audience is what tokens for the router are issued to.
const audience = "api://headgate"

// The clients of the provider in Node: edge has grants in every test, stranger
// has none.
const edgeClient, strangerClient = "edge", "stranger"

// idp is an identity provider that nobody here wrote, as a process: one of
// testdata/idp.
type idp struct {
	*testing.T
	issuer  string
	process *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Scanner
	log     *tail
	client  *http.Client
	tokens  string // the URL of its token endpoint
	secret  string // of its one client; empty where clients prove themselves by key
	key     *ecdsa.PrivateKey
}

// nodeIDP runs the npm package oidc-provider, with settings beyond clients and
// audiences: see testdata/idp/provider.mjs.
func nodeIDP(t *testing.T, settings map[string]any) *idp {
	t.Helper()
	node, err := exec.LookPath("node")
	if err == nil {
		err = exec.Command(node, "-e", "require('crypto').hash.name").Run()
	}
	requireHere(t, "node 20.18.1 or later", err)
	_, err = os.Stat("testdata/idp/node_modules/oidc-provider")
	requireHere(t, "what npm ci installs in core/promise/testdata/idp", err)
	key := newES256(t)
	all := map[string]any{
		"clients":   map[string]json.RawMessage{edgeClient: publicJWK(t, key), strangerClient: publicJWK(t, key)},
		"audiences": []string{audience, "api://other"},
	}
	for name, value := range settings {
		all[name] = value
	}
	p := startIDP(t, exec.Command(node, "testdata/idp/provider.mjs", text(t, all)))
	p.key = key
	return p
}

// buildZitadel builds the example provider of github.com/zitadel/oidc.
func buildZitadel(t *testing.T) (program string) {
	t.Helper()
	const module = "testdata/idp/zitadel"
	requireHere(t, "what "+module+" is built of", exec.Command("go", "-C", module, "mod", "download").Run())
	program = filepath.Join(t.TempDir(), "zitadel")
	cmd := exec.Command("go", "build", "-C", module, "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// zitadelClient is the one that its example has.
const zitadelClient = "sid1"

func zitadelIDP(t *testing.T, program string) *idp {
	t.Helper()
	p := startIDP(t, exec.Command(program, text(t, map[string]any{"audiences": []string{audience}})))
	p.secret = "verysecret"
	return p
}

// startIDP runs a provider until the test ends.
func startIDP(t *testing.T, cmd *exec.Cmd) *idp {
	t.Helper()
	transport := new(http.Transport)
	p := &idp{T: t, process: cmd, log: new(tail), client: &http.Client{Transport: transport, Timeout: patience}}
	cmd.Stderr = p.log
	orders, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.orders, p.answers = orders, bufio.NewScanner(answers)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.end()
		transport.CloseIdleConnections()
		if t.Failed() {
			t.Logf("the provider's log, the end of it:\n%s", p.log.last(20))
		}
	})
	var hello struct{ Issuer string }
	p.read(&hello)
	p.issuer = hello.Issuer
	var found struct {
		Issuer string
		Tokens string `json:"token_endpoint"`
	}
	resp, err := p.client.Get(p.issuer + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil || found.Issuer != p.issuer {
		t.Fatalf("the provider says %+v, %v; its issuer is %s", found, err, p.issuer)
	}
	p.tokens = found.Tokens
	return p
}

// end kills it: what it had is gone.
func (p *idp) end() {
	if p.process.ProcessState == nil {
		_ = p.process.Process.Kill()
		_ = p.process.Wait()
	}
}

// freeze leaves it there, without an answer to anybody.
func (p *idp) freeze() {
	p.Helper()
	if err := p.process.Process.Signal(syscall.SIGSTOP); err != nil {
		p.Fatal(err)
	}
}

// read takes the next line that it says.
func (p *idp) read(into any) {
	p.Helper()
	hung := time.AfterFunc(patience, func() { _ = p.process.Process.Kill() })
	defer hung.Stop()
	if !p.answers.Scan() {
		p.Fatalf("the provider says no more: %v\n%s", p.answers.Err(), p.log.last(20))
	}
	if err := json.Unmarshal(p.answers.Bytes(), into); err != nil {
		p.Fatalf("the provider says %s: %v", p.answers.Bytes(), err)
	}
}

// ring is which keys a provider has.
type ring struct {
	Kids    []string // published
	Signing string
	Fetched int // times
}

// tell gives an order, an object of JSON.
func (p *idp) tell(order string) (r ring) {
	p.Helper()
	if _, err := io.WriteString(p.orders, order+"\n"); err != nil {
		p.Fatal(err)
	}
	p.read(&r)
	return r
}

// The providers themselves do what the tests of a router count on.
func TestIdentityProvidersRotateAndBind(t *testing.T) {
	zitadel := buildZitadel(t)
	for name, start := range map[string]func() *idp{
		"node": func() *idp { return nodeIDP(t, nil) },
		"okta": func() *idp {
			return nodeIDP(t, map[string]any{"okta": true, "alg": "RS256", "path": "/oauth2/default"})
		},
		"zitadel": func() *idp { return zitadelIDP(t, zitadel) },
	} {
		t.Run(name, func(t *testing.T) {
			p := start()
			p.T = t
			first := p.tell("{}")
			if kid := headerOf(t, p.token(ask{}))["kid"]; kid != first.Signing {
				t.Errorf("it signs with %v, and says %s", kid, first.Signing)
			}
			announced := p.tell(`{"announce":2}`)
			if announced.Signing != first.Signing || len(announced.Kids) != len(first.Kids)+2 {
				t.Errorf("announced: %+v after %+v", announced, first)
			}
			next := p.tell(`{"rotate":true}`)
			if next.Signing == first.Signing || !slices.Contains(announced.Kids, next.Signing) || !slices.Contains(next.Kids, first.Signing) {
				t.Errorf("rotated: %+v after %+v", next, announced)
			}
			if kid := headerOf(t, p.token(ask{}))["kid"]; kid != next.Signing {
				t.Errorf("it signs with %v, and says %s", kid, next.Signing)
			}
			if last := p.tell(`{"drop":true}`); slices.Contains(last.Kids, first.Signing) || !slices.Contains(last.Kids, next.Signing) {
				t.Errorf("dropped: %+v after %+v", last, next)
			}
			if p.secret != "" {
				return
			}
			key := newES256(t)
			claims := claimsOf(t, p.token(ask{bound: key}))
			if cnf, _ := claims["cnf"].(map[string]any); cnf["jkt"] != (jwk.Key{Public: key.Public()}).Thumbprint() {
				t.Errorf("claims of a bound token: %v", claims)
			}
		})
	}
}
