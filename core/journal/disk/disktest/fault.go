package disktest

import (
	"errors"
	"io/fs"
)

// Short, in the chain of the error that fails a Write, lets that many bytes
// be written first.
type Short int

func (s Short) Error() string { return "short write" }

// StopAt ends the process at operation n, counted from 1: it and all that come
// later, reads too, do nothing and fail with [ErrStopped]. 0 is never.
func (d *Disk) StopAt(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = n
}

// Operations is how many operations that change something were begun.
func (d *Disk) Operations() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.operations
}

// Fail has fault asked before each operation; one that it gives an error for
// fails with that. It may block, and may use the disk; nil takes it away.
func (d *Disk) Fail(fault func(Op) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fault
}

// SetSize changes the size of the disk while it is used. What files have taken
// stays theirs.
func (d *Disk) SetSize(size int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size = size
}

var errNothingThere = errors.New("nothing is there to flip")

// Flip turns over the bits of mask in one byte of a file, for good: what was
// synced, what reads see, and what is still to be synced there.
func (d *Disk) Flip(name string, offset int64, mask byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names.live[name]
	if n == nil || offset < 0 || offset >= n.live.size {
		return &fs.PathError{Op: "flip", Path: name, Err: errNothingThere}
	}
	n.flip(offset, mask)
	return nil
}
