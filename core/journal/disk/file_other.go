//go:build !linux

package disk

import "os"

// allocate makes an empty file size bytes long and takes no room.
func allocate(f *os.File, size int64) error { return f.Truncate(size) }

// syncData is fsync(2); on macOS os.File asks for F_FULLFSYNC.
func syncData(f *os.File) error { return f.Sync() }
