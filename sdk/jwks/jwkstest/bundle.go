package jwkstest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

// Bundle opens the only provider of a plugin and gives the first bundle that it
// publishes.
func Bundle(t testing.TB, p sdk.Plugin, policy sdk.ProviderPolicy, config string) sdk.TrustBundle {
	t.Helper()
	if err := p.Check(); err != nil || len(p.Providers) != 1 {
		t.Fatalf("plugin %s offers %d providers: %v", p.Name, len(p.Providers), err)
	}
	v, err := p.Providers[0].Open(t.Context(), policy, json.RawMessage(config))
	if err != nil {
		t.Fatalf("configuration of %s: %v", p.Name, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var first sdk.TrustBundle
	err = v.Watch(ctx, func(_ context.Context, b sdk.TrustBundle) error {
		if first.Version == 0 {
			first = b
		}
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || first.Version == 0 {
		t.Fatalf("provider %s ends without a bundle: %v", p.Name, err)
	}
	return first
}
