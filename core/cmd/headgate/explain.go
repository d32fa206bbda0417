package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core"
)

func (a *app) explainCommand() *cobra.Command {
	var keyID string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain EVENT.json",
		Short: "Tell what the router would do with an event, decision by decision",
		Long: `explain takes a structured CloudEvent from a file (- for standard input) through
every decision of a router with this configuration, and sends nothing: reading,
routes, channels, rights, schema. It exits with 1 if the event would be refused.

Without --key-id it asks about every key, and tells which grants cover the event:
a sender with a token that fits such a grant may send it. Rates are taken as
unused.`,
		Example: `  headgate explain order.json
  headgate explain order.json --key-id edge-1`,
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
			x, err := core.Explain(cmd.Context(), cfg, body, keyID)
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
	cmd.Flags().StringVar(&keyID, "key-id", "", "the `id` of the key that would sign; every key when empty")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
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
		t := newTable(a.out, "GRANT", "AUTH", "COVERS IT")
		for _, g := range x.Grants {
			t.row(g.Grant, g.Auth, yes(g.Covers))
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
