package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// demoLimit ends a demo that hangs.
const demoLimit = 20 * time.Second

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

func (a *app) demoCommand() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it all happen: a router, its consumers and an edge, on this machine, in seconds",
		Long: `demo makes keys and a router in a temporary directory, two verifying consumers on
its command channel and a subscriber on its telemetry channel, and sends signed
events: good ones, a tampered one, a replayed one, one that its consumer fails,
and one that goes to a consumer which never replies. It needs nothing and ends by
itself; --keep leaves everything running for you to try.`,
		Args: cobra.NoArgs,
		RunE: do(func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) }),
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave it running, and print how to send with curl")
	return cmd
}

// stage is a running demo.
type stage struct {
	router   *core.Core
	top      admin.Top
	producer *producer
	keyFile  string
	tell     *teller
	group    *errgroup.Group
	seen     chan string // "who what id", one for each thing a consumer did
}

func (a *app) demo(ctx context.Context, keep bool) error {
	dir, err := os.MkdirTemp("", "headgate-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, end := context.WithCancel(ctx)
	defer end()
	s := &stage{tell: newTeller(a.out), seen: make(chan string, 64)}
	if err := s.build(dir); err != nil {
		return err
	}
	s.group, ctx = errgroup.WithContext(ctx)
	routerCtx, endRouter := context.WithCancel(context.WithoutCancel(ctx))
	defer endRouter()
	consumersGone := make(chan struct{})
	s.group.Go(func() error { return s.router.Run(routerCtx) })
	consumers, consumersCtx := errgroup.WithContext(ctx)
	if err := s.people(consumersCtx, consumers); err != nil {
		return err
	}
	s.group.Go(func() error { defer close(consumersGone); return consumers.Wait() })
	s.group.Go(func() error { <-consumersGone; endRouter(); return nil })

	err = s.play(ctx)
	if err == nil {
		err = s.summary(ctx)
	}
	if err == nil && keep {
		a.printf("\nStill running; Ctrl-C ends it. Send with curl:\n\n%s\n", curlLines(s.producer.to, s.keyFile, s.producer.keyID))
		<-ctx.Done()
	}
	end()
	if werr := s.group.Wait(); err == nil && !keep {
		err = werr
	}
	return err
}

// build makes keys and router.
func (s *stage) build(dir string) error {
	keys := filepath.Join(dir, "keys")
	if err := newKey(keys, config.Key{ID: "demo-edge", Principal: "edge", State: "active", Sources: []string{"//demo/**"}, Types: []string{"com.example.**"}}); err != nil {
		return err
	}
	s.keyFile = filepath.Join(keys, "demo-edge.toml")
	cfg, err := config.Parse([]byte(demoConfig), "demo.toml", dir, config.Options{Env: []string{}})
	if err != nil {
		return err
	}
	if s.router, err = core.New(cfg, core.Options{Version: version, Log: zerolog.New(s.tell).Level(zerolog.InfoLevel)}); err != nil {
		return err
	}
	if s.top, err = s.router.Top(context.Background()); err != nil {
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
			return c.Run(ctx, func(_ context.Context, d *delivery.Delivery) (any, error) { return s.work(name, d) })
		})
	}
	sub, err := consumer.NewSubscriber(consumer.SubscriberOptions{Connect: []string{s.top.Telemetry[0].Address}, Channel: "telemetry", Keys: consumer.Pinned(keys)})
	if err != nil {
		return err
	}
	g.Go(func() error {
		return sub.Run(ctx, func(d *delivery.Delivery) {
			s.tell.say("subscriber", "sees %s", d.Header.ID)
			s.seen <- "telemetry " + d.Header.ID
		})
	})
	return nil
}

// work is what a demo consumer does: it fails what asks to be failed.
func (s *stage) work(name string, d *delivery.Delivery) (any, error) {
	h := d.Header
	if strings.HasSuffix(d.Event.Type, ".impossible") {
		s.tell.say(name, "verified %s (attempt %d) and replies failed", h.ID, h.Attempt)
		s.seen <- "failed " + h.ID
		return nil, consumer.Failed("no such customer")
	}
	s.tell.say(name, "verified %s (attempt %d) and replies done", h.ID, h.Attempt)
	s.seen <- "done " + h.ID
	return map[string]string{"by": name}, nil
}

