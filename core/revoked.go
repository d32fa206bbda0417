package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
)

// revoked remembers across restarts which keys of senders were ever revoked: a file
// that is put back from a backup, or by a tool that knows an older state, brings
// none of them back to life. Nil remembers nothing. Safe for concurrent use.
type revoked struct {
	dir string

	mu   sync.Mutex
	ids  map[string]bool // they only become more
	kept int             // how many of them are on disk
}

// RevokedKeys gives the ids of keys that the router of a configuration has seen
// revoked, as far as its data directory may be read.
func RevokedKeys(cfg *config.Config) ([]string, error) {
	r, err := readRevoked(cfg.Path(cfg.Data.Dir))
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	return slices.Sorted(maps.Keys(r.ids)), nil
}

func readRevoked(dir string) (*revoked, error) {
	r := &revoked{dir: dir, ids: make(map[string]bool)}
	text, err := os.ReadFile(filepath.Join(dir, datadir.RevokedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	var ids []string
	if err == nil {
		err = json.Unmarshal(text, &ids)
	}
	if err != nil {
		return r, fmt.Errorf("revoked keys: %s in %s cannot be read: mend it; without it a key that was revoked counts again if its file says so: %w", datadir.RevokedFile, dir, err)
	}
	for _, id := range ids {
		r.ids[id] = true
	}
	r.kept = len(r.ids)
	return r, nil
}

func (r *revoked) has(id string) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id]
}

// add remembers the keys that cfg revokes, and returns once they are on disk. After
// an error they are remembered all the same, and the next add tries again.
func (r *revoked) add(cfg *config.Config) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(r.ids, revokedIn(cfg))
	if len(r.ids) == r.kept {
		return nil
	}
	text, err := json.Marshal(slices.Sorted(maps.Keys(r.ids)))
	if err == nil {
		err = datadir.Replace(r.dir, datadir.RevokedFile, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("revoked keys are refused, and a restart may forget it: %w", err)
	}
	r.kept = len(r.ids)
	return nil
}

// revokedIn gives the ids of the keys that are revoked.
func revokedIn(cfg *config.Config) map[string]bool {
	ids := make(map[string]bool)
	for i := range cfg.Auth {
		for j := range cfg.Auth[i].Keys {
			if key := &cfg.Auth[i].Keys[j]; key.State == config.StateRevoked {
				ids[key.ID] = true
			}
		}
	}
	return ids
}

// hold gives cfg with every key revoked that ever was, or is in now, and the places
// of those that say otherwise.
func (r *revoked) hold(cfg, now *config.Config) (*config.Config, config.Problems) {
	present := revokedIn(now)
	var back config.Problems
	held := *cfg
	held.Auth = slices.Clone(cfg.Auth)
	for i := range held.Auth {
		keys, own := held.Auth[i].Keys, false
		for j := range keys {
			if key := &keys[j]; key.State == config.StateRevoked || !present[key.ID] && !r.has(key.ID) {
				continue
			}
			back = append(back, cfg.Problem(fmt.Sprintf("auth[%d].keys[%d].state", i, j),
				fmt.Sprintf("key %q was revoked, and stays so: make another for its holder, with headgate key new", keys[j].ID)))
			if !own {
				keys, own = slices.Clone(keys), true
				held.Auth[i].Keys = keys
			}
			keys[j].State, keys[j].Material = config.StateRevoked, nil
		}
	}
	return &held, back
}
