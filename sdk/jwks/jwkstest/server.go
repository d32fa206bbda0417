package jwkstest

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// Start serves an issuer at path on loopback, until the test ends, with a key
// for each algorithm.
func Start(t testing.TB, path string, algs ...string) *Issuer {
	t.Helper()
	i := New("", path, algs...)
	i.Serve(t, nil)
	return i
}

// Serve serves an issuer on a listener, or on loopback without one, until the
// test ends. Its URL is then where it is served, unless New was told.
func (i *Issuer) Serve(t testing.TB, on net.Listener) {
	t.Helper()
	s := httptest.NewUnstartedServer(i)
	if on != nil {
		_ = s.Listener.Close() // nobody has asked it
		s.Listener = on
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of clients that left, as they should
	if i.origin == "" {
		i.origin = "https://" + s.Listener.Addr().String()
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	i.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// CA holds the certificate of every issuer that was started here.
func (i *Issuer) CA() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(i.pem)
	return pool
}

// CAFile is the path of a file with the certificate in PEM, which is removed
// when the test ends.
func (i *Issuer) CAFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, i.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
