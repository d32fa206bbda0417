package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// eventSignerOf signs events end to end with the private key in a file: PKCS #8
// in PEM, as openssl genpkey writes it, or whsk_.
func eventSignerOf(path, id string) (*dsse.Signer, error) {
	private, err := readPrivateKey(path)
	if err != nil {
		return nil, fmt.Errorf("event key %s: %w", path, err)
	}
	return dsse.NewSigner(id, private)
}

func readPrivateKey(path string) (crypto.Signer, error) {
	text, err := config.ReadPrivate(path)
	if err != nil {
		return nil, err
	}
	if line := strings.TrimSpace(string(text)); strings.HasPrefix(line, "whsk_") {
		return webhook.ParsePrivate(line)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("it is neither PKCS #8 in PEM (PRIVATE KEY) nor whsk_: openssl genpkey -algorithm ed25519 makes one")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it is no PKCS #8 key")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("it cannot sign")
	}
	return signer, nil
}
