package admin_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// fake is a router of one event.
type fake struct {
	mu   sync.Mutex
	top  admin.Top
	err  error // of Top
	acts []string
	fail error // of acts
}

func (f *fake) did(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acts = append(f.acts, what)
	return f.fail
}

func (f *fake) done() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.acts
}

func (f *fake) Top(context.Context) (admin.Top, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.top, f.err
}

const secretBody = `{"card":"4111"}`

func event() admin.Event {
	return admin.Event{ID: "one", Source: "//shop", Seq: 7, Event: json.RawMessage(secretBody), Raw: []byte(secretBody),
		Channels: []admin.ChannelState{{ChannelStatus: outbox.ChannelStatus{Target: outbox.Target{Channel: "commands"}}, Result: json.RawMessage(secretBody)}}}
}

func (f *fake) Events(context.Context, outbox.Filter) ([]admin.Event, error) {
	return []admin.Event{event()}, nil
}

func (f *fake) Event(_ context.Context, key outbox.Key) (admin.Event, error) {
	if key.ID != "one" {
		return admin.Event{}, admin.ErrNotFound
	}
	return event(), nil
}

func (f *fake) Act(_ context.Context, a admin.Act) (admin.Done, error) {
	return admin.Done{Changed: 1}, f.did(string(a.Verb))
}
func (f *fake) Keys(context.Context) (admin.Keys, error) { return admin.Keys{}, nil }
func (f *fake) Verify(context.Context) (admin.Checked, error) {
	return admin.Checked{}, f.did("verify")
}
func (f *fake) Backup(context.Context, admin.Copy) error { return f.did("backup") }
func (f *fake) SetLevel(_ context.Context, c admin.LevelChange) error {
	return f.did("level " + c.Part)
}
func (f *fake) Reload(context.Context, admin.Reload) (admin.Reloaded, error) {
	return admin.Reloaded{}, f.did("reload")
}
func (f *fake) Levels(context.Context) ([]admin.PartLevel, error) {
	return []admin.PartLevel{{Part: "intake", Level: "info"}}, nil
}

// ledger is an auditor that remembers.
type ledger struct {
	mu      sync.Mutex
	records []admin.Record
	refused []admin.Record
	err     error
}

func (l *ledger) Write(_ context.Context, r admin.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.records = append(l.records, r)
	}
	return l.err
}

func (l *ledger) Refuse(r admin.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = append(l.refused, r)
}

func (l *ledger) taken() (records, refused []admin.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records, l.refused
}

// rig is a server at work.
type rig struct {
	*testing.T
	router *fake
	ledger *ledger
	hub    *admin.Decisions
	log    *lines
	server *admin.Server
	socket string
	http   *http.Client // of the TCP door
	stop   func()
}

// The secrets of the tokens, each with the name of its role.
const (
	readSecret    = "read-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	operateSecret = "operate-bbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	payloadSecret = "payload-cccccccccccccccccccccccccccc"
)

func token(role admin.Role, secret string) admin.Token {
	return admin.Token{Name: "t-" + string(role), Role: role, Sum: sha256.Sum256([]byte(secret))}
}

func access() admin.Access {
	return admin.Access{Hosts: []string{"router-1.example"},
		Tokens: []admin.Token{token(admin.Read, readSecret), token(admin.Operate, operateSecret), token(admin.Payload, payloadSecret)}}
}

func start(t *testing.T, change func(*admin.Options)) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, router: &fake{}, ledger: &ledger{}, hub: new(admin.Decisions), log: &lines{}, socket: filepath.Join(dir, "s")}
	o := admin.Options{Socket: r.socket, Router: r.router, Decisions: r.hub, Auditor: r.ledger, Log: zerolog.New(r.log),
		HTTP: &admin.HTTP{Address: "127.0.0.1:0", Access: access(), Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "metrics here") })}}
	if change != nil {
		change(&o)
	}
	if r.server, err = admin.NewServer(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Run(ctx) }()
	transport := &http.Transport{}
	r.http = &http.Client{Transport: transport, Timeout: patience}
	r.stop = sync.OnceFunc(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		_ = os.RemoveAll(dir)
	})
	t.Cleanup(r.stop)
	return r
}

// ask sends a request to the TCP door.
func (r *rig) ask(method, path, body string, change func(*http.Request)) (int, http.Header, string) {
	r.Helper()
	req, err := http.NewRequest(method, "http://"+r.server.Address()+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func bearer(secret string) func(*http.Request) {
	return func(req *http.Request) {
		if secret != "" {
			req.Header.Set("Authorization", "Bearer "+secret)
		}
	}
}

// eventually waits for what another goroutine brings about.
func (r *rig) eventually(what string, ok func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("in vain: %s", what)
		}
	}
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func (a *authority) sign(t *testing.T, cn string, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: cn}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for _, name := range names {
		switch u, err := url.Parse(name); {
		case net.ParseIP(name) != nil:
			of.IPAddresses = append(of.IPAddresses, net.ParseIP(name))
		case strings.Contains(name, "@"):
			of.EmailAddresses = append(of.EmailAddresses, name)
		case err == nil && u.Scheme != "":
			of.URIs = append(of.URIs, u)
		default:
			of.DNSNames = append(of.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, of, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

var errTest = errors.New("no such luck")
