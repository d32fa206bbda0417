package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/headgate-io/headgate/core/journal/disk"
)

const (
	// recordBytes is the size of what is written where the disk alone, or the
	// journal alone, is measured.
	recordBytes = 1024
	// plainRoom is what the plain log has for a second: more than it writes
	// then on the machines this runs on.
	plainRoom = 1 << 30
)

// plainLog is the least that makes records durable: a file whose room is taken,
// one write and one fdatasync for all who came during the last ones.
type plainLog struct {
	mu      sync.Mutex
	gather  *plainGroup // nil when nobody waits
	writing sync.Mutex
	file    disk.File
	end     int64
}

type plainGroup struct {
	buf  []byte
	done chan struct{}
	err  error
}

// append returns when text is on the disk. Safe for concurrent use.
func (l *plainLog) append(text []byte) error {
	l.mu.Lock()
	g := l.gather
	leads := g == nil
	if leads {
		g = &plainGroup{done: make(chan struct{})}
		l.gather = g
	}
	g.buf = append(g.buf, text...)
	l.mu.Unlock()
	if !leads {
		<-g.done
		return g.err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	l.gather = nil
	l.mu.Unlock()
	if _, g.err = l.file.WriteAt(g.buf, l.end); g.err == nil {
		g.err = l.file.Sync()
	}
	l.end += int64(len(g.buf))
	close(g.done)
	return g.err
}

// plain measures what the disk gives: so many writers of so many records each
// time. The rate is in records.
func (b *bench) plain(ctx context.Context, writers, records int) (sample, error) {
	const name = "plain"
	fsys, err := disk.Open(b.dir)
	if err != nil {
		return sample{}, err
	}
	f, err := fsys.Create(name, int64(plainRoom*max(b.window.Seconds(), 1)))
	if err != nil {
		return sample{}, fmt.Errorf("plain file: %w", err)
	}
	l, text := &plainLog{file: f}, make([]byte, records*recordBytes)
	got, err := b.drive(ctx, writers, records, func() error { return l.append(text) })
	return got, errors.Join(err, f.Close(), os.Remove(filepath.Join(b.dir, name)))
}

// syncs gives a row for the time of one write and fdatasync, and what takes a
// sample of it.
func (b *bench) syncs() (*row, func(context.Context) error) {
	r := &row{What: "write + fdatasync of 1 KiB, one writer, p50", Unit: "ms", Note: "beside every round; " + b.medium}
	return r, func(ctx context.Context) error {
		got, err := b.plain(ctx, 1, 1)
		r.Measured = append(r.Measured, got.p50)
		return err
	}
}
