package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/dsse"
)

const (
	// refetchPause is the least time between two fetches of the keys, so that
	// forged key ids cost the key server nothing. It is part of the wire contract.
	refetchPause = 30 * time.Second
	// tellPause is the least time between two log lines about one check, so
	// that whoever can reach a socket cannot fill a disk.
	tellPause = time.Second
	// maxTold bounds what a log line repeats of a delivery that is not trusted.
	maxTold = 256
)

// gate opens deliveries with the routers' keys, and with their producers' where
// that is asked for. It fetches keys again when one is missing, and looks at
// those in files. Except for run it is for one goroutine.
type gate struct {
	verifier *delivery.Verifier
	routers  KeySource                    // nil when their keys are in a file
	asked    bool                         // the producers, too
	ring     atomic.Pointer[dsse.Keyring] // theirs
	files    []*file
	log      *slog.Logger
	tally    *tally
	now      func() time.Time
	pause    time.Duration // between fetches
	glance   time.Duration // between looks at files
	wanted   chan struct{}
	told     map[string]time.Time // by check
}

func newGate(channel string, routers KeySource, producers *Producers, log *slog.Logger) *gate {
	g := &gate{verifier: delivery.NewVerifier(nil, channel), routers: routers, asked: producers != nil, log: log, tally: newTally(), now: time.Now,
		pause: refetchPause, glance: lookPause, wanted: make(chan struct{}, 1), told: make(map[string]time.Time)}
	if path, is := routers.(keyFile); is {
		g.routers = nil
		g.files = append(g.files, path.file(g.verifier.SetKeys))
	}
	switch {
	case !g.asked:
	case producers.path != "":
		g.files = append(g.files, producers.file(g.ring.Store))
	default:
		g.ring.Store(producers.ring)
	}
	return g
}

// begin reads all keys.
func (g *gate) begin(ctx context.Context) error {
	for _, f := range g.files {
		if _, err := f.look(); err != nil {
			return fmt.Errorf("consumer: %w", err)
		}
		g.log.Info("keys read", "file", f.path)
	}
	if g.routers == nil {
		return nil
	}
	return g.fetch(ctx)
}

// fetch asks for the routers' keys. The old ones stay when that fails.
func (g *gate) fetch(ctx context.Context) error {
	keys, err := g.routers.Keys(ctx)
	if err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	g.verifier.SetKeys(keys)
	g.log.Info("router keys read", "keys", len(keys))
	return nil
}

// run fetches the keys when they are wanted and looks at those in files, until
// ctx ends. It calls after each time that there may be others.
func (g *gate) run(ctx context.Context, after func(context.Context)) {
	look := time.NewTicker(g.glance)
	defer look.Stop()
	wanted, rested := g.wanted, (<-chan time.Time)(nil)
	for {
		select {
		case <-ctx.Done():
			return
		case <-wanted:
			if err := g.fetch(ctx); err != nil {
				g.log.Warn("router keys cannot be read: the known ones stay", "error", err)
			}
			after(ctx)
			wanted, rested = nil, time.After(g.pause)
		case <-rested:
			wanted, rested = g.wanted, nil
		case <-look.C:
			if g.look() {
				after(ctx)
			}
		}
	}
}

// look takes the files that have changed. Of one that cannot be used it tells once.
func (g *gate) look() (changed bool) {
	for _, f := range g.files {
		was := f.err
		switch now, err := f.look(); {
		case err != nil && (was == nil || was.Error() != err.Error()):
			g.log.Warn("a changed file of keys cannot be used: what it said before counts", "file", f.path, "error", err)
		case now:
			g.log.Info("changed keys read", "file", f.path)
			changed = true
		}
	}
	return changed
}

// want has the keys fetched. A file is looked at anyway.
func (g *gate) want() {
	if g.routers == nil {
		return
	}
	select {
	case g.wanted <- struct{}{}:
	default: // a fetch is due already; one is enough
	}
}

func (g *gate) open(frames [][]byte) (*delivery.Delivery, error) {
	d, err := g.verifier.Open(frames, g.now())
	if err != nil {
		return nil, err
	}
	if g.asked {
		if err := vouch(&d, g.ring.Load()); err != nil {
			return nil, err
		}
	}
	g.tally.add(func(n *Counts) { n.Opened++ })
	return &d, nil
}

// refuse counts a delivery that is not worked on, and logs it.
func (g *gate) refuse(err error) {
	name := check(err)
	g.tally.add(func(n *Counts) { n.Refused[name]++ })
	now := g.now()
	if last, told := g.told[name]; told && now.Sub(last) < tellPause {
		return
	}
	g.told[name] = now
	why := err.Error()
	g.log.Warn("delivery refused and left unacknowledged", "check", name, "error", why[:min(len(why), maxTold)])
}
