package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/jwk"
)

func (a *app) keyExportCommand() *cobra.Command {
	var curveFile, private string
	var eventKey string
	var producers, thumbprint bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the router's public delivery keys as a JWK Set, for its consumers; or the producers' event keys, or those of a CURVE file",
		Long: `export prints the public halves of the router's delivery keys: of the one that
signs, and of those that are about to or did.

--producers prints, for consumers that want each producer's own signature besides
the router's, the [[event_keys]] that count (active and retiring) by their source,
in JSON: headgate consume and the examples take it with --producers.

--event-key prints the public half of a producer's own key as one JSON Web Key, as
the header headgate-event-key wants it; with --thumbprint its RFC 7638 thumbprint,
to which an issuer binds tokens (cnf.jkt). Neither needs a configuration.

--private writes the keys themselves to a file, for another router that is to sign
alike: there [signing] key = "file:FILE" names it. Whoever has that file can make
deliveries that every consumer believes.`,
		Args: cobra.NoArgs,
		RunE: do(func(*cobra.Command, []string) error {
			if curveFile != "" {
				return a.exportCurve(curveFile)
			}
			if eventKey != "" {
				return a.exportEventKey(eventKey, thumbprint)
			}
			if thumbprint {
				return errors.New("--thumbprint is of a producer's key: say --event-key FILE, too")
			}
			cfg, err := a.load(nil)
			if err != nil {
				return err
			}
			if private != "" {
				return a.exportPrivate(cfg, private)
			}
			if producers {
				ring, err := producersOf(cfg)
				if err != nil {
					return err
				}
				return json.NewEncoder(a.out).Encode(ring)
			}
			keys, err := publicKeys(cfg)
			if err != nil {
				return err
			}
			return json.NewEncoder(a.out).Encode(keys)
		}),
	}
	cmd.Flags().StringVar(&curveFile, "curve", "", "print the public halves of the secret keys in `file`, in Z85")
	cmd.Flags().StringVar(&private, "private", "", "write the delivery keys themselves to `file`, mode 0600; there must be none yet")
	cmd.Flags().BoolVar(&producers, "producers", false, "print the public event keys of producers, by source")
	cmd.Flags().StringVar(&eventKey, "event-key", "", "print the public half of the producer's key in `file`, a JWK")
	cmd.Flags().BoolVar(&thumbprint, "thumbprint", false, "with --event-key: its thumbprint instead")
	cmd.MarkFlagsMutuallyExclusive("curve", "private", "producers", "event-key")
	return cmd
}

// exportEventKey prints what an issuer, or a router, is told of a producer's key.
func (a *app) exportEventKey(path string, thumbprint bool) error {
	private, err := readPrivateKey(path)
	if err != nil {
		return fmt.Errorf("event key %s: %w", path, err)
	}
	key := jwk.Key{Public: private.Public()}
	if err := key.Check(); err != nil {
		return fmt.Errorf("event key %s: %w", path, err)
	}
	if thumbprint {
		a.printf("%s\n", key.Thumbprint())
		return nil
	}
	return json.NewEncoder(a.out).Encode(key)
}

// deliveryKeys reads the delivery keys where the router has them.
func deliveryKeys(cfg *config.Config) ([]datadir.SigningKey, error) {
	keys, err := core.DeliveryKeys(cfg)
	if errors.Is(err, fs.ErrNotExist) && cfg.Signing.Key == "" {
		return nil, fmt.Errorf("%w (the router makes it at its first start)", err)
	}
	return keys, err
}

func publicKeys(cfg *config.Config) (delivery.Keys, error) {
	keys, err := deliveryKeys(cfg)
	if err != nil {
		return nil, err
	}
	return core.PublicKeys(keys), nil
}

// ownKeys are the public keys of the router of a configuration, as they are
// whenever they are asked for.
type ownKeys struct{ cfg *config.Config }

// Keys implements consumer.KeySource.
func (o ownKeys) Keys(context.Context) (delivery.Keys, error) { return publicKeys(o.cfg) }

// exportPrivate copies the delivery keys, with what their file says of each.
func (a *app) exportPrivate(cfg *config.Config, to string) error {
	keys, err := deliveryKeys(cfg)
	if err != nil {
		return err
	}
	text, err := datadir.FormatKeys(keys)
	if err != nil {
		return err
	}
	if err := config.CreatePrivate(to, text); err != nil {
		return fmt.Errorf("private keys: %w", err)
	}
	a.printf("Written: %s (secret: %s). Whoever has it signs as this router does: take it to the other one by a safe way, and name it there with [signing] key = \"file:..\".\n",
		to, count(len(keys), "delivery key"))
	return nil
}
