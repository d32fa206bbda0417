// Package disk is what the journal needs of a file system: one flat directory
// of files that are made at their full size, written in place and synced.
//
// [Open] gives a real directory. Everything that can go wrong below goes
// through [FS] and [File], so that tests can put a disk there that fails, tears
// writes and loses power: see package disktest.
package disk

import (
	"errors"
	"io"
	"io/fs"
	"strings"
)

// ErrFull tells that the file system has no room; errors of [FS] and [File]
// wrap it then, beside the system's own (ENOSPC, EDQUOT).
var ErrFull = errors.New("no space left on the disk")

// FS is one directory. Safe for concurrent use. Errors name the file and wrap
// fs.ErrNotExist and fs.ErrExist where they apply, and fs.ErrInvalid for a name
// that is not a [ValidName].
type FS interface {
	// Create makes a file of size bytes that read as zeros, with the room for
	// them taken where the file system can do that. A file that is there is
	// fs.ErrExist. Neither the file nor its name is durable until it and the
	// directory are synced; a crash before may leave the name with a file of
	// any size. After an error no file is left.
	Create(name string, size int64) (File, error)
	// Open opens a file that is there to be read and written.
	Open(name string) (File, error)
	// List gives the names of all files, sorted. What is not a regular file is
	// not there.
	List() ([]string, error)
	// Rename gives a file another name, and takes the place of a file that has
	// it. It is durable after Sync, and whole or not done at all.
	Rename(old, new string) error
	// Remove removes a file; durable after Sync. Who has it open keeps it, and
	// its room, until Close.
	Remove(name string) error
	// Sync makes created, renamed and removed names durable.
	Sync() error
	// Free is how many bytes the file system has for this process, and its size.
	Free() (free, total int64, err error)
}

// File is an open file. Safe for concurrent use, but for writes that overlap.
// After Close its errors wrap fs.ErrClosed.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync makes what was written durable (fdatasync). After an error nothing
	// is known of what was written since the last Sync that succeeded, and a
	// further Sync that succeeds proves nothing.
	Sync() error
	// Truncate cuts the file at size, or adds zeros up to it; durable after Sync.
	Truncate(size int64) error
	// Size is the file's size in bytes.
	Size() (int64, error)
	// Close closes the file and syncs nothing.
	Close() error
}

// Linker is what a real directory adds.
type Linker interface {
	// Link gives a file that is not written any more a second name, toPath, in
	// another directory: a hard link, or a synced copy where the two cannot
	// share a file. A file that is there is fs.ErrExist. The caller syncs the
	// other directory.
	Link(name, toPath string) error
}

// ValidName reports whether name is a plain file name, which cannot lead out of
// the directory.
func ValidName(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, `/\`)
}
