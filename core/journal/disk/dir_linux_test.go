package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk"

	"golang.org/x/sys/unix"
)

func TestAFullDisk(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = disk.NewFile(f).WriteAt([]byte("x"), 0)
	if !errors.Is(err, disk.ErrFull) || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v", err)
	}
}

// The next tests want a tmpfs: it refuses at once what is larger than itself,
// takes the room a file is made with, and is another file system.

func TestCreateLeavesNothingOnAFullDisk(t *testing.T) {
	path := tmpfs(t)
	d := openDir(t, path)
	_, total, err := d.Free()
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.Create("a", 2*total); !errors.Is(err, disk.ErrFull) || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v", err)
	}
	if names, err := d.List(); err != nil || len(names) != 0 {
		t.Errorf("it left %q, %v", names, err)
	}
}

func TestCreateTakesTheRoom(t *testing.T) {
	const size = 1 << 20
	path := tmpfs(t)
	f, err := openDir(t, path).Create("a", size)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(path, "a"), &st); err != nil || st.Blocks*512 < size {
		t.Errorf("%d bytes are taken, %v", st.Blocks*512, err)
	}
}

func TestLinkCopiesToAnotherFileSystem(t *testing.T) {
	d := openDir(t, t.TempDir())
	fill(t, d, "a", "abc")
	to := filepath.Join(tmpfs(t), "b")
	if err := d.(disk.Linker).Link("a", to); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(to); err != nil || string(text) != "abc" {
		t.Errorf("%q, %v", text, err)
	}
}

// tmpfs gives a new directory on a tmpfs, removed with the test.
func tmpfs(t *testing.T) string {
	t.Helper()
	const mount = "/dev/shm"
	var st unix.Statfs_t
	if err := unix.Statfs(mount, &st); err != nil || st.Type != unix.TMPFS_MAGIC || st.Blocks == 0 {
		t.Skip("no bounded tmpfs at " + mount)
	}
	path, err := os.MkdirTemp(mount, "headgate")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	return path
}
