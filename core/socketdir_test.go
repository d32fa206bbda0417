package core

import (
	"os"
	"path/filepath"
	"testing"
)

func openSockets(t *testing.T, data string) *socketDir {
	t.Helper()
	d, err := openSocketDir(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(d.path) })
	return d
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestSocketsOfAKilledRouterAreSwept(t *testing.T) {
	data := t.TempDir()
	killed := openSockets(t, data)
	next := openSockets(t, data)
	if isThere(killed.path) || !isThere(next.path) {
		t.Errorf("of the killed one: %t, of the next: %t", isThere(killed.path), isThere(next.path))
	}
	if err := next.Close(); err != nil || isThere(next.path) || isThere(next.link) {
		t.Errorf("closed: %v", err)
	}
}

func TestACopyLeavesAnothersSocketsAlone(t *testing.T) {
	data, copied := t.TempDir(), t.TempDir()
	first := openSockets(t, data)
	if err := os.Symlink(first.path, filepath.Join(copied, socketDirLink)); err != nil {
		t.Fatal(err)
	}
	if second := openSockets(t, copied); !isThere(first.path) || !isThere(second.path) || first.path == second.path {
		t.Error("the first one's sockets are gone")
	}
}

func TestWhatIsNoLinkIsNotRemoved(t *testing.T) {
	data := t.TempDir()
	mine := filepath.Join(data, socketDirLink)
	if err := os.Mkdir(mine, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := openSocketDir(data); err == nil || !isThere(mine) {
		t.Errorf("%v", err)
	}
}
