package core_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/headgate-io/headgate/configs"
	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/signature"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quickstart is what `headgate init` writes, on free ports.
func quickstart(t *testing.T, change ...string) *config.Config {
	t.Helper()
	dir, err := os.MkdirTemp("", "hg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	key := config.Key{ID: "k1", Principal: "edge", Sources: []string{"**"}, Types: []string{"**"}}
	if err := config.WriteKey(filepath.Join(dir, "keys"), key, webhook.FormatSecret(webhook.NewSecret())); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(":8080", ":0", ":5555", ":0", ":5556", ":0", ":5557", ":0").Replace(string(configs.Quickstart))
	text = strings.NewReplacer(change...).Replace(text)
	cfg, err := config.Parse([]byte(text), "headgate.toml", dir, config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestARouterStartsAndEndsWithoutATrace(t *testing.T) {
	for range 3 {
		c, err := core.New(t.Context(), quickstart(t), core.Options{Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		if _, err := c.Top(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func TestAnAddressInUseLeavesNothingBound(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	cfg := quickstart(t, "http://127.0.0.1:0", "http://"+busy.Addr().String())
	if _, err := core.New(t.Context(), cfg, core.Options{Log: zerolog.Nop()}); err == nil || strings.Count(err.Error(), "ingress edge") != 1 {
		t.Fatalf("got %v", err)
	}
	// The data directory's lock is free again, and so is everything else.
	cfg.Ingress[0].Listen = "http://127.0.0.1:0"
	c, err := core.New(t.Context(), cfg, core.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Run(ended); err != nil {
		t.Error(err)
	}
}

func TestRulesNameThePlaceOfAFault(t *testing.T) {
	cfg := quickstart(t, `name = "orders"`, "name = \"orders\"\nwhen = \"event.typ == 'x'\"")
	_, err := core.Rules(cfg)
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Line == 0 || !strings.Contains(problems[0].Key, "when") {
		t.Errorf("got %v", err)
	}
}

func TestChannelsThatAreGoneAreNamed(t *testing.T) {
	var log strings.Builder
	core.NameTheStranded(zerolog.New(&log), outbox.Stats{Channels: map[string]outbox.ChannelStats{
		"commands": {Pending: 7}, "gone": {Pending: 2, Dead: 1}, "empty": {}}}, "commands")
	if want := `{"level":"warn","channel":"gone","pending":2,"dead":1,` + `"message":"this channel holds events and is not configured: they wait for it to come back"}` + "\n"; log.String() != want {
		t.Errorf("log is %s", log.String())
	}
}

func TestTheReplayWindowIsOne(t *testing.T) {
	if config.ReplayWindow != signature.ReplayWindow {
		t.Errorf("the configuration checks against %v, signatures against %v", config.ReplayWindow, signature.ReplayWindow)
	}
}
