package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
)

// keyRow is one key of key list.
type keyRow struct {
	ID        string    `json:"id"`
	Auth      string    `json:"auth"`
	Kind      string    `json:"kind"`
	State     string    `json:"state"`
	Principal string    `json:"principal"`
	Sources   []string  `json:"sources"`
	Types     []string  `json:"types"`
	Scopes    []string  `json:"scopes,omitempty"`
	LastUsed  time.Time `json:"last_used,omitzero"` // as a running router knows since its start
}

func (a *app) keyListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys of producers, without their secrets, and when each was last used",
		Long: `list shows the keys that the configuration has now. When each was last used is
what a running router remembers since its start.`,
		Args: cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load(nil)
			if err != nil {
				return err
			}
			running, err := a.runningKeys(cmd.Context())
			if err != nil && !errors.Is(err, admin.ErrUnreachable) {
				return err
			}
			rows := []keyRow{}
			for _, s := range cfg.Auth {
				for _, k := range s.Keys {
					rows = append(rows, keyRow{k.ID, s.Name, s.Kind, k.State, k.Principal, k.Sources, k.Types, k.Scopes, running.Sender(k.ID).LastUsed})
				}
			}
			if running.SendersFault != "" {
				fmt.Fprintf(a.err, "The router does not go by all that stands in the files: %s\n", printableLines(running.SendersFault))
			}
			if asJSON {
				return json.NewEncoder(a.out).Encode(rows)
			}
			t := newTable(a.out, "ID", "AUTH", "KIND", "STATE", "LAST USED", "PRINCIPAL", "SOURCES", "TYPES")
			for _, r := range rows {
				t.row(r.ID, r.Auth, r.Kind, r.State, lastUsed(r.LastUsed), r.Principal, strings.Join(r.Sources, " "), strings.Join(r.Types, " "))
			}
			t.end()
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// lastUsed gives a time to the second, which is all that is known; empty for none.
func lastUsed(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// runningKeys asks a running router for its keys.
func (a *app) runningKeys(ctx context.Context) (admin.Keys, error) {
	router, err := a.router()
	if err != nil {
		return admin.Keys{}, err
	}
	return router.Keys(ctx)
}

// keysNow reads the keys of the configuration, whatever else is wrong with it. With
// an error it has the keys that could be read.
func (a *app) keysNow() (*config.Config, error) {
	cfg, err := config.Load(a.files, config.Options{Unchecked: true})
	if err != nil {
		return nil, err
	}
	return cfg.ReadKeys()
}

// keyOf finds a key by its id.
func keyOf(cfg *config.Config, id string) (*config.Auth, *config.Key, error) {
	for i := range cfg.Auth {
		for j := range cfg.Auth[i].Keys {
			if k := &cfg.Auth[i].Keys[j]; k.ID == id {
				return &cfg.Auth[i], k, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("no key %q: headgate key list names them", id)
}

// completeKeys completes the id of a key that is in one of these states.
func (a *app) completeKeys(states ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
		cfg, _ := a.keysNow() // those that can be read
		if cfg == nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, s := range cfg.Auth {
			for _, k := range s.Keys {
				for _, state := range states {
					if k.State == state {
						out = append(out, cobra.CompletionWithDesc(k.ID, k.State+", of "+k.Principal))
					}
				}
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}
