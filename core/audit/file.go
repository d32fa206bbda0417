package audit

import (
	"errors"
	"fmt"
	"io/fs"
)

// seal begins the next file when the newest one has at least so many bytes. Who
// writes meanwhile waits for its sync. Callers hold turn.
func (l *Log) seal(least int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil || l.closed || l.written.off < least {
		return
	}
	if l.written.tree.size != l.synced.tree.size {
		if err := l.file.Sync(); err != nil {
			l.fail(err)
			return
		}
	}
	m := l.written
	l.settle(&m)
	old, bytes := l.file, l.synced.off
	if err := l.begin(); err != nil {
		l.fail(err)
		return
	}
	l.files[len(l.files)-2].bytes = bytes
	if err := old.Close(); err != nil {
		l.o.Log.Warn().Err(err).Msg("a file of the audit log does not close")
	}
}

// begin makes the file that goes on from what is on disk, with its first line,
// after a checkpoint of all before. Callers hold turn and mu.
func (l *Log) begin() error {
	m := l.synced
	c, err := l.signMark(&m)
	if err != nil {
		return err
	}
	l.signed, l.signing = c, nil
	index := m.tree.size
	open := &opening{Origin: l.signer.Name(), Key: l.key, Edge: m.tree.subtrees(), Checkpoint: string(c.Note)}
	if len(l.files) > 0 {
		open.Previous = l.files[len(l.files)-1].name
	}
	next := logFile{file: file{fileName(index), index}, opened: l.o.Now()}
	f, err := l.o.FS.Create(next.name, 0)
	if errors.Is(err, fs.ErrExist) { // what an attempt before has left
		if err = l.o.FS.Remove(next.name); err == nil {
			f, err = l.o.FS.Create(next.name, 0)
		}
	}
	if err != nil {
		return err
	}
	line := l.enc.line([]byte{0}, index, &m.last, next.opened, &Record{Action: ActionOpen, Pos: m.pos, open: open})
	m.last = leafOf(line)
	m.tree.add(m.last)
	line = append(line, '\n')[1:]
	m.off = int64(len(line))
	_, err = f.WriteAt(line, 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = l.o.FS.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.files = f, append(l.files, next)
	l.written, l.synced = m, m
	return nil
}

// mend makes the log whole after a failure: the file that failed is cut back to
// what was synced, and a new one goes on from there. Callers hold turn.
func (l *Log) mend() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil || l.closed {
		return nil
	}
	why := l.cause
	if l.file != nil {
		_ = l.file.Close() // it has failed already
		l.file = nil
	}
	files, newest := l.files, &l.files[len(l.files)-1]
	unbegun := newest.index == l.synced.tree.size // not even its first line is on disk
	if err := l.cutBack(newest.name, l.synced.off, unbegun); err != nil {
		return err
	}
	if unbegun {
		l.files = files[:len(files)-1]
	} else {
		newest.bytes = l.synced.off
	}
	if err := l.begin(); err != nil {
		l.files = files
		return err
	}
	l.cause = nil
	l.tell()
	l.o.Log.Info().Str("file", l.files[len(l.files)-1].name).Msg("the audit log is whole again")
	return l.put([]Record{{Action: ActionMended, Outcome: Success, Detail: map[string]string{"cause": why.Error()}}})
}

// cutBack takes from a file what was not synced.
func (l *Log) cutBack(name string, size int64, all bool) error {
	if all {
		if err := l.o.FS.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	f, err := l.o.FS.Open(name)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cut back to what is on disk: %w", err)
	}
	return nil
}
