package disk

import "os"

// file is a file of the operating system. A write that does less than it was
// asked for is an error of os.File already.
type file struct{ f *os.File }

func (f file) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

func (f file) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.f.WriteAt(p, off)
	return n, full(err)
}

func (f file) Sync() error { return full(syncData(f.f)) }

func (f file) Truncate(size int64) error { return full(f.f.Truncate(size)) }

func (f file) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f file) Close() error { return full(f.f.Close()) }
