package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/headgate-io/headgate/sdk/webhook"
)

// keyTOML is the TOML of one key in a key directory, its fields in the order
// of Key.
type keyTOML struct {
	ID        string   `toml:"id"`
	Principal string   `toml:"principal"`
	State     string   `toml:"state,omitempty"`
	Secret    string   `toml:"secret,omitempty"`
	Public    string   `toml:"public,omitempty"`
	Sources   []string `toml:"sources"`
	Types     []string `toml:"types"`
	Scopes    []string `toml:"scopes"`
}

// WriteKey makes dir/ID.toml, mode 0600, and dir, mode 0700, where it is
// missing. The file appears whole or not at all, and one that is there already
// stays as it is: the error is fs.ErrExist then. An hmac key has secretText,
// "whsec_" and base64; an ed25519 key has none and k.Public. Errors never hold
// any of the secret.
func WriteKey(dir string, k Key, secretText string) error {
	if err := writable(&k, secretText); err != nil {
		return err
	}
	text, err := toml.Marshal(keyTOML{
		ID: k.ID, Principal: k.Principal, State: k.State,
		Secret: secretText, Public: k.Public,
		Sources: notNil(k.Sources), Types: notNil(k.Types), Scopes: notNil(k.Scopes),
	})
	if err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("key directory: %w", err)
	}
	if err := createWhole(filepath.Join(dir, k.ID+".toml"), text); err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	return nil
}

// writable refuses a key that would not load, by loading's own rules.
func writable(k *Key, secretText string) error {
	var err error
	switch {
	case strings.HasPrefix(k.ID, "."):
		err = fmt.Errorf("id %q begins with a dot: its file would be hidden, and no router reads such a one", k.ID)
	case secretText == "":
		_, err = webhook.ParsePublic(k.Public)
	case k.Public != "":
		err = errors.New("it has a secret or a public key, not both")
	default:
		_, err = webhook.ParseSecret(secretText)
	}
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	var r report
	if state, found := fieldOf(reflect.TypeFor[Key](), "state"); found && k.State != "" {
		r.enum(k.State, "key.state", state.Tag)
	}
	rules := checker{report: &r, c: &Config{}}
	rules.key(k, "key")
	return r.err()
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// ChangeKey gives the key in a file of a key directory another state, and says why
// in a comment on top. All else stays as it is, but a revoked key's secret: that
// is destroyed. The file is replaced whole or not at all. Errors hold none of the
// secret.
func ChangeKey(file, state, why string) error {
	text, err := readFile(file, maxSecretFile)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var k keyTOML
	if err := toml.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("%s: it is not TOML", file) // err may quote the secret
	}
	k.State = state
	if state == StateRevoked {
		k.Secret = ""
	}
	comment := "# " + strings.Join(strings.Fields(strings.ToValidUTF8(why, "")), " ") + "\n"
	edited := comment + editKey(string(text), state)
	var as keyTOML
	if err := toml.Unmarshal([]byte(edited), &as); err != nil || !reflect.DeepEqual(as, k) {
		whole, err := toml.Marshal(k) // it is written in a way that lines do not tell
		if err != nil {
			return fmt.Errorf("key %s: %w", k.ID, err)
		}
		edited = comment + string(whole)
	}
	if err := replaceWhole(file, []byte(edited)); err != nil {
		return fmt.Errorf("key %s: %w", k.ID, err)
	}
	return nil
}

var (
	stateLine  = regexp.MustCompile(`(?m)^[ \t]*state[ \t]*=.*\n?`)
	secretLine = regexp.MustCompile(`(?m)^[ \t]*secret[ \t]*=.*\n?`)
)

// editKey changes the lines of a key's TOML.
func editKey(text, state string) string {
	text = stateLine.ReplaceAllLiteralString(text, "")
	if state == StateRevoked {
		text = secretLine.ReplaceAllLiteralString(text, "")
	}
	return fmt.Sprintf("state = %q\n", state) + text
}

// CreatePrivate makes a file of mode 0600 with all of text in it, on disk. One
// that is there already stays as it is, and the error is fs.ErrExist.
func CreatePrivate(path string, text []byte) error { return createWhole(path, text) }

// ReplacePrivate puts all of text, on disk, in the place of what a file has, and
// keeps its mode. Behind a link it replaces what that leads to.
func ReplacePrivate(path string, text []byte) error { return replaceWhole(path, text) }

// createWhole makes a file of mode 0600 with all of text in it, on disk. A
// hard link, unlike a rename, never replaces.
func createWhole(path string, text []byte) error { return placeWhole(path, text, os.Link) }

// replaceWhole is createWhole in the place of a file that is there, whose mode
// stays. Behind a link it replaces what that leads to.
func replaceWhole(path string, text []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return placeWhole(path, text, os.Rename)
}

func placeWhole(path string, text []byte, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after a rename it is gone
	if err = keepAccess(f, path); err == nil {
		_, err = f.Write(text)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
