package plugin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// certificate proves this process to the router that started it, and lets nobody
// else connect.
type certificate struct {
	own    tls.Certificate
	router *x509.CertPool
}

// lifetime is longer than any process lives; the key dies with it.
const lifetime = 10 * 365 * 24 * time.Hour

// newCertificate makes a key pair. routerPEM is what the router gave.
func newCertificate(routerPEM string) (*certificate, error) {
	c := &certificate{router: x509.NewCertPool()}
	if !c.router.AppendCertsFromPEM([]byte(routerPEM)) {
		return nil, errors.New("the router gave no certificate in " + wire.CertKey + ": a plugin serves nobody it does not know")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	now := time.Now()
	der, err := x509.CreateCertificate(rand.Reader, template(now), template(now), &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	c.own = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return c, nil
}

func template(now time.Time) *x509.Certificate {
	const skew = time.Minute // a clock that is set back a little spoils nothing
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: now.Add(-skew), NotAfter: now.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
	}
}

// config demands the router's certificate of every client.
func (c *certificate) config() (*tls.Config, error) {
	return &tls.Config{
		Certificates: []tls.Certificate{c.own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: c.router, MinVersion: tls.VersionTLS13,
	}, nil
}

// field is the certificate as the handshake's line carries it.
func (c *certificate) field() string {
	return base64.RawStdEncoding.EncodeToString(c.own.Certificate[0])
}
