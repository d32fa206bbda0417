package datadir_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/headgate-io/headgate/core/datadir"
)

// delivery reads the delivery key of a data directory that has one.
func delivery(t *testing.T, path string) ed25519.PrivateKey {
	t.Helper()
	keys, err := datadir.ReadKeys(path)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d delivery keys, %v", len(keys), err)
	}
	return keys[0].Private
}

func TestKeysLastAndTheLockKeepsOthersOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	first, err := datadir.Open(path)
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
	key := delivery(t, path)
	if _, err := datadir.Open(path); !errors.Is(err, datadir.ErrLocked) {
		t.Errorf("a second one got in: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !delivery(t, path).Equal(key) || !bytes.Equal(first.Lease, again.Lease) {
		t.Error("keys changed")
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"a missing lease key": func(p string) error { return os.Remove(filepath.Join(p, "lease.key")) },
		"a short lease key":   func(p string) error { return os.WriteFile(filepath.Join(p, "lease.key"), []byte("x"), 0o600) },
		"an open directory":   func(p string) error { return os.Chmod(p, 0o755) },
		"a newer format": func(p string) error {
			return os.WriteFile(filepath.Join(p, "format.json"), []byte(`{"format":2}`), 0o600)
		},
	} {
		path := filepath.Join(t.TempDir(), "data")
		d, err := datadir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Close(), spoil(path)); err != nil {
			t.Fatal(err)
		}
		if d, err := datadir.Open(path); err == nil {
			d.Close()
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestReadKeysRefuses(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"a missing file":           os.Remove,
		"a file others may read":   func(p string) error { return os.Chmod(p, 0o640) },
		"a file of something else": func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) },
		"a file beyond all bounds": func(p string) error { return os.Truncate(p, 65<<10) },
	} {
		path := filepath.Join(t.TempDir(), "data")
		d, err := datadir.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Close(), spoil(datadir.SigningFile(path))); err != nil {
			t.Fatal(err)
		}
		if _, err := datadir.ReadKeys(path); err == nil {
			t.Errorf("%s was accepted", name)
		}
		if d, err = datadir.Open(path); err != nil { // they are no reason to be refused: they may come from outside
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
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
	d, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
}

func TestKeysSurviveTheLossOfTheFormatFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	first, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	key := delivery(t, path)
	if err := errors.Join(first.Close(), os.Remove(filepath.Join(path, "format.json"))); err != nil {
		t.Fatal(err)
	}
	again, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !delivery(t, path).Equal(key) || !bytes.Equal(first.Lease, again.Lease) {
		t.Error("keys were made anew")
	}
}

// What was ever revoked goes along with a copy.
func TestACopyRemembersWhatIsRevoked(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "data"), t.TempDir()
	d, err := datadir.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, text := range []string{"[\"k1\"]\n", "[]\n", "[\"k1\",\"k2\"]\n"} {
		if err := datadir.Replace(from, datadir.RevokedFile, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := datadir.CopyOwn(from, to); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(to, datadir.RevokedFile))
	info, statErr := os.Stat(filepath.Join(to, datadir.RevokedFile))
	if err != nil || statErr != nil || string(text) != "[\"k1\",\"k2\"]\n" || info.Mode().Perm() != 0o600 {
		t.Errorf("got %q, %v, %v", text, err, info)
	}
}
