package ingress_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/ingress"
)

// certificate is one that signs itself, and the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestHTTP2OverTLS(t *testing.T) {
	cert, pool := certificate(t)
	d := open(t, func(o *ingress.HTTPOptions) {
		o.Terms.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	})
	d.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	a := d.do(d.signed("order-1", order("order-1")))
	if a.status != 202 || a.proto != 2 {
		t.Errorf("got %d over HTTP/%d: %s", a.status, a.proto, a.body)
	}
	if a := d.do(d.ask("/v1/status?source=//shop.example/till&id=order-1", request{})); a.status != 200 || a.proto != 2 {
		t.Errorf("got %d over HTTP/%d: %s", a.status, a.proto, a.body)
	}
	large := d.signed("order-2", make([]byte, maxBody+1))
	d.do(large).refused(t, 413, "too_large")
}

func TestHTTP2WithoutTLS(t *testing.T) {
	d := open(t, nil)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	d.client.Transport = &http.Transport{Protocols: protocols}
	if a := d.do(d.signed("order-1", order("order-1"))); a.status != 202 || a.proto != 2 {
		t.Errorf("got %d over HTTP/%d: %s", a.status, a.proto, a.body)
	}
}

func TestClientCertificates(t *testing.T) {
	cert, pool := certificate(t)
	mine, ca := certificate(t)
	foreign, _ := certificate(t)
	tests := []struct {
		name  string
		shown []tls.Certificate
		ok    bool
	}{
		{"none", nil, false},
		{"of another CA", []tls.Certificate{foreign}, false},
		{"of the CA", []tls.Certificate{mine}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, func(o *ingress.HTTPOptions) {
				o.Terms.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, ClientCAs: ca, ClientAuth: tls.RequireAndVerifyClientCert}
			})
			d.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(tt.shown) == 0 {
					return new(tls.Certificate), nil
				}
				return &tt.shown[0], nil
			}}}
			resp, err := d.client.Do(d.signed("order-1", order("order-1")))
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
			if !tt.ok {
				d.empty()
			}
		})
	}
}
