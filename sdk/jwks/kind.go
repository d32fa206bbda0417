package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

// NewKind makes a provider kind of a function that says what to follow. The
// fields of C describe its configuration: see sdk.ConfigSchema, which must take
// C; anything else panics, in the author's first run. Every error of the
// function is a fault of the configuration, sdk.Diagnostics or not.
func NewKind[C any](name, doc string, options func(sdk.ProviderPolicy, C) (Options, error)) sdk.ProviderKind {
	schema, err := sdk.ConfigSchema[C]()
	if err != nil {
		panic(fmt.Sprintf("provider %s: %v", name, err))
	}
	return sdk.ProviderKind{Name: name, Doc: doc, Schema: schema, Open: func(_ context.Context, policy sdk.ProviderPolicy, config json.RawMessage) (sdk.Provider, error) {
		c, err := sdk.DecodeConfig[C](config)
		if err != nil {
			return nil, placed(err)
		}
		o, err := options(policy, c)
		if err != nil {
			return nil, diagnosed(err)
		}
		p, err := New(o)
		if err != nil {
			return nil, err
		}
		return p, nil
	}}
}

// routers are what the router's own configuration says of an [[auth]]. TOML gives
// them to the provider where they stand below [auth.config].
var routers = []string{"/issuers", "/audiences", "/algs", "/max_token_lifetime"}

// placed says of those that the provider does not know where they belong.
func placed(err error) error {
	faults, _ := errors.AsType[sdk.Diagnostics](err)
	for n, f := range faults {
		if slices.Contains(routers, f.Path) && strings.HasPrefix(f.Text, "is not known") {
			faults[n].Text = "is not known: it is a key of [[auth]] itself, and stands above [auth.config]"
		}
	}
	return err
}

func diagnosed(err error) error {
	if _, ok := errors.AsType[sdk.Diagnostics](err); ok {
		return err
	}
	return sdk.Diagnostics{{Text: err.Error()}}
}
