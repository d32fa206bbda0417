package config

import (
	"io/fs"
	"os"
	"time"
)

// Young is the age below which a file may hold something else though it looks the
// same: file systems tell apart no two changes within one tick of their clock.
const Young = 2 * time.Second

// SameLook reports whether a file looks as it did, from outside. Nil stands for one
// that is not there.
func SameLook(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
}

// Rests reports whether a file that looks the same at now is the same. A time that
// lies well ahead tells nothing of its age, and would never pass for all that is
// known: such a file rests.
func Rests(info fs.FileInfo, now time.Time) bool {
	return info == nil || now.Sub(info.ModTime()).Abs() >= Young
}
