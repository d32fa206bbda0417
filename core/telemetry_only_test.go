package core_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
)

// early is how long the store is watched for an end that must not come.
const early = 200 * time.Millisecond

// TestARouterWithoutCommandsKeepsItsStore runs one with telemetry alone: its
// store, which still remembers identities, is kept until the router ends.
func TestARouterWithoutCommandsKeepsItsStore(t *testing.T) {
	cfg := quickstart(t)
	var channels []config.Channel
	names := make(map[string]bool)
	for _, c := range cfg.Channels {
		if c.Class == "telemetry" {
			channels = append(channels, c)
			names[c.Name] = true
		}
	}
	cfg.Channels = channels
	for i := range cfg.Routes {
		var to []string
		for _, name := range cfg.Routes[i].Channels {
			if names[name] {
				to = append(to, name)
			}
		}
		cfg.Routes[i].Channels = to
	}
	c, err := core.New(t.Context(), cfg, core.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{})
	core.Watch(c, func(ctx context.Context) error {
		<-ctx.Done()
		close(left)
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	if _, err := c.Top(ctx); err != nil {
		t.Error(err)
	}
	select {
	case <-left:
		t.Error("nobody keeps the store any more, and the router works")
	case <-time.After(early):
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-left
}
