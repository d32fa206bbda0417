// Package datadir is the directory that a router owns: its keys, its admin
// socket, and the lock that keeps a second router out.
//
// [Open] makes a new directory complete, and refuses one that is not: a router
// whose keys are gone must not silently become another router. Keys are made in a
// new directory alone; [ReadKeys] tells those that sign deliveries while a router
// runs.
package datadir

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The names inside.
const (
	lockFile     = "lock"
	formatFile   = "format.json"
	deliveryFile = "delivery.key"
	leaseFile    = "lease.key"
	socketFile   = "admin.sock"
	journalDir   = "journal"

	// PauseFile has the names of channels that operators have paused.
	PauseFile = "paused.json"
	// RevokedFile has the ids of the senders' keys that were ever revoked.
	RevokedFile = "revoked.json"
)

// format is what this code reads and writes.
const format = 1

const leaseKeySize = 32

// ErrLocked tells that another router owns the directory.
var ErrLocked = errors.New("another router uses this data directory: stop it, or set another [data] dir")

// Dir is an open data directory.
type Dir struct {
	Path  string
	Lease []byte // makes leases

	lock *os.File
}

// Open locks the directory and reads its lease key. A new directory gets mode
// 0700 and fresh keys.
func Open(path string) (_ *Dir, err error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("data directory %s: others may enter it: chmod 700 it", path)
	}
	d := &Dir{Path: path}
	if d.lock, err = lock(filepath.Join(path, lockFile)); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	if err := d.init(); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	if d.Lease, err = os.ReadFile(d.file(leaseFile)); err != nil || len(d.Lease) != leaseKeySize {
		return nil, fmt.Errorf("data directory %s: lease key cannot be read: restore %s", path, leaseFile)
	}
	return d, nil
}

// Close unlocks the directory.
func (d *Dir) Close() error { return d.lock.Close() }

// Socket is the path of the admin socket in a data directory.
func Socket(path string) string { return filepath.Join(path, socketFile) }

// Journal is the path of the journal's own directory in a data directory.
func Journal(path string) string { return filepath.Join(path, journalDir) }

func (d *Dir) file(name string) string { return filepath.Join(d.Path, name) }

// init makes what a new directory lacks, and replaces nothing. The format file
// comes last and says that the directory is whole.
func (d *Dir) init() error {
	text, err := os.ReadFile(d.file(formatFile))
	if err == nil {
		var f struct{ Format int }
		if err := json.Unmarshal(text, &f); err != nil || f.Format != format {
			return fmt.Errorf("%s is not of a format this build reads", formatFile)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	text, err = FormatKeys([]SigningKey{{Private: key}})
	if err != nil {
		return err
	}
	lease := make([]byte, leaseKeySize)
	_, _ = rand.Read(lease) // never fails (crypto/rand, Go 1.24)
	for _, f := range []struct {
		name string
		text []byte
	}{
		{deliveryFile, text},
		{leaseFile, lease},
		{formatFile, fmt.Appendf(nil, "{\"format\":%d}\n", format)},
	} {
		if err := d.make(f.name, f.text); err != nil {
			return err
		}
	}
	return nil
}

// make writes a file that is not there: whole, synced, or not at all.
func (d *Dir) make(name string, text []byte) error {
	path, half := d.file(name), d.file(name+".new")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err // nil for a file that is there, which stays
	}
	f, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(half, path)
	}
	if err != nil {
		return err
	}
	return syncDir(d.Path)
}
