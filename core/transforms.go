package core

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/sdk"
)

// transform is one [[transforms]] at work.
type transform struct {
	*supervisor.Process
	life
	name      string
	redacting func() // to be called when it redacts
}

func newTransform(cfg *config.Config, t *config.Transform, o supervisor.Options) *transform {
	log := o.Log
	o.Name, o.Setting = t.Name, transformSetting(cfg, t)
	return &transform{name: t.Name, Process: supervisor.New(o), redacting: sync.OnceFunc(func() { warnOfOriginals(cfg, t.Name, log) })}
}

func transformSetting(cfg *config.Config, t *config.Transform) supervisor.Setting {
	return supervisor.Setting{Command: pluginCommand(cfg, &t.Plugin), Plugin: t.Plugin.Name, Kind: t.Kind, Timeout: time.Duration(t.Timeout),
		Resolve: func(schema json.RawMessage) (json.RawMessage, error) { return t.Resolve(schema) }}
}

// warnOfOriginals tells where the configuration wants originals beside what a
// transform has redacted, which only came out while the router worked. Dispatch
// leaves them out.
func warnOfOriginals(cfg *config.Config, transform string, log zerolog.Logger) {
	for _, p := range cfg.Redacts(transform) {
		log.Error().Str("plugin", transform).Err(p).Msg("originals are left out, and the next start of the router is refused")
	}
}

// steps are the transforms as dispatch knows them, by name.
func (a *arrangement) steps() map[string]dispatch.Transform {
	out := make(map[string]dispatch.Transform, len(a.plugins.transforms))
	always := make(chan struct{})
	close(always)
	for i, t := range a.plugins.transforms {
		out[t.name] = t
		if a.cfg.Transforms[i].OnUnavailable == "dead_letter" {
			out[t.name] = impatient{t, always}
		}
	}
	return out
}

// Apply is the process's, in the words of dispatch.
func (t *transform) Apply(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, dispatch.Plugin, error) {
	outcomes, by, err := t.Process.Apply(ctx, events)
	if by.Redacts {
		t.redacting()
	}
	return outcomes, dispatch.Plugin(by), err
}

// impatient gives events up while its plugin is away, as on_unavailable =
// "dead_letter" asks.
type impatient struct {
	*transform
	always chan struct{}
}

func (t impatient) Apply(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, dispatch.Plugin, error) {
	outcomes, by, err := t.transform.Apply(ctx, events)
	if err == nil || ctx.Err() != nil {
		return outcomes, by, err
	}
	outcomes = make([]sdk.Outcome, len(events))
	for i := range outcomes {
		outcomes[i] = sdk.Outcome{Verdict: sdk.Fail, Reason: err.Error()}
	}
	return outcomes, by, nil
}

// Available is always so: who does not wait is not shelved.
func (t impatient) Available() <-chan struct{} { return t.always }

// ReplacePlugin puts another setting of a transform in place without a gap. The
// one at work goes on when the new one does not come up; the error says why.
func (c *Core) ReplacePlugin(ctx context.Context, cfg *config.Config, t *config.Transform) error {
	at := named(c.at.Load().plugins.transforms, t.Name)
	if at == nil {
		return fmt.Errorf("no transform %q", t.Name)
	}
	return at.Replace(ctx, transformSetting(cfg, t))
}
