package audit

import (
	"context"
	"fmt"
	"time"
)

// chunk is how many bytes of lines go into one write, and how much room for them
// is kept.
const chunk = 1 << 20

// Write puts records on disk: it returns nil when they are synced. Concurrent
// callers share a sync. After an error nothing is known of the records; when it
// is ctx's, they may be on disk still. A disk that is nearly full is no reason to
// refuse them: for them is the reserve.
func (l *Log) Write(ctx context.Context, records ...Record) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	w := &waiter{done: make(chan error, 1)}
	l.mu.Lock()
	if err := l.put(records); err != nil {
		l.mu.Unlock()
		return err
	}
	w.size = l.written.tree.size
	l.waiters = append(l.waiters, w)
	l.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("audit: nobody waited until it was on disk: %w", ctx.Err())
	case l.turn <- struct{}{}:
	}
	_ = l.flush() // it tells every waiter
	l.seal(l.o.MaxFile)
	<-l.turn
	return <-w.done
}

// Append adds what a store made durable, in the store's order: p is the position
// after all that was told, which may be more than the records are about. They are
// written when it returns, and on disk with the next checkpoint; see Synced. After
// an error none of them counts: the follower waits until Err is nil, asks Resume,
// and goes on from there.
func (l *Log) Append(p Position, records []Record) error {
	l.mu.Lock()
	if l.rewound {
		l.mu.Unlock()
		return ErrRewound
	}
	if err := l.put(records); err != nil {
		l.mu.Unlock()
		return err
	}
	l.written.pos = p
	full := l.written.off >= l.o.MaxFile
	l.mu.Unlock()
	if full {
		l.turn <- struct{}{}
		l.seal(l.o.MaxFile)
		<-l.turn
	}
	return nil
}

// put writes lines. Callers hold mu.
func (l *Log) put(records []Record) error {
	if l.closed {
		return ErrClosed
	}
	if l.cause != nil {
		return fmt.Errorf("%w: %w", ErrFailing, l.cause)
	}
	if len(records) == 0 {
		return nil
	}
	now := l.o.Now()
	l.buf = append(l.buf[:0], 0)
	for i := range records {
		r := &records[i]
		if err := l.encode(now, r); err != nil {
			return err
		}
	}
	return l.writeOut()
}

// encode adds one record's line to those that are to be written.
func (l *Log) encode(now time.Time, r *Record) error {
	if len(l.buf) > chunk {
		if err := l.writeOut(); err != nil {
			return err
		}
	}
	if !r.Time.IsZero() {
		now = r.Time
	}
	m, from := &l.written, len(l.buf)
	l.buf = l.enc.line(l.buf, m.tree.size, &m.last, now, r)
	m.last = leafOf(l.buf[from-1:])
	m.tree.add(m.last)
	l.buf = append(l.buf, '\n')
	return nil
}

// writeOut writes the lines that buf has.
func (l *Log) writeOut() error {
	lines := l.buf[1:]
	n, err := l.file.WriteAt(lines, l.written.off)
	l.written.off += int64(n)
	if cap(l.buf) > 2*chunk {
		l.buf = []byte{0}
	}
	l.buf = l.buf[:1]
	if err != nil {
		l.fail(err)
		return fmt.Errorf("%w: %w", ErrFailing, err)
	}
	return nil
}

// flush puts on disk what is written. Callers hold turn.
func (l *Log) flush() error {
	l.mu.Lock()
	m, f, err := l.written, l.file, l.cause
	dirty := m.tree.size != l.synced.tree.size
	l.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFailing, err)
	}
	if dirty {
		err = f.Sync()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil && err != nil {
		l.fail(err)
	}
	if l.cause != nil { // a write has failed meanwhile, perhaps
		return fmt.Errorf("%w: %w", ErrFailing, l.cause)
	}
	l.settle(&m)
	return nil
}

// settle takes note that all up to m is on disk. Callers hold mu.
func (l *Log) settle(m *mark) {
	l.synced = *m
	kept := l.waiters[:0]
	for _, w := range l.waiters {
		if w.size <= m.tree.size {
			w.done <- nil
		} else {
			kept = append(kept, w)
		}
	}
	clear(l.waiters[len(kept):])
	l.waiters = kept
	waiting := l.loose[:0]
	for _, s := range l.loose {
		if s.size > m.tree.size {
			waiting = append(waiting, s)
		}
	}
	clear(l.loose[len(waiting):])
	l.loose = waiting
}

// resolve ends every wait. Callers hold mu.
func (l *Log) resolve(err error) {
	for _, w := range l.waiters {
		w.done <- err
	}
	l.waiters = nil
}

// fail goes back to what is on disk for sure, and stops the log until mend has
// made it whole. Callers hold mu.
func (l *Log) fail(err error) {
	lost := l.written.tree.size - l.synced.tree.size
	l.cause, l.rewound = err, true
	l.written = l.synced
	l.resolve(fmt.Errorf("%w: %w", ErrFailing, err))
	for _, s := range l.loose {
		s.back()
	}
	l.loose = nil
	l.tell()
	l.o.Log.Error().Err(err).Int64("unsynced", lost).Msg("the audit log cannot be written: nothing is accepted until it can")
}
