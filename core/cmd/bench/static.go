package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// staticKind is the provider of this program as a plugin.
const staticKind = "static"

// tokensConfig has a router take tokens, too, for what its key may send. This
// program is its plugin, as in maskConfig.
const tokensConfig = `
[[auth]]
name = "tokens"
plugin = "mask"
kind = %q
issuers = [%q]
audiences = [%q]
algs = [%q]
config = { key = '%s' }
limits = { memory = "1TiB" }
[[grants]]
auth = "tokens"
match = { client = [%q] }
sources = ["//bench/**"]
types = ["**"]
`

// config has a router take the issuer's tokens.
func (i *issuer) config() (string, error) {
	key, err := json.Marshal(i.public)
	return fmt.Sprintf(tokensConfig, staticKind, issuerName, audience, i.alg, key, clientID), err
}

// static vouches for one key for good: it publishes one bundle and asks nobody.
type static struct{ bundle sdk.TrustBundle }

var _ sdk.Provider = (*static)(nil)

// staticConfig is the key, a public JSON Web Key (RFC 7517).
type staticConfig struct {
	Key string `json:"key" required:"true"`
}

func staticProvider() sdk.ProviderKind {
	schema, err := sdk.ConfigSchema[staticConfig]()
	if err != nil {
		panic(err) // it is made of a string
	}
	return sdk.ProviderKind{Name: staticKind, Schema: schema, Open: openStatic}
}

func openStatic(_ context.Context, policy sdk.ProviderPolicy, config json.RawMessage) (sdk.Provider, error) {
	c, err := sdk.DecodeConfig[staticConfig](config)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	b := sdk.TrustBundle{Version: 1, FetchedAt: now, FreshUntil: now.Add(24 * time.Hour), UsableUntil: now.Add(24 * time.Hour)}
	for _, name := range policy.Issuers {
		b.Issuers = append(b.Issuers, sdk.IssuerTrust{Issuer: name, Keys: []json.RawMessage{json.RawMessage(c.Key)}, MaxLifetime: tokenLife, Rules: tokenRules()})
	}
	return &static{b}, nil
}

// Watch implements sdk.Provider.
func (s *static) Watch(ctx context.Context, publish func(context.Context, sdk.TrustBundle) error) error {
	err := publish(ctx, s.bundle)
	if err == nil {
		<-ctx.Done()
	}
	return err
}
