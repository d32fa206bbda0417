package jwks_test

import (
	"crypto/tls"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
)

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{ // who may be asked: any issuer, a private one, a loopback one, none
		"93.184.216.34:443": "any", "1.1.1.1:443": "any", "[2606:4700::1111]:443": "any", "[::ffff:1.1.1.1]:443": "any", "[64:ff9b::101:101]:443": "any",
		"172.15.255.255:443": "any", "172.32.0.1:443": "any", "100.63.255.255:443": "any", "100.128.0.1:443": "any", "11.0.0.1:443": "any",
		"10.0.0.1:443": "private", "172.16.0.1:443": "private", "172.31.255.255:443": "private", "192.168.1.1:443": "private", "100.64.0.1:443": "private",
		"[fd00::1]:443": "private", "[fc00::1]:443": "private", "[::ffff:10.0.0.1]:443": "private", "[64:ff9b::a00:1]:443": "private",
		"127.0.0.1:443": "loopback", "127.8.8.8:443": "loopback", "[::1]:443": "loopback", "[::ffff:127.0.0.1]:443": "loopback",
		"169.254.169.254:80": "none", "[::ffff:169.254.169.254]:80": "none", "[64:ff9b::a9fe:a9fe]:80": "none", "[fe80::1]:443": "none", "[fe80::1%eth0]:443": "none",
		"0.0.0.0:443": "none", "[::]:443": "none", "0.1.2.3:443": "none", "224.0.0.1:443": "none", "[ff02::1]:443": "none", "255.255.255.255:443": "none", "240.0.0.1:443": "none",
		"192.0.0.1:443": "none", "192.0.2.1:443": "none", "198.18.0.1:443": "none", "203.0.113.1:443": "none",
		"[2002:a9fe:a9fe::1]:443": "none", "[2001::1]:443": "none", "[2001:db8::1]:443": "none", "[fec0::1]:443": "none", "[64:ff9b:1::a00:1]:443": "none",
		"[::7f00:1]:443": "none", "[100::1]:443": "none", "[4000::1]:443": "none", "example.com:443": "none", "": "none",
	} {
		got := "none"
		switch {
		case jwks.CheckAddress(address, false, false) == nil:
			got = "any"
		case jwks.CheckAddress(address, true, true) == nil:
			got = "loopback"
		case jwks.CheckAddress(address, true, false) == nil:
			got = "private"
		}
		if got != want {
			t.Errorf("%s may be asked by %s: want %s", address, got, want)
		}
		if jwks.CheckAddress(address, false, true) == nil || want != "loopback" && jwks.CheckAddress(address, true, true) == nil {
			t.Errorf("%s may be asked without TLS", address)
		}
	}
}

// watchReal follows over real sockets until a bundle comes or text is in the log.
func watchReal(t *testing.T, o jwks.Options, text string) (sdk.TrustBundle, string) {
	t.Helper()
	w := &watched{log: &log{written: make(chan struct{}, 1)}}
	o.Log = slog.New(slog.NewTextHandler(w.log, nil))
	p, err := jwks.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.provider, w.first = p, make(chan sdk.TrustBundle, 1)
	w.again(t)
	for {
		select {
		case b := <-w.first:
			w.stop()
			return b, w.log.String()
		case <-w.log.written:
			if said := w.log.String(); text != "" && strings.Contains(said, text) {
				w.stop()
				return sdk.TrustBundle{}, said
			}
		}
	}
}

// counted counts the connections that reach a server.
func counted(t *testing.T) (address string, reached func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 1)
	got <- 0
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			got <- <-got + 1
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-over })
	return l.Addr().String(), func() int { n := <-got; got <- n; return n }
}

func TestLoopbackNeedsLeave(t *testing.T) {
	address, reached := counted(t)
	_, port, _ := net.SplitHostPort(address)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		o := jwks.Options{Sources: []jwks.Source{source("https://"+host+":"+port, "EdDSA")}}
		_, said := watchReal(t, o, "keys are not fetched")
		if !strings.Contains(said, "allow_private") {
			t.Errorf("%s: the log does not say what to do:\n%s", host, said)
		}
	}
	if n := reached(); n != 0 {
		t.Errorf("%d connections reached a private address", n)
	}
}

func TestARealIssuer(t *testing.T) {
	idp := jwkstest.Start(t, "/oauth2/default", "RS256", "ES384")
	o := jwks.Options{Sources: []jwks.Source{source(idp.URL(), "RS256", "ES384")}, AllowPrivate: true, CA: idp.CA()}
	b, said := watchReal(t, o, "")
	if len(b.Issuers) != 1 || len(b.Issuers[0].Keys) != 2 {
		t.Errorf("the bundle is %+v; the log is:\n%s", b, said)
	}
}

func TestAStrangersCertificateIsRefused(t *testing.T) {
	idp := jwkstest.Start(t, "", "EdDSA")
	o := jwks.Options{Sources: []jwks.Source{source(idp.URL(), "EdDSA")}, AllowPrivate: true}
	if _, said := watchReal(t, o, "keys are not fetched"); !strings.Contains(said, "certificate") || idp.Requests(jwkstest.DiscoveryPath) != 0 {
		t.Errorf("the log is:\n%s", said)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	idp := jwkstest.New("", "", "EdDSA")
	s := httptest.NewUnstartedServer(idp)
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	s.Config.ErrorLog = stdlog.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	o := jwks.Options{Sources: []jwks.Source{source(s.URL, "EdDSA")}, AllowPrivate: true}
	if _, said := watchReal(t, o, "keys are not fetched"); !strings.Contains(said, "protocol version") || idp.Requests(jwkstest.DiscoveryPath) != 0 {
		t.Errorf("the log is:\n%s", said)
	}
}

func TestPlainHTTPOnLoopback(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	origin := "http://" + s.Listener.Addr().String()
	idp := jwkstest.New(origin, "", "EdDSA")
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.Close {
			t.Error("a connection is to stay open for minutes")
		}
		idp.ServeHTTP(w, r)
	})
	s.Start()
	defer s.Close()
	o := jwks.Options{Sources: []jwks.Source{source(origin, "EdDSA")}, AllowPrivate: true}
	if b, said := watchReal(t, o, "keys are not fetched"); len(b.Issuers) != 1 {
		t.Errorf("the log is:\n%s", said)
	}
}

func TestAProxyOnlyIfNamed(t *testing.T) {
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.Method + " " + r.Host:
		default: // the first is enough
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	o := jwks.Options{Sources: []jwks.Source{source("https://issuer.invalid", "EdDSA")}}
	o.Proxy = mustURL(t, proxy.URL)
	watchReal(t, o, "keys are not fetched")
	if got := <-asked; got != "CONNECT issuer.invalid:443" {
		t.Errorf("the proxy was asked %q", got)
	}
}
