package datadir_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/headgate-io/headgate/core/datadir"
)

func TestKeysLastAndTheLockKeepsOthersOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	first, err := datadir.Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o700 {
		t.Errorf("mode is %v", info.Mode())
	}
	for _, name := range []string{"delivery.key", "lease.key"} {
		if info, _ := os.Stat(filepath.Join(path, name)); info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s is %v", name, info.Mode())
		}
	}
	if _, err := datadir.Open(path, ""); !errors.Is(err, datadir.ErrLocked) {
		t.Errorf("a second one got in: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !bytes.Equal(first.Delivery, again.Delivery) || !bytes.Equal(first.Lease, again.Lease) {
		t.Error("keys changed")
	}
	public, err := datadir.PublicKey(path)
	if err != nil || !public.Equal(first.Delivery.Public()) {
		t.Errorf("public key: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"a missing delivery key": func(p string) error { return os.Remove(filepath.Join(p, "delivery.key")) },
		"a missing lease key":    func(p string) error { return os.Remove(filepath.Join(p, "lease.key")) },
		"a short lease key":      func(p string) error { return os.WriteFile(filepath.Join(p, "lease.key"), []byte("x"), 0o600) },
		"a key others may read":  func(p string) error { return os.Chmod(filepath.Join(p, "delivery.key"), 0o640) },
		"an open directory":      func(p string) error { return os.Chmod(p, 0o755) },
		"a newer format": func(p string) error {
			return os.WriteFile(filepath.Join(p, "format.json"), []byte(`{"format":2}`), 0o600)
		},
	} {
		path := filepath.Join(t.TempDir(), "data")
		d, err := datadir.Open(path, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Close(), spoil(path)); err != nil {
			t.Fatal(err)
		}
		if d, err := datadir.Open(path, ""); err == nil {
			d.Close()
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestAStartThatWasCutShortBeginsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "delivery.key.new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := datadir.Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
}

func TestKeysSurviveTheLossOfTheFormatFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	first, err := datadir.Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(first.Close(), os.Remove(filepath.Join(path, "format.json"))); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !bytes.Equal(first.Delivery, again.Delivery) || !bytes.Equal(first.Lease, again.Lease) {
		t.Error("keys were made anew")
	}
}
