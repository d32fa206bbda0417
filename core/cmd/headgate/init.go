package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/configs"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func (a *app) initCommand() *cobra.Command {
	var container bool
	var host string
	cmd := &cobra.Command{
		Use:   "init [DIRECTORY]",
		Short: "Write a working quickstart: headgate.toml and one key",
		Long: `Writes headgate.toml and a producer's key: a router on this machine alone.

With --container it is one that others reach: every address is for all interfaces
and asks for TLS or CURVE. The keys for both are written, too, and one for a first
consumer. The certificate signs itself and is good for a year.`,
		Args: cobra.MaximumNArgs(1),
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("host") && !container {
				return errors.New("--host is for --container: else the router is on this machine alone")
			}
			return hostname(host)
		},
		RunE: do(func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if container {
				return a.initContainer(dir, host)
			}
			if err := writeQuickstart(dir); err != nil {
				return err
			}
			cd := ""
			if dir != "." {
				cd = "cd " + dir + " && "
			}
			a.printf(`Written: %s, and %s (secret: keep it).

Now, each in a terminal of its own:
  %sheadgate run
  %sheadgate consume commands
  %sheadgate send --type com.example.order.created --data '{"amount": 12.5}'
`, filepath.Join(dir, "headgate.toml"), filepath.Join(dir, "keys", "edge-1.toml"), cd, cd, cd)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&container, "container", false, "a router that others reach, with TLS and CURVE")
	cmd.Flags().StringVar(&host, "host", "localhost", "with --container: name or IP address that producers and consumers reach it by")
	return cmd
}

// writeQuickstart writes what init writes, over nothing that is there.
func writeQuickstart(dir string) error {
	if err := writeConfig(dir, configs.Quickstart); err != nil {
		return err
	}
	return firstKey(dir)
}

// writeConfig makes a directory with a headgate.toml, which is not there yet.
func writeConfig(dir string, text []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	path := filepath.Join(dir, "headgate.toml")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("init: %s is there already: choose another directory", path)
	}
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	_, err = f.Write(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = keepOutOfGit(dir)
	}
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	return nil
}

// firstKey makes the key of a producer.
func firstKey(dir string) error {
	return newKey(filepath.Join(dir, "keys"), config.Key{ID: "edge-1", Principal: "edge", State: "active",
		Sources: []string{"**"}, Types: []string{"com.example.**"}})
}

// keepOutOfGit tells git to leave secrets alone, unless git was told something.
func keepOutOfGit(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, ".gitignore"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString("/keys/\n/tls/\n/*.curve\n/headgate-data/\n")
	return errors.Join(err, f.Close())
}

// newKey makes an hmac key's file.
func newKey(dir string, k config.Key) error {
	return config.WriteKey(dir, k, webhook.FormatSecret(webhook.NewSecret()))
}
