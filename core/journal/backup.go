package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/outbox"
)

// Backup implements outbox.Copying: it seals what was written so far, and links
// every file into dir. Files are never changed once they are sealed, so links
// are as good as copies; where the file system has none they are copied.
func (j *Journal) Backup(ctx context.Context, dir string) error {
	linker, ok := j.fs.(disk.Linker)
	if !ok {
		return errors.New("journal: backup: its files cannot be copied")
	}
	names, err := j.sealAll(ctx, linker, dir)
	if err != nil {
		return fmt.Errorf("journal: backup: %w", err)
	}
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.pins--
	}()
	if err := link(ctx, linker, names, dir); err != nil {
		return fmt.Errorf("journal: backup: %w", err)
	}
	to, err := disk.Open(dir)
	if err == nil {
		err = to.Sync()
	}
	if err != nil {
		return fmt.Errorf("journal: backup: %w", err)
	}
	return nil
}

// sealAll seals what was written so far, links the identities into dir, and
// gives the names of the segments' files, which stay as long as they are pinned.
func (j *Journal) sealAll(ctx context.Context, linker disk.Linker, dir string) ([]string, error) {
	j.tidying.Lock()
	defer j.tidying.Unlock()
	if err := j.rollNow(); err != nil {
		return nil, err
	}
	j.ids.Seal()
	if err := errors.Join(j.summarise(), j.keepIDs()); err != nil {
		return nil, err
	}
	if err := link(ctx, linker, j.ids.Files(), dir); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var names []string
	for _, s := range j.segments {
		if s.sealed && s.notes == nil {
			names = append(names, s.name(), summaryName(s.number))
		}
	}
	j.pins++
	return names, nil
}

// rollNow seals the segment that is written, and begins another.
func (j *Journal) rollNow() error {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	closed, failing := j.closed, j.refusing == outbox.ErrFailing
	j.mu.Unlock()
	switch {
	case closed:
		return outbox.ErrClosed
	case failing:
		return outbox.ErrFailing
	}
	if err := j.roll(0); err != nil {
		return err
	}
	return j.flush()
}

func link(ctx context.Context, linker disk.Linker, names []string, dir string) error {
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := linker.Link(name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
