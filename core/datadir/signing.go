package datadir

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// MaxSigningKeys is how many delivery keys a file has: the one that signs, and
// some that are about to or did. Consumers read 64 at most.
const MaxSigningKeys = 4

// maxSigningFile bounds a file of delivery keys: many times what they take.
const maxSigningFile = 64 << 10

// SigningKey is one delivery key of a file. The first of a file signs, and the
// public halves of all are published.
type SigningKey struct {
	Private ed25519.PrivateKey
	Role    Role      // as the line above it says; empty where there is none
	Since   time.Time // when it took on that role; to the second
}

// Role is what a delivery key is for, in the words of its file.
type Role string

// The roles.
const (
	Signs  Role = "signs"
	Next   Role = "next"   // to sign when every consumer may know it
	Former Role = "former" // to go when nothing that it signed is valid any more
)

const (
	pemType  = "PRIVATE KEY"
	pemBegin = "-----BEGIN "
)

// ParseKeys reads delivery keys: Ed25519, PKCS #8 in PEM (RFC 8410), 1 to
// MaxSigningKeys of them. A role is explanatory text (RFC 7468, section 2), so
// that other tools read the file, too: the line before a key may say
//
//	# next since 2026-11-22T10:00:00Z
//
// and any other text there means nothing. Errors hold nothing of the keys.
func ParseKeys(text []byte) ([]SigningKey, error) {
	pieces := bytes.Split(append([]byte("\n"), text...), []byte("\n"+pemBegin)) // each but the first begins with a key
	if len(pieces) == 1 {
		return nil, errors.New("not PEM")
	}
	if len(pieces)-1 > MaxSigningKeys {
		return nil, fmt.Errorf("has %d keys, at most %d are read", len(pieces)-1, MaxSigningKeys)
	}
	var keys []SigningKey
	for n, piece := range pieces[1:] {
		block, below := pem.Decode(append([]byte(pemBegin), piece...))
		if block == nil || block.Type != pemType {
			return nil, fmt.Errorf("key %d is not a PEM block of type %q", n+1, pemType)
		}
		k, err := parseKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("key %d is %w", n+1, err)
		}
		for i := range keys {
			if keys[i].Private.Equal(k) {
				return nil, fmt.Errorf("key %d is key %d again", n+1, i+1)
			}
		}
		role, since := roleOf(pieces[n])
		pieces[n+1] = below
		keys = append(keys, SigningKey{Private: k, Role: role, Since: since})
	}
	return keys, nil
}

func parseKey(der []byte) (ed25519.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("not a PKCS #8 key") // the error may quote it
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("not an Ed25519 key")
	}
	return ed, nil
}

// roleOf reads the last line of the text above a key.
func roleOf(above []byte) (Role, time.Time) {
	lines := strings.Split(strings.TrimSpace(string(above)), "\n")
	words := strings.Fields(lines[len(lines)-1])
	if len(words) != 4 || words[0] != "#" || words[2] != "since" {
		return "", time.Time{}
	}
	since, err := time.Parse(time.RFC3339, words[3])
	switch role := Role(words[1]); role {
	case Signs, Next, Former:
		if err == nil {
			return role, since
		}
	}
	return "", time.Time{}
}

// FormatKeys gives the text that ParseKeys reads.
func FormatKeys(keys []SigningKey) ([]byte, error) {
	var out bytes.Buffer
	for _, k := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(k.Private)
		if err != nil {
			return nil, errors.New("delivery key: it cannot be written")
		}
		if k.Role != "" {
			fmt.Fprintf(&out, "# %s since %s\n", k.Role, k.Since.Format(time.RFC3339))
		}
		if err := pem.Encode(&out, &pem.Block{Type: pemType, Bytes: der}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// SigningFile is the path of the delivery keys in a data directory.
func SigningFile(path string) string { return (&Dir{Path: path}).file(deliveryFile) }

// ReadKeys reads the delivery keys of a data directory, which a router may use at
// the same time. Nobody else may be able to read their file.
func ReadKeys(path string) ([]SigningKey, error) {
	path = SigningFile(path)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("delivery key: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("delivery key %s: others may read it: chmod 600 it", path)
	case info.Size() > maxSigningFile:
		return nil, fmt.Errorf("delivery key %s: the file is larger than %d KiB", path, maxSigningFile>>10)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("delivery key: %w", err)
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("delivery key %s: %w", path, err)
	}
	return keys, nil
}
