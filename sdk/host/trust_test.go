package host_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// TestWatchTrust has three bundles published, of which the second is refused, and
// a fourth by a hint.
func TestWatchTrust(t *testing.T) {
	var log lines
	c := start(t, self("serve"), host.Options{Log: log.add})
	watched := func(take func(sdk.TrustBundle) error) error { return c.WatchTrust(t.Context(), "trust", take) }
	if err := watched(nil); !errors.Is(err, host.ErrNotConfigured) {
		t.Errorf("got %v", err)
	}
	configure := func() {
		if err := c.Configure(t.Context(), host.Configuration{Kind: "trust", Policy: sdk.ProviderPolicy{Issuers: []string{"https://idp"}}}); err != nil {
			t.Error(err)
		}
	}
	configure()
	var got []sdk.TrustBundle
	err := watched(func(b sdk.TrustBundle) error {
		switch got = append(got, b); b.Version {
		case 2:
			return errors.New("two is no good")
		case 3:
			if err := c.Hint(t.Context(), "trust", "https://hinted", "key-9"); err != nil {
				t.Error(err)
			}
		case 4:
			go configure() // ends the watch
		}
		return nil
	})
	if !errors.Is(err, sdk.ErrUnavailable) || errors.Is(err, host.ErrEnded) || len(got) != 4 {
		t.Fatalf("got %v, %d bundles", err, len(got))
	}
	b := got[0]
	at := time.UnixMilli(1_700_000_000_000)
	if b.Version != 1 || !b.FetchedAt.Equal(at) || !b.UsableUntil.Equal(at.Add(2*time.Hour)) || b.Issuers[0].Leeway != time.Minute || string(b.Issuers[0].Keys[0]) != `{"kty":"EC"}` || b.Revoked[0].Kind != "jti" {
		t.Errorf("got %+v", b)
	}
	if got[3].Issuers[0].Issuer != "https://hinted key-9" {
		t.Errorf("got %+v", got[3])
	}
	log.await(t, func(x host.Line) bool {
		why, _ := x.Fields["why"].(string)
		return x.Text == "refused" && strings.Contains(why, "two is no good")
	})
}

// TestWatchTrustEnds shows that a watch keeps neither a drain nor its caller.
func TestWatchTrustEnds(t *testing.T) {
	c := start(t, self("serve"), host.Options{})
	if err := c.Configure(t.Context(), host.Configuration{Kind: "trust", Policy: sdk.ProviderPolicy{Issuers: []string{"x"}}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := c.WatchTrust(ctx, "trust", func(sdk.TrustBundle) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	first, done := make(chan struct{}, 9), make(chan error, 1)
	go func() {
		done <- c.WatchTrust(t.Context(), "trust", func(sdk.TrustBundle) error { first <- struct{}{}; return nil })
	}()
	<-first
	if err := c.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}
