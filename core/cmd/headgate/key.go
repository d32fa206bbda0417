package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Keys: make, list, rotate and revoke those of producers; rotate and export the router's own"}
	cmd.AddCommand(a.keyNewCommand(), a.keyListCommand(), a.keyRotateCommand(), a.keyRevokeCommand(), a.keyExportCommand())
	return cmd
}

func (a *app) keyNewCommand() *cobra.Command {
	var auth, out string
	var curved, onTop bool
	k := config.Key{State: "active"}
	cmd := &cobra.Command{
		Use:   "new ID",
		Short: "Make a key for a producer, in the key directory of an [[auth]], or a CURVE key",
		Long: `new makes a key whose id is ID and files it in the key directory of an [[auth]].

An hmac key's file holds the secret that both sides share: give it to the
producer by a safe way. Of an ed25519 key the router keeps the public half; the
private half is written to --out, for the producer alone.

A running router takes new keys within a second, and says so in its log.

With --curve it makes a key of another sort: one that secures ZeroMQ
connections, for a socket of the router or for one of its [[peers]]. The secret
goes to the file ID.curve, the public key to standard output. --on-top puts it
above the keys that a file has already: a running router answers to all of them
within seconds, so that its peers can change over one by one.`,
		Example: `  headgate key new shop-2 --source '//shop.example/**' --type 'com.example.order.*'
  headgate key new --curve router
  headgate key new --curve router --on-top`,
		Args: cobra.ExactArgs(1),
		RunE: do(func(_ *cobra.Command, args []string) error {
			k.ID = args[0]
			if onTop && !curved {
				return errors.New("--on-top is for --curve: a producer's key has a file of its own")
			}
			if curved {
				if err := curveName(k.ID); err != nil {
					return err
				}
				return a.newCurve(k.ID, out, onTop)
			}
			if k.Principal == "" {
				k.Principal = k.ID
			}
			cfg, err := config.Load(a.files, config.Options{NewKeyDirs: true})
			if err != nil {
				return err
			}
			section, dir, err := keyDir(cfg, auth)
			if err == nil {
				err = free(cfg, k.ID)
			}
			if err != nil {
				return err
			}
			if section.Kind == "ed25519" {
				if out, err = newEd25519(cfg.Path(dir), k, out); err != nil {
					return err
				}
				a.printf("Written: %s/%s.toml (public), %s (private: for the producer alone)\n", cfg.Path(dir), k.ID, out)
				a.adviseOn(k)
				return nil
			}
			if err := newKey(cfg.Path(dir), k); err != nil {
				return taken(err, k.ID)
			}
			a.printf("Written: %s/%s.toml (it holds the secret)\n", cfg.Path(dir), k.ID)
			a.adviseOn(k)
			return nil
		}),
	}
	f := cmd.Flags()
	f.StringVar(&auth, "auth", "", "`name` of the [[auth]]; the first with a key directory when empty")
	f.StringVar(&k.Principal, "principal", "", "who holds it; ID when empty")
	f.StringSliceVar(&k.Sources, "source", nil, "globs of the sources it may send for, as in //shop.example/**")
	f.StringSliceVar(&k.Types, "type", nil, "globs of the types it may send, as in com.example.order.*")
	f.StringSliceVar(&k.Scopes, "scope", nil, "scopes it has")
	f.StringVar(&out, "out", "", "ed25519: `file` for the private half, ID.private.toml when empty; CURVE: for the secret, ID.curve when empty")
	f.BoolVar(&curved, "curve", false, "make a CURVE key, for ZeroMQ connections")
	f.BoolVar(&onTop, "on-top", false, "CURVE: put the key above those in the file")
	for _, other := range []string{"auth", "principal", "source", "type", "scope"} {
		cmd.MarkFlagsMutuallyExclusive("curve", other)
		cmd.MarkFlagsMutuallyExclusive("on-top", other)
	}
	return cmd
}

// keyDir finds the section and the directory that keys go to.
func keyDir(cfg *config.Config, auth string) (*config.Auth, string, error) {
	for i := range cfg.Auth {
		s := &cfg.Auth[i]
		if auth != "" && s.Name == auth && s.OfTokens() {
			return nil, "", fmt.Errorf("auth %q is of tokens, whose keys its issuers make: write a [[grants]] for whom it may let send, or name an [[auth]] of keys", auth)
		}
		if dir, ok := strings.CutPrefix(s.KeyDir, "dir:"); ok && (auth == "" || s.Name == auth) {
			return s, dir, nil
		}
	}
	if auth != "" && !slices.ContainsFunc(cfg.Auth, func(a config.Auth) bool { return a.Name == auth }) {
		return nil, "", fmt.Errorf("no [[auth]] has the name %q", auth)
	}
	return nil, "", errors.New(`no such [[auth]] with a key directory: write keys = "dir:keys" into it`)
}

// free errs for an id that a key has, wherever it stands, or had when it was
// revoked: one more of that id would be refused, and all that is changed with it.
func free(cfg *config.Config, id string) error {
	if _, k, err := keyOf(cfg, id); err == nil {
		return fmt.Errorf("key %s is there already: choose another id, ids are never used again; it stands in %s", id, k.File)
	}
	gone, err := core.RevokedKeys(cfg)
	if err == nil && slices.Contains(gone, id) {
		err = fmt.Errorf("key %s was there, and was revoked: choose another id, ids are never used again", id)
	}
	return err
}

// taken says of a file that is there already that its name is the id's.
func taken(err error, id string) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key %s is there already: choose another id, ids are never used again", id)
	}
	return err
}

// newEd25519 files the public half and writes the private one for the producer. It
// gives where that is.
func newEd25519(dir string, k config.Key, out string) (string, error) {
	if out == "" {
		out = k.ID + ".private.toml"
	}
	private := webhook.NewKey()
	k.Public = webhook.FormatPublic(private.Public().(ed25519.PublicKey))
	text := fmt.Sprintf("id = %q\nsecret = %q\n", k.ID, webhook.FormatPrivate(private))
	if err := config.CreatePrivate(out, []byte(text)); err != nil {
		return "", fmt.Errorf("private half: %w", err)
	}
	if err := config.WriteKey(dir, k, ""); err != nil {
		return "", errors.Join(taken(err, k.ID), os.Remove(out))
	}
	return out, nil
}

// adviseOn tells what a new key still lacks.
func (a *app) adviseOn(k config.Key) {
	if len(k.Sources) == 0 || len(k.Types) == 0 {
		fmt.Fprintf(a.err, "It may send nothing yet: write sources and types into it, as --source and --type do.\n")
	}
	fmt.Fprintf(a.err, "A running router takes it within a second.\n")
}
