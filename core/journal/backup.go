package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/headgate-io/headgate/core/journal/disk"
	"github.com/headgate-io/headgate/core/journal/index"
)

func placeAt(number uint32, offset int64) index.Place {
	return index.Place{Segment: number, Offset: uint32(offset)}
}

// Backup implements outbox.Copying: it seals what was written so far, and links
// every file into dir. Files are never changed once they are sealed, so links
// are as good as copies; where the file system has none they are copied.
func (j *Journal) Backup(ctx context.Context, dir string) error {
	linker, ok := j.fs.(disk.Linker)
	if !ok {
		return errors.New("journal: backup: its files cannot be copied")
	}
	j.tidying.Lock()
	defer j.tidying.Unlock()
	j.writing.Lock()
	err := j.flush()
	if err == nil {
		err = j.roll(0)
	}
	if err == nil {
		err = j.flush()
	}
	j.writing.Unlock()
	if err != nil {
		return fmt.Errorf("journal: backup: %w", err)
	}
	j.ids.Seal()
	if err := errors.Join(j.summarise(), j.keepIDs()); err != nil {
		return fmt.Errorf("journal: backup: %w", err)
	}
	j.mu.Lock()
	var names []string
	for _, s := range j.segments {
		if s.sealed && s.notes == nil {
			names = append(names, s.name(), summaryName(s.number))
		}
	}
	j.mu.Unlock()
	names = append(names, j.ids.Files()...)
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := linker.Link(name, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("journal: backup: %w", err)
		}
	}
	return nil
}
