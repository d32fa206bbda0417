package datadir

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	auditDir  = "audit"
	auditFile = "audit.key"
)

// Audit is the path of the audit log's own directory in a data directory.
func Audit(path string) string { return filepath.Join(path, auditDir) }

// AuditKey reads the key that signs the checkpoints of the audit log. It is made
// when there is no log yet, and never again: a log that goes on under another key
// is another log.
func (d *Dir) AuditKey() (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(d.file(auditFile))
	if errors.Is(err, fs.ErrNotExist) {
		return d.newAuditKey()
	}
	if err != nil {
		return nil, fmt.Errorf("audit key: %w", err)
	}
	return ParseAuditKey(text)
}

// ParseAuditKey reads an audit key: Ed25519, PKCS #8 in PEM (RFC 8410).
func ParseAuditKey(text []byte) (ed25519.PrivateKey, error) {
	keys, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("audit key: %w", err)
	}
	if len(keys) != 1 {
		return nil, fmt.Errorf("audit key: %d keys, want one: a log has one for its life", len(keys))
	}
	return keys[0].Private, nil
}

func (d *Dir) newAuditKey() (ed25519.PrivateKey, error) {
	if list, err := os.ReadDir(Audit(d.Path)); err == nil && len(list) > 0 {
		return nil, fmt.Errorf("audit key: %s is gone, and its log is in %s: restore the key, or move the log away and keep it as evidence: a new one begins then",
			auditFile, Audit(d.Path))
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("audit key: %w", err)
	}
	text, err := FormatKeys([]SigningKey{{Private: key}})
	if err == nil {
		err = Replace(d.Path, auditFile, text)
	}
	if err != nil {
		return nil, fmt.Errorf("audit key: %w", err)
	}
	return key, nil
}
