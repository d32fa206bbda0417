package main

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Keys: make one for a producer, list them, export the router's public ones"}
	cmd.AddCommand(a.keyNewCommand(), a.keyListCommand(), a.keyExportCommand())
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

A running router takes new keys with its next start.

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
			if err != nil {
				return err
			}
			if section.Kind == "ed25519" {
				return a.newEd25519(cfg.Path(dir), k, out)
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
		if dir, ok := strings.CutPrefix(s.KeyDir, "dir:"); ok && (auth == "" || s.Name == auth) {
			return s, dir, nil
		}
	}
	return nil, "", errors.New(`no such [[auth]] with a key directory: write keys = "dir:keys" into it`)
}

func taken(err error, id string) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key %s is there already: choose another id, ids are never used again", id)
	}
	return err
}

// newEd25519 files the public half and writes the private one for the producer.
func (a *app) newEd25519(dir string, k config.Key, out string) error {
	if out == "" {
		out = k.ID + ".private.toml"
	}
	private := webhook.NewKey()
	k.Public = webhook.FormatPublic(private.Public().(ed25519.PublicKey))
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("private half: %w", err)
	}
	_, err = fmt.Fprintf(f, "id = %q\nsecret = %q\n", k.ID, webhook.FormatPrivate(private))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = config.WriteKey(dir, k, "")
	}
	if err != nil {
		return errors.Join(taken(err, k.ID), os.Remove(out))
	}
	a.printf("Written: %s/%s.toml (public), %s (private: for the producer alone)\n", dir, k.ID, out)
	a.adviseOn(k)
	return nil
}

// adviseOn tells what a new key still lacks.
func (a *app) adviseOn(k config.Key) {
	if len(k.Sources) == 0 || len(k.Types) == 0 {
		fmt.Fprintf(a.err, "It may send nothing yet: write sources and types into it, as --source and --type do.\n")
	}
	fmt.Fprintf(a.err, "A running router takes it with its next start.\n")
}

func (a *app) keyListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys of the configuration, without their secrets",
		Args:  cobra.NoArgs,
		RunE: do(func(*cobra.Command, []string) error {
			cfg, err := a.load(nil)
			if err != nil {
				return err
			}
			type row struct {
				ID        string   `json:"id"`
				Auth      string   `json:"auth"`
				Kind      string   `json:"kind"`
				State     string   `json:"state"`
				Principal string   `json:"principal"`
				Sources   []string `json:"sources"`
				Types     []string `json:"types"`
				Scopes    []string `json:"scopes,omitempty"`
			}
			rows := []row{}
			for _, s := range cfg.Auth {
				for _, k := range s.Keys {
					rows = append(rows, row{k.ID, s.Name, s.Kind, k.State, k.Principal, k.Sources, k.Types, k.Scopes})
				}
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(rows)
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tAUTH\tKIND\tSTATE\tPRINCIPAL\tSOURCES\tTYPES")
			for _, r := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Auth, r.Kind, r.State, r.Principal, strings.Join(r.Sources, " "), strings.Join(r.Types, " "))
			}
			return w.Flush()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) keyExportCommand() *cobra.Command {
	var curveFile string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the router's public delivery keys as a JWK Set, for its consumers; or those of a CURVE file",
		Args:  cobra.NoArgs,
		RunE: do(func(*cobra.Command, []string) error {
			if curveFile != "" {
				return a.exportCurve(curveFile)
			}
			cfg, err := a.load(nil)
			if err != nil {
				return err
			}
			keys, err := publicKeys(cfg)
			if err != nil {
				return err
			}
			return json.NewEncoder(a.out).Encode(keys)
		}),
	}
	cmd.Flags().StringVar(&curveFile, "curve", "", "print the public halves of the secret keys in `file`, in Z85")
	return cmd
}

// publicKeys reads the delivery key where the router has it.
func publicKeys(cfg *config.Config) (delivery.Keys, error) {
	var public ed25519.PublicKey
	if path, ok := strings.CutPrefix(cfg.Signing.Key, "file:"); ok {
		key, err := datadir.ReadKey(cfg.Path(path))
		if err != nil {
			return nil, err
		}
		public = key.Public().(ed25519.PublicKey)
	} else {
		var err error
		if public, err = datadir.PublicKey(cfg.Path(cfg.Data.Dir)); err != nil {
			return nil, fmt.Errorf("%w (the router makes it at its first start)", err)
		}
	}
	return delivery.NewKeys(public), nil
}
