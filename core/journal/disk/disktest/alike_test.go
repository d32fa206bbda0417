package disktest_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/disk/disktest"
)

// TestAlike holds the disk in memory to what a real one does.
func TestAlike(t *testing.T) {
	kinds := map[string]func(t *testing.T) disk.FS{
		"real": func(t *testing.T) disk.FS {
			d, err := disk.Open(filepath.Join(t.TempDir(), "journal"))
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		"memory": func(*testing.T) disk.FS { return disktest.New(disktest.Options{}) },
	}
	for kind, open := range kinds {
		for name, behaviour := range behaviours {
			t.Run(kind+"/"+name, func(t *testing.T) { behaviour(t, open(t)) })
		}
	}
}

var behaviours = map[string]func(t *testing.T, d disk.FS){
	"a new file has its size and reads as zeros": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 1000)
		holds(t, f, make([]byte, 1000))
	},
	"a new file may be empty": func(t *testing.T, d disk.FS) {
		holds(t, create(t, d, "a", 0), nil)
	},
	"a file is not made over another": func(t *testing.T, d disk.FS) {
		write(t, create(t, d, "a", 3), "abc", 0)
		_, err := d.Create("a", 9)
		is(t, err, fs.ErrExist)
		holds(t, open(t, d, "a"), []byte("abc"))
	},
	"a negative size makes no file": func(t *testing.T, d disk.FS) {
		if _, err := d.Create("a", -1); err == nil {
			t.Error("it was made")
		}
		lists(t, d)
	},
	"a file that is not there is not opened": func(t *testing.T, d disk.FS) {
		_, err := d.Open("a")
		is(t, err, fs.ErrNotExist)
		if !strings.Contains(err.Error(), "a") {
			t.Errorf("%q does not name the file", err)
		}
		lists(t, d)
	},
	"names do not lead out of the directory": func(t *testing.T, d disk.FS) {
		create(t, d, "a", 1)
		for _, name := range []string{"", ".", "..", "../a", "/a", "b/a", `b\a`, "a/"} {
			_, err := d.Create(name, 1)
			is(t, err, fs.ErrInvalid)
			_, err = d.Open(name)
			is(t, err, fs.ErrInvalid)
			is(t, d.Rename("a", name), fs.ErrInvalid)
			is(t, d.Rename(name, "a"), fs.ErrInvalid)
			is(t, d.Remove(name), fs.ErrInvalid)
		}
		lists(t, d, "a")
	},
	"names may be odd": func(t *testing.T, d disk.FS) {
		create(t, d, "..a", 1)
		create(t, d, ".b", 1)
		lists(t, d, "..a", ".b")
	},
	"a write is read by every handle": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 8)
		other := open(t, d, "a")
		write(t, f, "bcd", 2)
		holds(t, other, []byte("\x00\x00bcd\x00\x00\x00"))
		write(t, other, "X", 3)
		holds(t, f, []byte("\x00\x00bXd\x00\x00\x00"))
	},
	"a write of nothing is nothing": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 3)
		write(t, f, "", 10)
		holds(t, f, make([]byte, 3))
	},
	"a write beyond the end makes it longer": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 3)
		write(t, f, "de", 5)
		holds(t, f, []byte("\x00\x00\x00\x00\x00de"))
	},
	"a read at the end is short": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 3)
		write(t, f, "abc", 0)
		for off, want := range []string{"abc", "bc", "c", "", ""} {
			p := bytes.Repeat([]byte{'x'}, 5)
			n, err := f.ReadAt(p, int64(off))
			if err != io.EOF || string(p[:n]) != want || !bytes.Equal(p[n:], []byte("xxxxx")[n:]) {
				t.Errorf("at %d: %q, %v", off, p[:n], err)
			}
		}
		if n, err := f.ReadAt(nil, 9); n != 0 || err != nil && err != io.EOF {
			t.Errorf("of nothing: %d, %v", n, err)
		}
	},
	"an offset is not negative": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 3)
		if _, err := f.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
			t.Errorf("read: %v", err)
		}
		if _, err := f.WriteAt(make([]byte, 1), -1); err == nil {
			t.Error("written")
		}
		if err := f.Truncate(-1); err == nil {
			t.Error("cut")
		}
		holds(t, f, make([]byte, 3))
	},
	"what was cut off is zeros when it comes back": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 5)
		write(t, f, "abcde", 0)
		for _, size := range []int64{2, 4} {
			if err := f.Truncate(size); err != nil {
				t.Fatal(err)
			}
		}
		holds(t, f, []byte("ab\x00\x00"))
		write(t, f, "g", 6)
		holds(t, f, []byte("ab\x00\x00\x00\x00g"))
	},
	"a file gets another name": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 3)
		if err := d.Rename("a", "b"); err != nil {
			t.Fatal(err)
		}
		write(t, f, "abc", 0)
		holds(t, open(t, d, "b"), []byte("abc"))
		is(t, d.Rename("a", "c"), fs.ErrNotExist)
		if err := d.Rename("b", "b"); err != nil {
			t.Error(err)
		}
		lists(t, d, "b")
	},
	"a file takes another's place": func(t *testing.T, d disk.FS) {
		write(t, create(t, d, "a", 3), "new", 0)
		old := create(t, d, "b", 3)
		write(t, old, "old", 0)
		if err := d.Rename("a", "b"); err != nil {
			t.Fatal(err)
		}
		holds(t, open(t, d, "b"), []byte("new"))
		holds(t, old, []byte("old"))
		lists(t, d, "b")
	},
	"a file is removed, but for who has it open": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 3)
		if err := d.Remove("a"); err != nil {
			t.Fatal(err)
		}
		write(t, f, "abc", 0)
		holds(t, f, []byte("abc"))
		is(t, d.Remove("a"), fs.ErrNotExist)
		lists(t, d)
		holds(t, create(t, d, "a", 1), make([]byte, 1))
		holds(t, f, []byte("abc"))
	},
	"names are sorted": func(t *testing.T, d disk.FS) {
		for _, name := range []string{"b", "10", "a", "9"} {
			create(t, d, name, 0)
		}
		lists(t, d, "10", "9", "a", "b")
	},
	"everything can be synced": func(t *testing.T, d disk.FS) {
		f := create(t, d, "a", 3)
		write(t, f, "abc", 0)
		if err := errors.Join(f.Sync(), d.Sync()); err != nil {
			t.Error(err)
		}
		holds(t, f, []byte("abc"))
	},
	"a closed file is closed": func(t *testing.T, d disk.FS) {
		f, err := d.Create("a", 3)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = f.ReadAt(make([]byte, 1), 0)
		is(t, err, fs.ErrClosed)
		_, err = f.WriteAt(make([]byte, 1), 0)
		is(t, err, fs.ErrClosed)
		_, err = f.Size()
		is(t, err, fs.ErrClosed)
		is(t, f.Sync(), fs.ErrClosed)
		is(t, f.Truncate(1), fs.ErrClosed)
		is(t, f.Close(), fs.ErrClosed)
		holds(t, open(t, d, "a"), make([]byte, 3))
	},
	"there is room": func(t *testing.T, d disk.FS) {
		free, total, err := d.Free()
		if err != nil || free <= 0 || free > total {
			t.Errorf("%d of %d, %v", free, total, err)
		}
	},
}

func create(t *testing.T, d disk.FS, name string, size int64) disk.File {
	t.Helper()
	f, err := d.Create(name, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func open(t *testing.T, d disk.FS, name string) disk.File {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func write(t *testing.T, f disk.File, data string, off int64) {
	t.Helper()
	if n, err := f.WriteAt([]byte(data), off); n != len(data) || err != nil {
		t.Fatalf("%d bytes written: %v", n, err)
	}
}

func holds(t *testing.T, f disk.File, want []byte) {
	t.Helper()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	got := bytes.Repeat([]byte{'?'}, int(size))
	if _, err := f.ReadAt(got, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("it holds %q, not %q", got, want)
	}
}

func lists(t *testing.T, d disk.FS, want ...string) {
	t.Helper()
	if names, err := d.List(); err != nil || !slices.Equal(names, want) {
		t.Errorf("names are %q, not %q: %v", names, want, err)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, not %v", err, want)
	}
}