// play sends the events and waits for what must happen to each.
func (s *stage) play(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoLimit-5*time.Second)
	defer cancel()
	if err := s.ready(ctx, 2, 1); err != nil {
		return err
	}

	s.tell.act("Signed events go to verified consumers; telemetry goes to whoever listens")
	for _, id := range []string{"order-1", "order-2", "order-3"} {
		if err := s.sendAndAwait(ctx, "com.example.order.created", id, "done "+id, "telemetry "+id); err != nil {
			return err
		}
	}
	if err := s.sendAndAwait(ctx, "com.example.reading.temperature", "reading-1", "telemetry reading-1"); err != nil {
		return err
	}

	s.tell.act("A tampered event: one digit changed after it was signed")
	forged := s.event("com.example.order.created", "order-4")
	req, err := s.signed(ctx, "order-4", forged)
	if err != nil {
		return err
	}
	tampered := bytes.Replace(forged, []byte("12.5"), []byte("92.5"), 1)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(tampered)), int64(len(tampered))
	if err := s.show(req, "order-4, tampered"); err != nil {
		return err
	}

	s.tell.act("A replayed event: the very same request a second time")
	if err := s.sendAndAwait(ctx, "com.example.order.created", "order-5", "done order-5", "telemetry order-5"); err != nil {
		return err
	}
	if err := s.send(ctx, "com.example.order.created", "order-5", "order-5, again"); err != nil {
		return err
	}

	s.tell.act("A consumer fails an event for good: it is kept as a dead letter")
	if err := s.sendAndAwait(ctx, "com.example.order.impossible", "order-6", "failed order-6", "telemetry order-6"); err != nil {
		return err
	}

	s.tell.act("A third consumer takes one event and never replies")
	return s.mute(ctx)
}

// mute adds a consumer that never replies, and sends until it holds an event:
// that event must come again elsewhere.
func (s *stage) mute(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pull := zmq.NewPull(zmq.Options{})
	if err := pull.Connect(s.top.Commands[0].Address); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- pull.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if err := s.ready(ctx, 3, 1); err != nil {
		return err
	}
	want := map[string]bool{}
	held := ""
	for n := 7; held == "" && n < 40; n++ {
		id := fmt.Sprintf("order-%d", n)
		want["done "+id], want["telemetry "+id] = true, true
		if err := s.send(ctx, "com.example.order.created", id, id); err != nil {
			return err
		}
		try, stop := context.WithTimeout(ctx, 100*time.Millisecond)
		got, err := pull.Recv(try)
		stop()
		if err == nil {
			h, err := delivery.ParseHeader(got.Frames[delivery.FrameHeader])
			if err != nil {
				return err
			}
			held = h.ID
			s.tell.say("consumer C", "takes %s and says nothing", held)
		}
	}
	return s.await(ctx, want)
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

func (s *stage) summary(ctx context.Context) error {
	for _, c := range s.top.Commands {
		if err := s.settled(ctx, c.Name); err != nil {
			return err
		}
	}
	top, err := s.router.Top(ctx)
	if err != nil {
		return err
	}
	dead, err := s.router.Events(ctx, outbox.Filter{State: outbox.StateFailed})
	if err != nil {
		return err
	}
	c, t := top.Commands[0].Counts, top.Telemetry[0]
	s.tell.act("Summary")
	s.tell.line("accepted %d, duplicates recognised %d, refused %d", top.Intake.Accepted, top.Intake.Duplicate, top.Intake.Refused)
	s.tell.line("commands: %d deliveries, %d done, %d lapsed and delivered again, %d dead, %d pending", c.Sent, c.Done, c.Lapsed, top.Commands[0].Dead, top.Commands[0].Pending)
	for _, e := range dead {
		s.tell.line("dead letter: %s, because %q", e.ID, e.Channels[0].Reason)
	}
	s.tell.line("telemetry: %d published, %d deliveries sent, %d dropped", t.Published, t.Sent, t.Dropped)
	return nil
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

// teller prints what happens, as it happens.
type teller struct {
	mu    sync.Mutex
	to    io.Writer
	start time.Time
	sent  map[string][]byte
}

func newTeller(to io.Writer) *teller {
	return &teller{to: to, start: time.Now(), sent: make(map[string][]byte)}
}

func (t *teller) say(who, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.to, "%6.2fs  %-11s %s\n", time.Since(t.start).Seconds(), who, fmt.Sprintf(format, args...))
}

func (t *teller) act(title string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.to, "\n%s\n", title)
}

func (t *teller) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.to, "  "+format+"\n", args...)
}

// Write takes the router's log lines and tells those worth seeing.
func (t *teller) Write(line []byte) (int, error) {
	var l struct{ Message, Code, Reason, ID, Should_send string }
	if err := json.Unmarshal(line, &l); err == nil {
		switch {
		case l.Message == "refused":
			t.say("router", "refuses: %s (%s)", l.Code, l.Reason)
		case strings.HasPrefix(l.Message, "mute"):
			t.say("router", "%s; it should have sent %s", l.Message, l.Should_send)
		}
	}
	return len(line), nil
}
