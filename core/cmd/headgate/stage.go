package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// demoConfig is the quickstart on free ports, with a short patience so that the
// mute consumer is found out while somebody looks.
const demoConfig = `
[data]
dir = "data"
[[ingress]]
name = "edge"
listen = "http://127.0.0.1:0"
[replies]
listen = "tcp://127.0.0.1:0"
[[auth]]
name = "edge-keys"
kind = "hmac"
keys = "dir:keys"
[[channels]]
name = "commands"
class = "command"
listen = "tcp://127.0.0.1:0"
ack_timeout = "2s"
backoff = { min = "200ms", max = "1s" }
[[channels]]
name = "telemetry"
class = "telemetry"
listen = "tcp://127.0.0.1:0"
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["commands", "telemetry"]
[[routes]]
name = "readings"
type = ["com.example.reading.**"]
channels = ["telemetry"]
`

// stage is a running demo.
type stage struct {
	router   *core.Core
	top      admin.Top
	producer *producer
	keyFile  string
	tell     *teller
	group    *errgroup.Group
	seen     chan string   // "what id", one for each thing a consumer did
	played   chan struct{} // closed when play is over
}

// build makes keys and router.
func (s *stage) build(ctx context.Context, dir string) error {
	keys := filepath.Join(dir, "keys")
	if err := newKey(keys, config.Key{ID: "demo-edge", Principal: "edge", State: "active", Sources: []string{"//demo/**"}, Types: []string{"com.example.**"}}); err != nil {
		return err
	}
	s.keyFile = filepath.Join(keys, "demo-edge.toml")
	cfg, err := config.Parse([]byte(demoConfig), "demo.toml", dir, config.Options{Env: []string{}})
	if err != nil {
		return err
	}
	if s.router, err = core.New(ctx, cfg, core.Options{Version: version, Log: zerolog.New(s.tell).Level(zerolog.InfoLevel)}); err != nil {
		return err
	}
	if s.top, err = s.router.Top(ctx); err != nil {
		return err
	}
	s.producer = &producer{to: s.top.Doors[0].Address, client: &http.Client{Timeout: demoLimit}}
	if err := s.producer.useConfigKey(cfg); err != nil {
		return err
	}
	s.tell.say("router", "door %s, commands %s, telemetry %s", s.top.Doors[0].Address, s.top.Commands[0].Address, s.top.Telemetry[0].Address)
	return nil
}

// people are the consumers: two that work, one that only listens.
func (s *stage) people(ctx context.Context, g *errgroup.Group) error {
	var keys delivery.Keys
	if err := json.Unmarshal(s.top.Keys, &keys); err != nil {
		return err
	}
	for _, name := range []string{"consumer A", "consumer B"} {
		c, err := consumer.New(consumer.Options{Connect: []string{s.top.Commands[0].Address}, Channel: "commands", Keys: consumer.Pinned(keys)})
		if err != nil {
			return err
		}
		g.Go(func() error {
			return c.Run(ctx, func(ctx context.Context, d *delivery.Delivery) (any, error) { return s.work(ctx, name, d) })
		})
	}
	sub, err := consumer.NewSubscriber(consumer.SubscriberOptions{Connect: []string{s.top.Telemetry[0].Address}, Channel: "telemetry", Keys: consumer.Pinned(keys)})
	if err != nil {
		return err
	}
	g.Go(func() error {
		return sub.Run(ctx, func(d *delivery.Delivery) {
			s.tell.say("subscriber", "sees %s", d.Header.ID)
			s.see(ctx, "telemetry "+d.Header.ID)
		})
	})
	return nil
}

// see tells play what a consumer did.
func (s *stage) see(ctx context.Context, what string) {
	select {
	case s.seen <- what:
	case <-s.played: // nobody waits for anything any more
	case <-ctx.Done():
	}
}

// work is what a demo consumer does: it fails what asks to be failed.
func (s *stage) work(ctx context.Context, name string, d *delivery.Delivery) (any, error) {
	h := d.Header
	if strings.HasSuffix(d.Event.Type, ".impossible") {
		s.tell.say(name, "verified %s (attempt %d) and replies failed", h.ID, h.Attempt)
		s.see(ctx, "failed "+h.ID)
		return nil, consumer.Failed("no such customer")
	}
	s.tell.say(name, "verified %s (attempt %d) and replies done", h.ID, h.Attempt)
	s.see(ctx, "done "+h.ID)
	return map[string]string{"by": name}, nil
}

func (s *stage) event(kind, id string) []byte {
	return newEvent(id, sending{source: "//demo/till-1", kind: kind}, json.RawMessage(`{"amount": 12.5}`))
}

// signed makes the request that the producer would post.
func (s *stage) signed(ctx context.Context, id string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.producer.to+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	s.producer.sign(req, id, body)
	return req, nil
}

// send posts an event; a label that ends in again posts the same bytes anew.
func (s *stage) send(ctx context.Context, kind, id, label string) error {
	body := s.event(kind, id)
	if strings.HasSuffix(label, "again") {
		body = s.tell.sent[id]
	}
	s.tell.sent[id] = body
	req, err := s.signed(ctx, id, body)
	if err != nil {
		return err
	}
	return s.show(req, label)
}

func (s *stage) sendAndAwait(ctx context.Context, kind, id string, want ...string) error {
	if err := s.send(ctx, kind, id, id); err != nil {
		return err
	}
	set := make(map[string]bool, len(want))
	for _, w := range want {
		set[w] = true
	}
	return s.await(ctx, set)
}

// show posts a request and tells what the router answered.
func (s *stage) show(req *http.Request, label string) error {
	resp, err := s.producer.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var doc struct {
		Status any
		Code   string
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		return err
	}
	what := doc.Code
	if what == "" {
		what = fmt.Sprint(doc.Status)
	}
	s.tell.say("edge", "%s is answered %d %s", label, resp.StatusCode, what)
	return nil
}

// await waits until consumers have done all of want.
func (s *stage) await(ctx context.Context, want map[string]bool) error {
	for len(want) > 0 {
		select {
		case what := <-s.seen:
			delete(want, what)
		case <-ctx.Done():
			return fmt.Errorf("demo: waited in vain for %v", want)
		}
	}
	return nil
}

// ready waits until so many consumers and subscribers are connected.
func (s *stage) ready(ctx context.Context, consumers, subscribers int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		top, err := s.router.Top(ctx)
		if err != nil {
			return err
		}
		if len(top.Commands[0].Conns) >= consumers && top.Telemetry[0].Subscribers >= subscribers {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("demo: consumers do not connect: %w", ctx.Err())
		}
	}
}

// settled waits until nothing is pending on a channel.
func (s *stage) settled(ctx context.Context, channel string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := s.router.Events(ctx, outbox.Filter{Channel: channel, State: outbox.StatePending, Limit: 1})
		if err != nil || len(list) == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("demo: %s is still pending on %s", list[0].ID, channel)
		}
	}
}
