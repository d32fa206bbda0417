package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/knadh/koanf/v2"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// loadKeys reads the key directories and resolves the material of all keys.
func (l *loader) loadKeys(c *Config) {
	owners := make(map[string]string) // key id by material
	for i := range c.Auth {
		a, at := &c.Auth[i], join(item("auth", i), "keys")
		if a.OfTokens() {
			continue // keys there are a problem of their own
		}
		if a.KeyDir != "" {
			l.keyDir(c, a, at)
		}
		for j := range a.Keys {
			k, at := &a.Keys[j], item(at, j)
			dir := c.Dir
			if a.KeyDir != "" {
				dir = filepath.Dir(k.File)
			} else {
				k.File = l.spots.at(at).File
			}
			material := l.material(a, k, at, dir)
			if material == nil {
				continue
			}
			if owner, taken := owners[string(material)]; taken {
				l.hint(join(at, materialKey(a.Kind)), "make a new one for each key", "key %q has the same", owner)
				continue
			}
			owners[string(material)] = k.ID
			if k.State != StateRevoked {
				k.Material = material
			}
		}
	}
}

// keyDir reads each *.toml of a directory as one key, in order of name.
func (l *loader) keyDir(c *Config, a *Auth, at string) {
	path, found := strings.CutPrefix(a.KeyDir, "dir:")
	if !found || path == "" {
		l.bad(at, `must be "dir:PATH", or be written as [[auth.keys]]`)
		return
	}
	dir := c.Path(path)
	entries, err := os.ReadDir(dir)
	if l.opts.NewKeyDirs && errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.hint(at, "headgate key new makes it", "%s: %v", path, cannotRead(err))
		return
	}
	array, _ := l.spots.find(at)
	for _, entry := range entries {
		if isKeyFile(entry) {
			file := filepath.Join(dir, entry.Name())
			places := &spot{Position: Position{File: file}}
			array.add(item("", len(a.Keys)), Position{})
			array.in[item("", len(a.Keys))] = places
			if k, ok := l.keyFile(file, places, item(at, len(a.Keys))); ok {
				a.Keys = append(a.Keys, k)
			}
		}
	}
}

// keyFile reads one key, unless the file is none. A file that holds its secret
// itself must be private.
func (l *loader) keyFile(file string, places *spot, at string) (k Key, ok bool) {
	k.File = file
	setDefaults(reflect.ValueOf(&k).Elem())
	text, err := readFile(file, maxSecretFile)
	if err != nil {
		l.problems = append(l.problems, Problem{File: file, Key: at, Text: err.Error()})
		return k, false
	}
	values := koanf.New(".")
	if _, problem := parse(values, text, file, places); problem != nil {
		problem.Key = at
		l.problems = append(l.problems, *problem)
		return k, false
	}
	l.table(reflect.ValueOf(&k).Elem(), values.Raw(), at)
	if isSecret(k.Secret) {
		if _, err := readPrivate(file); err != nil {
			l.bad(join(at, "secret"), "%v", err)
		}
	}
	return k, true
}

// material resolves a key's secret or public key, nil when there is none or
// it is wrong. The material of a revoked key may be gone; while it is there,
// no other key may have it. A secret that stands in k is taken out.
func (l *loader) material(a *Auth, k *Key, at, dir string) []byte {
	own := materialKey(a.Kind)
	other, ref := "public", k.Secret
	if own == "public" {
		other, ref = "secret", k.Public
	}
	inFile := a.KeyDir != ""
	if isSecret(k.Secret) {
		k.Secret = redacted
	}
	switch {
	case own == "":
		return nil // a wrong kind is a problem already
	case l.spots.has(join(at, other)):
		l.bad(join(at, other), "is not for %s keys", a.Kind)
		return nil
	case ref == "":
		if k.State != StateRevoked {
			l.bad(join(at, own), "is required for a key of kind %q", a.Kind)
		}
		return nil
	}
	text, err := l.materialText(own, ref, dir, inFile)
	var material []byte
	if err == nil && own == "secret" {
		material, err = webhook.ParseSecret(text)
	} else if err == nil {
		material, err = webhook.ParsePublic(text)
	}
	if err != nil && k.State != StateRevoked {
		l.bad(join(at, own), "%v", err)
	}
	return material
}

// materialText gives the text of a secret or public key: the reference itself
// where that may be it.
func (l *loader) materialText(own, ref, dir string, inFile bool) (string, error) {
	if own == "secret" {
		switch {
		case isSecret(ref) && inFile:
			return ref, nil
		case isSecret(ref):
			return "", errors.New(`a secret itself stands in a file of a key directory only: write "file:PATH" or "env:NAME"`)
		}
		return resolve(ref, dir, l.opts.Env)
	}
	if path, found := strings.CutPrefix(ref, "file:"); found {
		text, err := readFile(within(dir, path), maxSecretFile)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		return firstLine(text), nil
	}
	return ref, nil
}

func materialKey(kind string) string {
	return map[string]string{"hmac": "secret", "ed25519": "public"}[kind]
}

// isSecret tells a secret from a reference to one.
func isSecret(text string) bool { return strings.HasPrefix(text, "whsec_") }
