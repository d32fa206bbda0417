package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/headgate-io/headgate/configs"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/curve"
)

// certificateTime is how long the first certificate is good: long enough to try,
// too short to forget it.
const certificateTime = 365 * 24 * time.Hour

// initContainer writes a router that others reach by the name of a host.
func (a *app) initContainer(dir, host string) error {
	router, consumer := newSecret(), newSecret()
	text := bytes.ReplaceAll(configs.Container, []byte("<public key of consumer>"), []byte(consumer.Public().String()))
	text = bytes.ReplaceAll(text, []byte("tcp://localhost:"), []byte("tcp://"+bracketed(host)+":"))
	if err := writeConfig(dir, text); err != nil {
		return err
	}
	if err := firstKey(dir); err != nil {
		return err
	}
	for name, key := range map[string]*curve.Secret{"router.curve": router, "consumer-1.curve": consumer} {
		if err := config.WriteSecrets(filepath.Join(dir, name), []*curve.Secret{key}, false); err != nil {
			return fmt.Errorf("init: %w", err)
		}
	}
	if err := writeCertificate(filepath.Join(dir, "tls"), host); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	at := bracketed(host)
	a.printf(`Written to %s: headgate.toml, and secrets in keys, tls, router.curve and consumer-1.curve.
The router's public CURVE key is %s

Now, in the container: headgate run. A producer has keys/edge-1.toml and tls/cert.pem, a consumer consumer-1.curve:
  headgate send --to https://%s:8443 --ca tls/cert.pem --key keys/edge-1.toml --type com.example.order.created --data '{"amount": 12.5}'
  headgate consume commands --connect tcp://%s:5555 --curve-server '%s' --curve-key consumer-1.curve --keys router-keys.json

router-keys.json is what headgate key export prints, once the router has run. In place of the certificate, which signs itself, put one of your CA.
`, dir, router.Public(), at, at, router.Public())
	return nil
}

// newSecret makes a CURVE key whose public half is not taken for an option.
func newSecret() *curve.Secret {
	secret := curve.NewSecret()
	for strings.HasPrefix(secret.Public().String(), "-") {
		secret = curve.NewSecret()
	}
	return secret
}

// writeCertificate makes a certificate that signs itself, and its key.
func writeCertificate(dir, host string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	of := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateTime), // clocks differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	if ip := net.ParseIP(host); ip != nil {
		of.IPAddresses = append(of.IPAddresses, ip)
	} else if host != "localhost" {
		of.DNSNames = append(of.DNSNames, host)
	}
	cert, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, f := range []struct {
		name, kind string
		bytes      []byte
	}{{"key.pem", "PRIVATE KEY", private}, {"cert.pem", "CERTIFICATE", cert}} {
		to, err := os.OpenFile(filepath.Join(dir, f.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(pem.Encode(to, &pem.Block{Type: f.kind, Bytes: f.bytes}), to.Close()); err != nil {
			return err
		}
	}
	return nil
}

// hostLabels are those of a name of DNS (RFC 1123, section 2.1).
var hostLabels = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// hostname refuses what is neither a name nor an IP address.
func hostname(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() && ip.Zone() == "" {
		return nil
	}
	if !hostLabels.MatchString(host) || len(host) > 253 || net.ParseIP(host) != nil {
		return fmt.Errorf("--host %q is neither a name nor an IP address that others could connect to", host)
	}
	return nil
}

// bracketed is a host as it stands in front of a port.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
