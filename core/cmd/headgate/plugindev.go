package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/headgate-io/headgate/core"
	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// devConfig is a router with one way through it, on free ports.
const devConfig = `
[data]
dir = "data"
[limits]
drain = "1s"
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
max_attempts = 1
[[transforms]]
name = "dev"
plugin = "jq"
config = { filter = "." }
timeout = "5s"
[[routes]]
name = "all"
type = ["**"]
transforms = ["dev"]
channels = ["commands"]
`

const (
	// devLook is how often the source is looked at.
	devLook = 300 * time.Millisecond
	// devWait is how long an event may be on its way.
	devWait = 20 * time.Second
)

func (a *app) pluginDevCommand() *cobra.Command {
	var f targetFlags
	var event string
	var once bool
	cmd := &cobra.Command{
		Use:   "dev PATH",
		Short: "Route an event through a plugin, and again whenever its source changes",
		Long: `dev builds a plugin, starts a router of its own on this machine with a route through
it, sends an event and shows what arrives. When a file changes it builds anew, puts
the new version in place of the old one without a gap, and sends the event again;
one that does not build or does not start changes nothing.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.plugins(false),
		RunE: do(func(cmd *cobra.Command, args []string) error {
			e, err := a.readEvent(event)
			if err != nil {
				return err
			}
			t, err := newTarget(args[0], &f)
			if err != nil {
				return err
			}
			defer t.close()
			return a.dev(cmd.Context(), t, &f, e, once)
		}),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&event, "event", "", "the event to send, in `FILE`; a sample when empty")
	cmd.Flags().BoolVar(&once, "once", false, "send once and end")
	return cmd
}

// workbench is a router for one plugin under development.
type workbench struct {
	*app
	dir      string
	target   *target
	flags    *targetFlags
	event    sdk.Event
	router   *core.Core
	producer *producer
	seen     time.Time // the newest file of what runs
	arrived  sync.Map  // of an event's id, as a consumer got it
	sent     int
	failed   bool // the last event
}

func (a *app) dev(ctx context.Context, t *target, f *targetFlags, e sdk.Event, once bool) error {
	dir, err := os.MkdirTemp("", "headgate-dev-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := newKey(filepath.Join(dir, "keys"), config.Key{ID: "dev", Principal: "dev", State: "active", Sources: []string{"**"}, Types: []string{"**"}}); err != nil {
		return err
	}
	w := &workbench{app: a, dir: dir, target: t, flags: f, event: e, seen: t.changed()}
	cfg, err := w.config(ctx)
	if err != nil {
		return err
	}
	log := zerolog.New(pluginLog{console(a.err)}).
		Level(zerolog.InfoLevel).With().Timestamp().Logger()
	if w.router, err = core.New(ctx, cfg, core.Options{Version: version, Dev: true, Log: log}); err != nil {
		return err
	}
	top, err := w.router.Top(ctx)
	if err != nil {
		return err
	}
	w.producer = &producer{to: top.Doors[0].Address, client: &http.Client{Timeout: devWait + time.Second}}
	if err := w.producer.useConfigKey(cfg); err != nil {
		return err
	}
	take, err := w.consumer(&top)
	if err != nil {
		return err
	}
	g, working := errgroup.WithContext(ctx)
	running, end := context.WithCancel(context.WithoutCancel(working))
	g.Go(func() error { return w.router.Run(running) })
	g.Go(func() error { return take(running) })
	g.Go(func() error { defer end(); return w.watch(working, once) })
	return g.Wait()
}

// config builds the plugin and gives the router's configuration with it.
func (w *workbench) config(ctx context.Context) (*config.Config, error) {
	command, err := w.target.command(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse([]byte(devConfig), "dev.toml", w.dir, config.Options{Env: os.Environ(), Plugins: bundledNames()})
	if err != nil {
		return nil, err
	}
	text, err := w.flags.configJSON()
	if err != nil {
		return nil, err
	}
	t := &cfg.Transforms[0]
	t.Kind, t.Config = w.flags.kind, nil
	if err := json.Unmarshal([]byte(text), &t.Config); err != nil {
		return nil, fmt.Errorf("--config-json: want a JSON object: %w", err)
	}
	if command.Self != nil {
		t.Plugin.Name = w.target.what
		return cfg, nil
	}
	t.Plugin.Name, t.Path, t.Command = "", command.Path, command.Interpreter
	t.SHA256, err = sha256File(command.Path)
	return cfg, err
}

// consumer takes what arrives.
func (w *workbench) consumer(top *admin.Top) (func(context.Context) error, error) {
	var keys delivery.Keys
	if err := json.Unmarshal(top.Keys, &keys); err != nil {
		return nil, err
	}
	c, err := consumer.New(consumer.Options{Connect: []string{top.Commands[0].Address}, Channel: "commands", Keys: consumer.Pinned(keys)})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		return c.Run(ctx, func(_ context.Context, d *delivery.Delivery) (any, error) {
			w.arrived.Store(d.Event.ID, string(d.Event.Raw))
			return nil, nil
		})
	}, nil
}

// watch sends the event, and again after each change.
func (w *workbench) watch(ctx context.Context, once bool) error {
	fmt.Fprintf(w.err, "router at %s; transform %s\n", w.producer.to, w.target.what)
	w.printf("  in: %s\n", printable(string(w.event.Raw)))
	err := w.send(ctx)
	if once && err == nil && w.failed {
		return errSaid
	}
	if once || err != nil {
		return err
	}
	fmt.Fprintf(w.err, "watching %s; Ctrl-C ends\n", w.target.what)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(devLook):
		}
		now := w.target.changed()
		if !now.After(w.seen) {
			continue
		}
		w.seen = now
		if err := w.swap(ctx); err != nil {
			fmt.Fprintf(w.err, "the old version goes on: %v\n", err)
			continue
		}
		if err := w.send(ctx); err != nil {
			return err
		}
	}
}

// swap puts the plugin as it is now in place.
func (w *workbench) swap(ctx context.Context) error {
	began := time.Now()
	cfg, err := w.config(ctx)
	if err != nil {
		return err
	}
	if err := w.router.ReplacePlugin(ctx, cfg, &cfg.Transforms[0]); err != nil {
		return err
	}
	fmt.Fprintf(w.err, "swapped after %s\n", time.Since(began).Round(time.Millisecond))
	return nil
}

// send has the event go all the way, and shows what became of it. It does not
// wait for what attend gives up.
func (w *workbench) send(ctx context.Context) error {
	w.sent++
	key := outbox.Key{Source: w.event.Source, ID: fmt.Sprintf("dev-%d", w.sent)}
	waiting, giveUp := context.WithCancelCause(ctx)
	attended := make(chan struct{})
	go func() {
		defer close(attended)
		w.attend(waiting, giveUp)
	}()
	err := w.try(waiting, key.ID)
	why := context.Cause(waiting)
	giveUp(nil)
	<-attended
	switch {
	case err == nil || ctx.Err() != nil: // interrupted
		return nil
	case why == nil:
		return err
	}
	w.failed = true
	w.printf(" out: nothing: %v\n", why)
	// It errs when the event has ended meanwhile.
	_, _ = w.router.Act(ctx, admin.Act{Verb: admin.Cancel, Events: []admin.Pick{{Key: key}}, Why: "given up"})
	return nil
}

// attend gives an event up while it is under way, with the reason: when the
// plugin misses its deadline or dies, or is changed.
func (w *workbench) attend(ctx context.Context, giveUp context.CancelCauseFunc) {
	misses, failures := -1, -1
	for {
		top, err := w.router.Top(ctx)
		if err != nil {
			giveUp(err)
			return
		}
		p := &top.Plugins[0]
		if misses < 0 {
			misses, failures = p.Misses, p.Failures
		}
		switch {
		case p.Misses > misses:
			giveUp(errors.New(p.LastError))
			return
		case p.Failures > failures && p.LastCrash != nil:
			giveUp(fmt.Errorf("the plugin died: %s", p.LastCrash.Reason))
			return
		case w.target.changed().After(w.seen):
			giveUp(errors.New("it was changed before it had answered"))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(devLook):
		}
	}
}

// try sends the event.
func (w *workbench) try(ctx context.Context, id string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(w.event.Raw, &members); err != nil {
		return err
	}
	members["id"] = json.RawMessage(`"` + id + `"`)
	body, err := json.Marshal(members)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.producer.to+"/v1/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("Prefer", fmt.Sprintf("wait=%d", int(devWait/time.Second)))
	w.producer.sign(req, id, body)
	began := time.Now()
	resp, err := w.producer.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var doc struct {
		State    string
		Detail   string
		Channels map[string]struct{ Reason string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		return err
	}
	took := time.Since(began).Round(time.Millisecond)
	switch doc.State {
	case "done":
		text, _ := w.arrived.Load(id)
		w.printf(" out: %s  (%s)\n", printable(text.(string)), took)
	case "":
		w.printf(" out: nothing within %s; the router says %s %s\n", devWait, resp.Status, printable(doc.Detail))
	default:
		w.printf(" out: %s: %s\n", doc.State, printableLines(doc.Channels["commands"].Reason))
	}
	w.failed = doc.State != "done" && doc.State != "dropped"
	return nil
}

// pluginLog shows what the plugin logs, and what the router warns of, but not
// what the plugin says when the same event is run again, alone.
type pluginLog struct{ to io.Writer }

// Write implements io.Writer. A line is one JSON object.
func (l pluginLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(`"alone":true`)) || bytes.Contains(line, []byte(`"level":"info"`)) && !bytes.Contains(line, []byte(`"part":"plugin"`)) {
		return len(line), nil
	}
	return l.to.Write(line)
}
