package main

import (
	"context"

	"github.com/headgate-io/headgate/plugins/mask"
	"github.com/headgate-io/headgate/sdk"
)

// pluginArg is the first argument of this program as a plugin, as it is of the
// real one for those that are shipped: a router runs its own binary.
const pluginArg = "plugin"

// replacedSchema is what an event gets that is replaced.
const replacedSchema = "urn:bench"

// ownPlugin is this program as a plugin: a shipped one, with kinds that do as
// little as one can.
func ownPlugin() sdk.Plugin {
	p := mask.Plugin()
	p.Transforms = append(p.Transforms,
		sdk.NewTransform(kindThat(sdk.Unchanged), func(context.Context, struct{}, *sdk.Event) error { return nil }),
		sdk.NewTransform(kindThat(sdk.Replace), func(_ context.Context, _ struct{}, e *sdk.Event) error {
			e.DataSchema = replacedSchema
			return nil
		}))
	p.Providers = append(p.Providers, staticProvider())
	return p
}

// kindThat names the kind that gives every event the same verdict.
func kindThat(v sdk.Verdict) string {
	if v == sdk.Replace {
		return "replaced"
	}
	return "unchanged"
}
