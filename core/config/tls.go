package config

import (
	"crypto/tls"
	"crypto/x509"
)

// serverTLS checks the TLS of what listens.
func (k *checker) serverTLS(t *TLS, key string) {
	if t.CA != "" {
		k.hint(join(key, "ca"), "client_ca names who proves the clients", "is for what connects")
	}
	k.certificate(t, key)
	k.authority(t.ClientCA, join(key, "client_ca"))
}

// clientTLS checks the TLS of what connects.
func (k *checker) clientTLS(t *TLS, key string) {
	if t.ClientCA != "" {
		k.hint(join(key, "client_ca"), "ca names who proves the servers", "is for what listens")
	}
	if t.Cert != "" || t.Key != "" {
		k.certificate(t, key)
	}
	k.authority(t.CA, join(key, "ca"))
}

// certificate checks that certificate and key can be read and belong together.
func (k *checker) certificate(t *TLS, key string) {
	cert, private := k.pem(t.Cert, join(key, "cert")), k.pem(t.Key, join(key, "key"))
	if cert == nil || private == nil {
		return
	}
	if _, err := tls.X509KeyPair(cert, private); err != nil {
		k.bad(join(key, "cert"), "%s and %s: %v", t.Cert, t.Key, err)
	}
}

// authority checks that a file of CAs, where there is one, holds any.
func (k *checker) authority(path, key string) {
	if path == "" {
		return
	}
	if text := k.pem(path, key); text != nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
		k.bad(key, "%s: no certificate in PEM", path)
	}
}

// pem reads a file, nil for none.
func (k *checker) pem(path, key string) []byte {
	if path == "" {
		k.bad(key, "is required")
		return nil
	}
	text, err := readFile(k.c.Path(path), maxFile)
	if err != nil {
		k.bad(key, "%s: %v", path, err)
		return nil
	}
	return text
}
