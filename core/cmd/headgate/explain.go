package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk"
)

func (a *app) explainCommand() *cobra.Command {
	var ask core.Asking
	var token string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain EVENT.json",
		Short: "Tell what the router would do with an event, decision by decision",
		Long: `explain takes a structured CloudEvent from a file (- for standard input) through
every decision of a router with this configuration, and sends nothing: reading,
routes, channels, rights, schema. It exits with 1 if the event would be refused.

Without --key-id it asks about every key and every grant: what the holder of a token
gets that fits the grant and has all its scopes. --token reads such a token (JWT)
and tells which grants it fits and what its holder gets. It does not verify it: who
made the token is not looked at, and neither is the network. Rates are taken as
unused.`,
		Example: `  headgate explain order.json
  headgate explain order.json --key-id edge-1
  headgate explain order.json --token token.jwt`,
		Args: cobra.ExactArgs(1),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load(nil)
			if err != nil {
				return err
			}
			body, err := a.readArg("@" + args[0])
			if err != nil {
				return err
			}
			if token != "" {
				if ask.Token, err = readToken(token); err != nil {
					return err
				}
				ask.Trust = bundledTrust(cmd.Context())
			}
			x, err := core.Explain(cmd.Context(), cfg, body, ask)
			if err != nil {
				return err
			}
			if asJSON {
				err = a.printJSON(x)
			} else {
				a.printExplanation(x)
			}
			if err == nil && x.Refusal != nil {
				err = errSaid
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&ask.KeyID, "key-id", "", "the `id` of the key that would sign; every key when empty")
	cmd.Flags().StringVar(&token, "token", "", "`file` of a token (JWT) that would be shown; it is read, and not verified")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("key-id", "token")
	keys := a.completeKeys(config.StateActive, config.StateRetiring, config.StatePending, config.StateRevoked)
	_ = cmd.RegisterFlagCompletionFunc("key-id", func(cmd *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return keys(cmd, nil, begun)
	})
	return cmd
}

// bundledTrust tells how a shipped plugin has tokens checked, without starting it.
func bundledTrust(ctx context.Context) func(*config.Auth) ([]sdk.IssuerTrust, error) {
	return func(auth *config.Auth) ([]sdk.IssuerTrust, error) {
		p, shipped := bundledNamed(auth.Plugin.Name)
		if !shipped || auth.Path != "" {
			return nil, errors.New("its plugin is not one of the shipped: what it goes by in a token it tells a running router alone")
		}
		for _, kind := range p.Providers {
			if auth.Kind != "" && auth.Kind != kind.Name {
				continue
			}
			settings, err := auth.Resolve(kind.Schema)
			if err != nil {
				return nil, err
			}
			of, err := kind.Open(ctx, sdk.ProviderPolicy{Issuers: auth.Issuers, Audiences: auth.Audiences, Algs: auth.Algs, UsableFor: time.Duration(auth.UsableFor)}, settings)
			if err != nil {
				return nil, err
			}
			if of, ok := of.(interface{ Issuers() []sdk.IssuerTrust }); ok {
				return of.Issuers(), nil
			}
		}
		return nil, fmt.Errorf("plugin %s has no such provider", p.Name)
	}
}

func (a *app) printToken(t *core.TokenVerdict) {
	rows := newTable(a.out)
	rows.row("token", "read, not verified: who made it was not looked at")
	rows.row("issuer", t.Issuer)
	rows.row("auth", t.Auth)
	rows.row("principal", t.Principal)
	rows.row("client", t.Client)
	rows.row("groups", strings.Join(t.Groups, " "))
	rows.row("scopes", strings.Join(t.Scopes, " "))
	rows.row("expires", stamp(t.Expires))
	if t.Bound {
		rows.row("bound", "to a key (cnf): it needs an event signature by that key, and headgate send --bound")
	}
	rows.row("fits", strings.Join(t.Fits, " "))
	if t.Refusal != nil {
		rows.row("refused", t.Refusal.String())
	}
	rows.end()
	a.printf("\n")
}

func (a *app) printExplanation(x *core.Explanation) {
	if x.ID != "" {
		a.printf("event   %s of %s, type %s\n", printable(x.ID), printable(x.Source), printable(x.Type))
		a.printf("digest  sha256:%s\n\n", x.Digest)
	}
	if len(x.Routes) > 0 {
		t := newTable(a.out, "ROUTE", "VERDICT", "FAULT")
		for _, r := range x.Routes {
			t.row(r.Route, r.Verdict, r.Fault)
		}
		t.end()
		a.printf("\n")
	}
	if len(x.Targets) > 0 {
		t := newTable(a.out, "CHANNEL", "CLASS", "BY ROUTE", "ORDER KEY", "TRANSFORMS")
		for _, c := range x.Targets {
			t.row(c.Channel, c.Class, c.Route, c.Order, strings.Join(c.Transforms, ", "))
		}
		t.end()
		a.printf("\n")
	}
	if len(x.Requires) > 0 {
		t := newTable(a.out, "REQUIRED BY", "ANY AUTH OF", "ALL SCOPES OF", "EVENT SIGNATURE")
		for _, q := range x.Requires {
			t.row(q.Route, strings.Join(q.Auth, ", "), strings.Join(q.Scopes, ", "), yes(q.EventSignature))
		}
		t.end()
		a.printf("\n")
	}
	if len(x.Schema) > 0 {
		t := newTable(a.out, "SCHEMA OF", "VERDICT", "AT", "FAULT")
		for _, s := range x.Schema {
			verdict := "met"
			if !s.Met {
				verdict = "broken"
			}
			t.row(s.Route, verdict, s.Pointer, s.Fault)
		}
		t.end()
		a.printf("\n")
	}
	if x.Token != nil {
		a.printToken(x.Token)
	}
	if len(x.Keys) > 0 {
		t := newTable(a.out, "KEY", "AUTH", "PRINCIPAL", "STATE", "VERDICT")
		for _, k := range x.Keys {
			verdict := "accepted"
			if k.Refusal != nil {
				verdict = k.Refusal.String()
			}
			t.row(k.ID, k.Auth, k.Principal, k.State, verdict)
		}
		t.end()
		a.printf("\n")
	}
	if len(x.Grants) > 0 {
		t := newTable(a.out, "GRANT", "AUTH", "VERDICT")
		for _, g := range x.Grants {
			verdict := "accepted"
			if g.Refusal != nil {
				verdict = g.Refusal.String()
			}
			t.row(g.Grant, g.Auth, verdict)
		}
		t.end()
		a.printf("\n")
	}
	if x.Refusal != nil {
		a.printf("refused: %s\n", printable(x.Refusal.String()))
		return
	}
	a.printf("accepted\n")
}
