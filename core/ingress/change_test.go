package ingress_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/netip"
	"testing"

	"github.com/headgate-io/headgate/core/ingress"
)

// TestChangedTermsCount: of requests for the next one, of connections for those
// that come, and none is cut.
func TestChangedTermsCount(t *testing.T) {
	d := open(t, nil)
	post := func(id string, size int) int {
		t.Helper()
		body := order(id)
		if size > 0 {
			body = make([]byte, size)
		}
		return d.do(d.signed(id, body)).status
	}
	if got := post("order-1", 0); got != 202 {
		t.Fatal(got)
	}
	terms := d.options.Terms
	terms.Body = 10
	terms.Behind = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	d.http.Change(terms)
	if got := post("order-2", 11); got != 413 { // by the connection that is there
		t.Errorf("got %d", got)
	}
	d.client.CloseIdleConnections()
	if resp, err := d.client.Do(d.signed("order-3", order("order-3"))); err == nil {
		_ = resp.Body.Close()
		t.Errorf("somebody who is not behind is let in: %s", resp.Status)
	}
	d.http.Change(d.options.Terms)
	if got := post("order-4", 0); got != 202 {
		t.Error(got)
	}
}

// TestNewCertificate: connections that come have it, those that are there go on.
func TestNewCertificate(t *testing.T) {
	certificates := make([]tls.Certificate, 2)
	clients := make([]*http.Client, 2)
	for i := range clients {
		cert, pool := certificate(t)
		certificates[i] = cert
		clients[i] = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: i == 0}}
	}
	d := open(t, func(o *ingress.HTTPOptions) { o.Terms.TLS = &tls.Config{Certificates: certificates[:1]} })
	ask := func(client *http.Client) error {
		resp, err := client.Get(d.url + "/.well-known/jwks.json")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	if err := ask(clients[0]); err != nil {
		t.Fatal(err)
	}
	d.http.Change(ingress.HTTPTerms{Terms: d.options.Terms.Terms, TLS: &tls.Config{Certificates: certificates[1:]}})
	for i, c := range clients {
		if err := ask(c); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	clients[0].CloseIdleConnections()
	if err := ask(clients[0]); err == nil {
		t.Error("the old certificate is shown still")
	}
	clients[1].CloseIdleConnections()
}

// TestInheritedAddress: a door that ends while another takes over its address
// refuses nobody.
func TestInheritedAddress(t *testing.T) {
	d := open(t, nil)
	o := d.options
	o.Limits.Requests = 7
	heir := ingress.NewHTTP(o)
	bound, err := heir.Inherit(d.http)
	if err != nil || "http://"+bound != d.url {
		t.Fatal(bound, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- heir.Run(ctx, within(patience)) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	d.client.Transport.(*http.Transport).DisableKeepAlives = true
	d.stop()
	for range 20 {
		resp, err := d.client.Get(d.url + "/.well-known/jwks.json")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}
