package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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
			return nil, err
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

func diagnosed(err error) error {
	if _, ok := errors.AsType[sdk.Diagnostics](err); ok {
		return err
	}
	return sdk.Diagnostics{{Text: err.Error()}}
}
