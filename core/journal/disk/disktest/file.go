package disktest

import (
	"errors"
	"io/fs"
	"slices"
)

// file is an open file.
type file struct {
	disk   *Disk
	node   *inode
	name   string
	closed bool // guarded by disk.mu
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.do(Op{Kind: Read, Offset: off, Length: int64(len(p))}, func(call) error {
		if off < 0 {
			return fs.ErrInvalid
		}
		n, err = f.node.live.readAt(p, off)
		return err
	})
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.do(Op{Kind: Write, Offset: off, Length: int64(len(p))}, func(c call) error {
		if off < 0 {
			return fs.ErrInvalid
		}
		if c.fault != nil {
			var short Short
			if !errors.As(c.fault, &short) {
				return c.fault
			}
			p = p[:min(int(short), len(p))]
		}
		end := off + int64(len(p))
		if err := f.disk.resize(f.node, max(end, f.node.live.size)); err != nil {
			return err
		}
		if len(p) > 0 {
			c.Length = int64(len(p))
			f.disk.change(f.node, change{Op: c.Op, data: slices.Clone(p)})
		}
		n = len(p)
		return c.fault
	})
	return n, err
}

func (f *file) Sync() error {
	return f.do(Op{Kind: Sync}, func(c call) error {
		if c.fault != nil {
			f.node.failSync(c.began)
			return c.fault
		}
		f.node.sync(c.began)
		return nil
	})
}

func (f *file) Truncate(size int64) error {
	return f.do(Op{Kind: Truncate, Length: size}, func(c call) error {
		if size < 0 {
			return fs.ErrInvalid
		}
		if err := f.disk.resize(f.node, size); err != nil {
			return err
		}
		f.disk.change(f.node, change{Op: c.Op})
		return nil
	})
}

func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	switch {
	case f.disk.dead:
		return 0, f.error("size", ErrStopped)
	case f.closed:
		return 0, f.error("size", fs.ErrClosed)
	}
	return f.node.live.size, nil
}

// Close works on a dead disk too.
func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return f.error("close", fs.ErrClosed)
	}
	f.closed = true
	f.node.handles--
	f.disk.release(f.node)
	return nil
}

// do is the disk's, of a file that must be open.
func (f *file) do(op Op, act func(call) error) error {
	op.Name = f.name
	return f.disk.do(op, func(c call) error {
		if f.closed {
			return fs.ErrClosed
		}
		return act(c)
	})
}

func (f *file) error(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}
