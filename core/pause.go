package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/headgate-io/headgate/core/datadir"
)

// pauses remembers across restarts which channels are paused: what was stopped
// in an emergency does not start again by a crash. Safe for concurrent use.
type pauses struct {
	dir string

	mu    sync.Mutex
	names []string // sorted
}

func readPauses(dir string) (*pauses, error) {
	p := &pauses{dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, datadir.PauseFile))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &p.names)
	}
	if err != nil {
		return nil, fmt.Errorf("paused channels: %s in %s cannot be read: mend it, or remove it to hand out everywhere: %w", datadir.PauseFile, dir, err)
	}
	return p, nil
}

func (p *pauses) has(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.names, name)
}

// set remembers whether a channel is paused, and returns once that is on disk.
func (p *pauses) set(name string, on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := slices.DeleteFunc(slices.Clone(p.names), func(n string) bool { return n == name })
	if on {
		names = append(names, name)
		slices.Sort(names)
	}
	if slices.Equal(names, p.names) {
		return nil
	}
	text, err := json.Marshal(names)
	if err != nil {
		return err
	}
	if err := datadir.Replace(p.dir, datadir.PauseFile, append(text, '\n')); err != nil {
		return fmt.Errorf("paused channels: %w", err)
	}
	p.names = names
	return nil
}
