package disk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// What a real disk has in common with the one for tests is in disktest.

func TestOpenMakesADirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	d := openDir(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	f, err := d.Create("a", 10)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := os.Stat(filepath.Join(path, "a")); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode of a file is %v, %v", info.Mode(), err)
	}
	if names, err := openDir(t, path).List(); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Errorf("opened again it has %q, %v", names, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Open(file); err == nil {
		t.Error("a file was opened")
	}
	if _, err := disk.Open(filepath.Join(dir, "not", "there")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a parent: %v", err)
	}
}

func TestListGivesRegularFilesOnly(t *testing.T) {
	path := t.TempDir()
	err := errors.Join(
		os.WriteFile(filepath.Join(path, "file"), nil, 0o600),
		os.Mkdir(filepath.Join(path, "directory"), 0o700),
		os.Symlink("file", filepath.Join(path, "symlink")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := openDir(t, path).List(); err != nil || !slices.Equal(names, []string{"file"}) {
		t.Errorf("%q, %v", names, err)
	}
}

func TestSyncReachesTheSystem(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := disk.NewFile(w).Sync(); err == nil {
		t.Error("a pipe was synced")
	}
	path := filepath.Join(t.TempDir(), "journal")
	d := openDir(t, path)
	if err := d.Sync(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a directory that is gone: %v", err)
	}
	if _, _, err := d.Free(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("free of a directory that is gone: %v", err)
	}
}

func TestLink(t *testing.T) {
	for how, link := range map[string]func(d disk.FS, path, to string) error{
		"link": func(d disk.FS, path, to string) error { return d.(disk.Linker).Link(filepath.Base(path), to) },
		"copy": func(_ disk.FS, path, to string) error { return disk.CopyFile(path, to) },
	} {
		t.Run(how, func(t *testing.T) {
			path, other := t.TempDir(), t.TempDir()
			d := openDir(t, path)
			fill(t, d, "a", "abc")
			to := filepath.Join(other, "b")
			if err := link(d, filepath.Join(path, "a"), to); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(to)
			info, serr := os.Stat(to)
			if err := errors.Join(err, serr); err != nil || string(text) != "abc" || info.Mode() != 0o600 {
				t.Errorf("%q, %v, %v", text, info.Mode(), err)
			}
			first, err := os.Stat(filepath.Join(path, "a"))
			if err != nil || os.SameFile(first, info) != (how == "link") {
				t.Errorf("one file: %t, %v", os.SameFile(first, info), err)
			}
			fill(t, d, "c", "new")
			if err := link(d, filepath.Join(path, "c"), to); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over another: %v", err)
			}
			if text, _ := os.ReadFile(to); string(text) != "abc" {
				t.Errorf("the other holds %q", text)
			}
			if err := link(d, filepath.Join(path, "gone"), filepath.Join(other, "d")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("of none: %v", err)
			}
			if entries, _ := os.ReadDir(other); len(entries) != 1 {
				t.Errorf("it left %v", entries)
			}
		})
	}
	linker := openDir(t, t.TempDir()).(disk.Linker)
	if err := linker.Link("../a", "b"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("out of the directory: %v", err)
	}
}

func openDir(t *testing.T, path string) disk.FS {
	t.Helper()
	d, err := disk.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fill(t *testing.T, d disk.FS, name, text string) {
	t.Helper()
	f, err := d.Create(name, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
