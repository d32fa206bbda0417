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
			file, n := filepath.Join(dir, entry.Name()), len(a.Keys)
			array.add(item("", n), Position{})
			read, _ := l.memory.files.recall(file, func() (keyFile, error) {
				array.in[item("", n)] = &spot{Position: Position{File: file}}
				return l.keyFile(file, array.in[item("", n)], item(at, n))
			})
			array.in[item("", n)] = read.places
			if read.is {
				a.Keys = append(a.Keys, read.key)
			}
		}
	}
}

// keyFile is a file of a key directory, read.
type keyFile struct {
	key    Key // without material
	places *spot
	is     bool // a key at all
}

// errFaulty says that there is a problem of a file.
var errFaulty = errors.New("file has a fault")

// keyFile reads one key, unless the file is none. A file that holds its secret
// itself must be private. With an error there are problems.
func (l *loader) keyFile(file string, places *spot, at string) (keyFile, error) {
	out := keyFile{key: Key{File: file}, places: places}
	k := reflect.ValueOf(&out.key).Elem()
	setDefaults(k)
	text, err := readFile(file, maxSecretFile)
	if err != nil {
		l.problems = append(l.problems, Problem{File: file, Key: at, Text: err.Error()})
		return out, errFaulty
	}
	values := koanf.New(".")
	if _, problem := parse(values, text, file, places); problem != nil {
		problem.Key = at
		l.problems = append(l.problems, *problem)
		return out, errFaulty
	}
	before := len(l.problems)
	l.table(k, values.Raw(), at)
	if isSecret(out.key.Secret) {
		if _, err := readPrivate(file); err != nil {
			l.bad(join(at, "secret"), "%v", err)
		}
	}
	if out.is = true; len(l.problems) > before {
		return out, errFaulty
	}
	return out, nil
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
	path, inAFile := strings.CutPrefix(ref, "file:")
	if own == "secret" {
		switch {
		case isSecret(ref) && inFile:
			return ref, nil
		case isSecret(ref):
			return "", errors.New(`a secret itself stands in a file of a key directory only: write "file:PATH" or "env:NAME"`)
		case !inAFile:
			return resolve(ref, dir, l.opts.Env)
		}
		return l.memory.secrets.recall(within(dir, path), func() (string, error) { return resolve(ref, dir, l.opts.Env) })
	}
	if !inAFile {
		return ref, nil
	}
	return l.memory.publics.recall(within(dir, path), func() (string, error) {
		text, err := readFile(within(dir, path), maxSecretFile)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		return firstLine(text), nil
	})
}

func materialKey(kind string) string {
	return map[string]string{"hmac": "secret", "ed25519": "public"}[kind]
}

// isSecret tells a secret from a reference to one.
func isSecret(text string) bool { return strings.HasPrefix(text, "whsec_") }
