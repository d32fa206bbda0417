package config

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// onReadOnlyMount reports whether nothing can be written where f is.
func onReadOnlyMount(f *os.File) bool {
	var mount unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &mount) == nil && mount.Flags&unix.ST_RDONLY != 0
}

func ownedByRoot(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0
}
