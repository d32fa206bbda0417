package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/curve"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// consuming is what consume was asked for.
type consuming struct {
	connect  []string
	keys     string
	trusted  string // file of producers' keys
	topics   []string
	pub      bool
	parallel int
	count    int
	failRate float64
	hold     time.Duration
	json     bool
	securing securing
}

func (a *app) consumeCommand() *cobra.Command {
	var s consuming
	cmd := &cobra.Command{
		Use:   "consume CHANNEL",
		Short: "Be a real consumer: connect, verify, print, acknowledge",
		Long: `consume takes a channel's deliveries, checks them as every consumer should,
prints one line each and acknowledges those of a command channel. What it takes
is done: nobody else gets it.

Without --connect and --keys it finds both where the router of this
configuration has them.

With --producers it also wants each event signed by its own producer, with a key
that this file lists for its source; headgate key export --producers writes it.
Files of keys are looked at every second while it runs.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.commandChannels,
		RunE:              do(func(cmd *cobra.Command, args []string) error { return a.consume(cmd.Context(), args[0], s) }),
	}
	f := cmd.Flags()
	f.StringArrayVar(&s.connect, "connect", nil, "address of the channel; again for several routers")
	f.StringVar(&s.keys, "keys", "", "JWK Set `file` or https URL of the router's public keys")
	f.StringVar(&s.trusted, "producers", "", "`file` of producers' keys by source, JSON: take only events that they have signed themselves")
	f.StringSliceVar(&s.topics, "topic", nil, "telemetry: beginnings of event types; all when empty")
	f.BoolVar(&s.pub, "telemetry", false, "it is a telemetry channel: for when --connect and --keys are given, and no configuration is read; --topic says it, too")
	f.IntVar(&s.parallel, "parallel", 1, "events worked on at once")
	f.IntVar(&s.count, "count", 0, "end after so many events; 0 for never")
	f.Float64Var(&s.failRate, "fail-rate", 0, "share of events to answer with retry, 0 to 1, for trying retries")
	f.DurationVar(&s.hold, "hold", 0, "time to work on each event")
	f.BoolVar(&s.json, "json", false, "print header and event as JSON, one a line")
	s.securing.flags(cmd)
	return cmd
}

func (a *app) consume(ctx context.Context, channel string, s consuming) error {
	class := "command"
	if s.pub || len(s.topics) > 0 {
		class = "telemetry"
	}
	if err := s.securing.check(); err != nil {
		return err
	}
	var known curve.Public
	if len(s.connect) == 0 || s.keys == "" {
		cfg, err := a.load(nil)
		if err != nil {
			return err
		}
		ch, err := channelOf(cfg, channel)
		if err != nil {
			return err
		}
		class, known = ch.Class, serverKey(ch.Curve)
		if len(s.connect) == 0 {
			if ch.Listen == "" {
				return fmt.Errorf("channel %s connects to its consumers: say --connect with the address that another channel listens on", channel)
			}
			s.connect = []string{reachable(ch.Listen)}
		}
	}
	keys, err := a.keySource(s.keys)
	if err != nil {
		return err
	}
	security, err := s.securing.security(known)
	if err != nil {
		return err
	}
	var producers *consumer.Producers
	if s.trusted != "" {
		producers = consumer.ProducersFromFile(s.trusted)
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	var n atomic.Int64
	took := func(d *delivery.Delivery, what string) {
		a.printDelivery(d, what, s.json)
		if s.count > 0 && n.Add(1) >= int64(s.count) {
			enough()
		}
	}
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if class == "telemetry" {
		sub, err := consumer.NewSubscriber(consumer.SubscriberOptions{Connect: s.connect, Channel: channel, Topics: s.topics, Keys: keys, Producers: producers, Security: security, Log: log})
		if err != nil {
			return err
		}
		return sub.Run(ctx, func(d *delivery.Delivery) { took(d, "seen") })
	}
	c, err := consumer.New(consumer.Options{Connect: s.connect, Channel: channel, Keys: keys, Producers: producers, Security: security, Parallel: s.parallel, Log: log})
	if err != nil {
		return err
	}
	return c.Run(ctx, func(ctx context.Context, d *delivery.Delivery) (any, error) {
		select {
		case <-time.After(s.hold):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if rand.Float64() < s.failRate {
			a.printDelivery(d, "retry", s.json)
			return nil, consumer.Retry(0, "failed on purpose (--fail-rate)")
		}
		took(d, "done")
		return nil, nil
	})
}

func (a *app) printDelivery(d *delivery.Delivery, what string, asJSON bool) {
	h := d.Header
	if !asJSON {
		line := fmt.Sprintf("%s %s %s", what, d.Event.Type, h.ID)
		if h.Attempt > 0 {
			line += fmt.Sprintf(" attempt %d", h.Attempt)
		}
		a.printf("%s\n", line)
		return
	}
	text, err := json.Marshal(struct {
		What   string          `json:"what"`
		Header delivery.Header `json:"header"`
		Event  json.RawMessage `json:"event"`
	}{what, h, d.Event.Raw})
	if err != nil {
		text = []byte(`{}`)
	}
	a.printf("%s\n", text)
}

func channelOf(cfg *config.Config, name string) (*config.Channel, error) {
	for i := range cfg.Channels {
		if cfg.Channels[i].Name == name {
			return &cfg.Channels[i], nil
		}
	}
	return nil, fmt.Errorf("no channel %q in the configuration: headgate channel list names them", name)
}

// reachable makes an address to connect to of one that is listened on.
func reachable(listen string) string {
	u, err := url.Parse(listen)
	if err != nil || u.Scheme != "tcp" {
		return listen
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		return "tcp://" + net.JoinHostPort("127.0.0.1", u.Port())
	}
	return listen
}

// keySource is where the router's public keys come from: a file, a URL, or the
// data directory of this configuration.
func (a *app) keySource(at string) (consumer.KeySource, error) {
	if at == "" {
		cfg, err := a.load(nil)
		if err != nil {
			return nil, err
		}
		_, err = publicKeys(cfg)
		return ownKeys{cfg}, err
	}
	if u, err := url.Parse(at); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		return consumer.KeysFromURL(at), nil
	}
	if _, err := os.Stat(at); err != nil {
		return nil, errors.Join(errors.New("--keys names no file and no URL"), err)
	}
	return consumer.KeysFromFile(at), nil
}
