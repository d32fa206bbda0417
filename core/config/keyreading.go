package config

import (
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// The states of a key, of an event key and of a peer.
const (
	StatePending  = "pending"
	StateActive   = "active"
	StateRetiring = "retiring"
	StateRevoked  = "revoked"
)

// ReadKeys reads the keys of [[auth]] and the public keys of [[event_keys]] anew,
// by the rules of loading: for a router that runs while they are changed. The
// result is c with these keys; c stays as it is, and may be in use. What stands
// in the configuration itself, and variables, cannot change.
//
// The error is [Problems], and then the result has the keys that could be read:
// it is no configuration to run with. Errors never hold any of the material.
func (c *Config) ReadKeys() (*Config, error) { return c.KeyReader().Read() }

func (c *Config) readKeys(memory *keyMemory) (*Config, error) {
	fresh := *c
	fresh.spots = c.spots.forKeys()
	fresh.Auth, fresh.EventKeys = slices.Clone(c.Auth), slices.Clone(c.EventKeys)
	for i := range fresh.Auth {
		a := &fresh.Auth[i]
		if a.KeyDir != "" {
			a.Keys = nil
			if at, exact := fresh.spots.find(join(item("auth", i), "keys")); exact {
				at.in = nil
			}
			continue
		}
		a.Keys = slices.Clone(a.Keys)
		for j := range a.Keys {
			a.Keys[j].Material = nil
		}
	}
	l := loader{report: report{spots: fresh.spots}, opts: Options{Env: []string{}}, memory: memory}
	if c.env != nil {
		l.opts.Env = c.env()
	}
	l.loadKeys(&fresh)
	k := checker{report: &l.report, c: &fresh}
	for i := range fresh.Auth {
		for j := range fresh.Auth[i].Keys {
			k.key(&fresh.Auth[i].Keys[j], item(join(item("auth", i), "keys"), j))
		}
	}
	for i := range fresh.EventKeys {
		k.eventKey(&fresh.EventKeys[i], item("event_keys", i))
	}
	return &fresh, l.err()
}

// SameKeys reports whether both have the same keys, in what ReadKeys reads.
func (c *Config) SameKeys(other *Config) bool {
	return slices.EqualFunc(c.Auth, other.Auth, func(a, b Auth) bool {
		return slices.EqualFunc(a.Keys, b.Keys, func(a, b Key) bool { return reflect.DeepEqual(a, b) })
	}) && slices.EqualFunc(c.EventKeys, other.EventKeys, func(a, b EventKey) bool { return reflect.DeepEqual(a, b) })
}

// KeyFiles lists what ReadKeys has read, or tried to: files, and directories
// whose entries are keys.
func (c *Config) KeyFiles() []string {
	files := make(map[string]bool)
	refer := func(ref, dir string) {
		if path, found := strings.CutPrefix(ref, "file:"); found {
			files[within(dir, path)] = true
		}
	}
	for i := range c.Auth {
		a, dir := &c.Auth[i], c.Dir
		if path, found := strings.CutPrefix(a.KeyDir, "dir:"); found {
			dir = c.Path(path)
			files[dir] = true
		}
		for _, k := range a.Keys {
			refer(k.Secret, dir)
			refer(k.Public, dir)
		}
	}
	for _, k := range c.EventKeys {
		refer(k.Public, c.Dir)
	}
	return slices.Sorted(maps.Keys(files))
}

// isKeyFile tells the file of a key in a key directory. Hidden names are those of
// editors, and of Kubernetes' own links.
func isKeyFile(entry fs.DirEntry) bool {
	return filepath.Ext(entry.Name()) == ".toml" && !strings.HasPrefix(entry.Name(), ".")
}

// forKeys is the tree with spots of its own where loadKeys puts what key
// directories have. All others are shared.
func (s *spot) forKeys() *spot {
	if s == nil || s.in["auth"] == nil {
		return s
	}
	copied := func(s *spot) *spot {
		return &spot{s.Position, maps.Clone(s.in)}
	}
	root := copied(s)
	auths := copied(root.in["auth"])
	root.in["auth"] = auths
	for step, of := range auths.in {
		auth := copied(of)
		if keys := auth.in["keys"]; keys != nil {
			auth.in["keys"] = copied(keys)
		}
		auths.in[step] = auth
	}
	return root
}
