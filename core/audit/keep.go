package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// loadFiles reads of every file when it was begun, and how long it is.
func (l *Log) loadFiles() error {
	for i := range l.files {
		f, err := l.o.FS.Open(l.files[i].name)
		if err != nil {
			return err
		}
		size, err := f.Size()
		if err == nil && i < len(l.files)-1 { // the newest one is read whole
			in := bufio.NewReader(io.NewSectionReader(f, 0, size))
			text, rerr := readLine(in, nil)
			if first, _, perr := parseOpening(text); rerr == nil && perr == nil {
				l.files[i].opened = first.Time
			} // else it is kept: Check tells what is wrong with it
			l.files[i].bytes = size
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// watchDisk looks at what the disk has left.
func (l *Log) watchDisk() {
	free, total, err := l.o.FS.Free()
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	need := min(l.o.Reserve, total/reserveParts)
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.low
	switch {
	case err != nil:
		l.low = fmt.Errorf("%w: %w", ErrFull, err)
	case free < need:
		l.low = fmt.Errorf("%w: %d bytes are free, %d are reserved for what was accepted before", ErrFull, free, need)
	default:
		l.low = nil
	}
	l.tell()
	if (was == nil) != (l.low == nil) {
		if l.low != nil {
			l.o.Log.Error().Err(l.low).Msg("the audit log has no room: nothing is accepted until it has")
		} else {
			l.o.Log.Info().Msg("the audit log has room again")
		}
	}
}

// expire removes the files whose newest record is older than Retain, after a
// record that says so.
func (l *Log) expire() error {
	if l.o.Retain <= 0 {
		return nil
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	old := 0
	for i := 1; i < len(l.files) && !l.files[i].opened.IsZero() && l.o.Now().Sub(l.files[i].opened) > l.o.Retain; i++ {
		old = i
	}
	if old == 0 {
		l.mu.Unlock()
		return nil
	}
	gone, first := l.files[:old], l.files[old].index
	err := l.put([]Record{{Action: ActionExpired, Outcome: Success, Count: uint64(first - gone[0].index), Detail: map[string]string{
		"first": gone[0].name,
		"kept":  strconv.FormatInt(first, 10),
	}}})
	l.mu.Unlock()
	if err == nil {
		err = l.flush()
	}
	if err != nil {
		return err
	}
	for _, f := range gone {
		if err := l.o.FS.Remove(f.name); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		l.mu.Lock()
		l.files = l.files[1:]
		l.mu.Unlock()
	}
	return l.o.FS.Sync()
}

// sealOld begins the next file when the newest one has stood open for so long that
// its oldest records would be kept for far longer than Retain.
func (l *Log) sealOld() {
	const parts = 8 // records are kept for an eighth longer at most
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	newest := l.files[len(l.files)-1]
	due := l.o.Retain > 0 && l.o.Now().Sub(newest.opened) > l.o.Retain/parts && l.written.tree.size > newest.index+1
	l.mu.Unlock()
	if due {
		l.seal(0)
	}
}
