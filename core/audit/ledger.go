package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/headgate-io/headgate/core/journal/disk"
)

// newestKept is how many of the newest local checkpoints are kept, beside one for
// each file: of more than an hour at the default.
const newestKept = 512

// ledger is the file of local checkpoints, by size. It is not safe for concurrent
// use.
type ledger struct {
	fs     disk.FS
	file   disk.File // nil until the first one, and after a failure
	off    int64
	list   []Checkpoint
	broken bool // the file may have half a line
}

// openLedger reads the checkpoints that are there. A half-written last one is
// left out.
func openLedger(files disk.FS) (*ledger, error) {
	k := &ledger{fs: files}
	f, err := files.Open(checkpointsName)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err == nil {
		var text []byte
		if text, err = io.ReadAll(io.NewSectionReader(f, 0, size)); err == nil {
			err = k.read(text)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	k.file = f
	return k, nil
}

func (k *ledger) read(text []byte) error {
	for line := range bytes.Lines(text) {
		c, err := parseKept(line)
		if line[len(line)-1] != '\n' || err != nil {
			if k.off+int64(len(line)) == int64(len(text)) { // the power went while it was written
				k.broken = true
				return nil
			}
			return fmt.Errorf("%w: %s, line %d: %w: move the audit directory aside, and keep it as evidence", ErrContradiction, checkpointsName, len(k.list)+1, err)
		}
		k.off += int64(len(line))
		k.list = append(k.list, c)
	}
	return nil
}

// newest is the newest checkpoint, the zero one for none.
func (k *ledger) newest() Checkpoint {
	if len(k.list) == 0 {
		return Checkpoint{}
	}
	return k.list[len(k.list)-1]
}

// add keeps one more: it is on disk when add returns nil.
func (k *ledger) add(c Checkpoint, files []logFile) error {
	list := append(k.list, c)
	if k.file == nil || k.broken || len(list) > 2*newestKept+len(files) {
		if err := k.rewrite(pruned(list, files)); err != nil {
			return err
		}
		return nil
	}
	line := c.line()
	k.broken = true
	if _, err := k.file.WriteAt(line, k.off); err != nil {
		return err
	}
	if err := k.file.Sync(); err != nil {
		return err
	}
	k.off += int64(len(line))
	k.list, k.broken = list, false
	return nil
}

// pruned are the newest ones, and one for each file that is there.
func pruned(list []Checkpoint, files []logFile) (kept []Checkpoint) {
	for i, c := range list {
		begins := slices.ContainsFunc(files, func(f logFile) bool { return f.index == c.Size })
		if len(list)-i <= newestKept && (len(files) == 0 || c.Size >= files[0].index) || begins {
			kept = append(kept, c)
		}
	}
	return kept
}

// rewrite puts a new file in the place of the old one.
func (k *ledger) rewrite(list []Checkpoint) error {
	const half = checkpointsName + ".new"
	var text []byte
	for i := range list {
		text = append(text, list[i].line()...)
	}
	if err := k.fs.Remove(half); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := k.fs.Create(half, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = k.fs.Rename(half, checkpointsName)
	}
	if err == nil {
		err = k.fs.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	err = k.close()
	k.file, k.off, k.list, k.broken = f, int64(len(text)), list, false
	return err
}

func (k *ledger) close() error {
	if k.file == nil {
		return nil
	}
	f := k.file
	k.file = nil
	return f.Close()
}
