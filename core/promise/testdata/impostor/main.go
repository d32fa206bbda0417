// Command impostor is a plugin of a provider that vouches for the keys it is
// configured with, and breaks as it is told to: by its configuration, or from its
// start on by the variable IMPOSTOR.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/plugin"
)

type config struct {
	Fault string `json:"fault" doc:"what to do instead of what a provider should"`
	Other string `json:"other" doc:"an issuer, audience or alg that is not its own"`
	Keys  string `json:"keys" required:"true" doc:"those of each issuer, an array of JWKs"`
}

func main() {
	switch os.Getenv("IMPOSTOR") {
	case "exits":
		os.Exit(9)
	case "silent":
		time.Sleep(time.Hour)
	case "cookie": // it is another program's plugin
		_ = os.Setenv("HEADGATE_PLUGIN", "another.plugin.v1")
	case "tomorrow": // as a plugin of a later protocol says where it listens
		fmt.Printf("1|2|unix|%s/later|grpc|bm9uZQ\n", os.Getenv("PLUGIN_UNIX_SOCKET_DIR"))
		time.Sleep(time.Hour)
	}
	schema, err := sdk.ConfigSchema[config]()
	if err != nil {
		panic(err)
	}
	plugin.Serve(sdk.Plugin{Name: "impostor", Version: "1.0.0", Providers: []sdk.ProviderKind{
		{Name: "impostor", Doc: "Vouches for what it is told.", Schema: schema, Open: open},
	}})
}

func open(_ context.Context, policy sdk.ProviderPolicy, text json.RawMessage) (sdk.Provider, error) {
	c, err := sdk.DecodeConfig[config](text)
	if err != nil {
		return nil, err
	}
	p := &provider{config: c, policy: policy}
	if err := json.Unmarshal([]byte(c.Keys), &p.keys); err != nil {
		return nil, sdk.Diagnostics{{Path: "/keys", Text: err.Error()}}
	}
	switch c.Fault {
	case "refuses":
		return nil, sdk.Diagnostics{{Path: "/fault", Text: "this one is refused"}}
	case "fails":
		return nil, errors.New("it cannot be opened")
	}
	return p, nil
}

type provider struct {
	config
	policy sdk.ProviderPolicy
	keys   []json.RawMessage
}

// Watch publishes once.
func (p *provider) Watch(ctx context.Context, publish func(context.Context, sdk.TrustBundle) error) error {
	switch p.Fault {
	case "crashes":
		os.Exit(9)
	case "ends":
		return errors.New("it cannot go on")
	case "mute":
		<-ctx.Done()
		return ctx.Err()
	}
	if err := publish(ctx, p.bundle(time.Now())); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
	}
	<-ctx.Done()
	return ctx.Err()
}

// soon is long enough for a bundle to be taken, and short enough to wait for its
// end.
const soon = 2 * time.Second

// bundle is what a good provider publishes, but for the fault.
func (p *provider) bundle(now time.Time) sdk.TrustBundle {
	b := sdk.TrustBundle{Version: 1, FetchedAt: now, FreshUntil: now.Add(time.Hour), UsableUntil: now.Add(2 * time.Hour)}
	for _, issuer := range p.policy.Issuers {
		b.Issuers = append(b.Issuers, p.trust(issuer))
	}
	own := &b.Issuers[0]
	switch p.Fault {
	case "no issuers":
		b.Issuers = nil
	case "no keys":
		own.Keys = nil
	case "other issuer":
		own.Issuer = p.Other
	case "other issuer too":
		b.Issuers = append(b.Issuers, p.trust(p.Other))
	case "other audience":
		own.Audiences = []string{p.Other}
	case "other alg":
		own.Algs = []string{p.Other}
	case "leeway":
		own.Leeway = time.Hour
	case "lifetime":
		own.MaxLifetime = 25 * time.Hour
	case "rules":
		own.Rules.Require = []sdk.ClaimRule{{Claim: "sub"}} // no JSON Pointer
	case "past":
		b.FetchedAt, b.FreshUntil, b.UsableUntil = now.Add(-2*time.Hour), now.Add(-time.Hour), now.Add(-time.Minute)
	case "old":
		b.FetchedAt = now.Add(-25 * time.Hour) // good for itself, and older than the router's usable_for
	case "future":
		b.FetchedAt, b.FreshUntil, b.UsableUntil = now.Add(time.Hour), now.Add(2*time.Hour), now.Add(3*time.Hour)
	case "own past":
		own.FetchedAt, own.FreshUntil, own.UsableUntil = now.Add(-2*time.Hour), now.Add(-time.Hour), now.Add(-time.Minute)
	case "ends soon":
		b.FreshUntil, b.UsableUntil = now.Add(soon), now.Add(soon)
	}
	return b
}

func (p *provider) trust(issuer string) sdk.IssuerTrust {
	return sdk.IssuerTrust{Issuer: issuer, Keys: p.keys, MaxLifetime: time.Hour, Rules: sdk.TokenRules{Client: "/client_id"}}
}
