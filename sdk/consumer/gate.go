package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
)

const (
	// refetchPause is the least time between two readings of the keys, so that
	// forged key ids cost the key server nothing. It is part of the wire contract.
	refetchPause = 30 * time.Second
	// tellPause is the least time between two log lines about one check, so
	// that whoever can reach a socket cannot fill a disk.
	tellPause = time.Second
	// maxTold bounds what a log line repeats of a delivery that is not trusted.
	maxTold = 256
)

// gate opens deliveries with the routers' keys, and reads the keys again when
// one is missing. Except for run it is for one goroutine.
type gate struct {
	trust    trust
	verifier *delivery.Verifier
	log      *slog.Logger
	tally    *tally
	now      func() time.Time
	pause    time.Duration // between readings
	wanted   chan struct{}
	told     map[string]time.Time // by check
}

func newGate(trust trust, channel string, log *slog.Logger, t *tally) *gate {
	return &gate{trust: trust, verifier: delivery.NewVerifier(nil, channel), log: log, tally: t, now: time.Now,
		pause: refetchPause, wanted: make(chan struct{}, 1), told: make(map[string]time.Time)}
}

// refresh reads the keys. The old ones stay when that fails.
func (g *gate) refresh(ctx context.Context) error {
	keys, err := g.trust.routers.Keys(ctx)
	if err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	g.verifier.SetKeys(keys)
	g.log.Info("router keys read", "keys", len(keys))
	return nil
}

// run reads the keys when they are wanted, and calls after each time, until ctx
// ends.
func (g *gate) run(ctx context.Context, after func(context.Context)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wanted:
		}
		if err := g.refresh(ctx); err != nil {
			g.log.Warn("router keys cannot be read: the known ones stay", "error", err)
		}
		after(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(g.pause):
		}
	}
}

func (g *gate) want() {
	select {
	case g.wanted <- struct{}{}:
	default: // a reading is due already; one is enough
	}
}

func (g *gate) open(frames [][]byte) (*delivery.Delivery, error) {
	d, err := g.verifier.Open(frames, g.now())
	if err != nil {
		return nil, err
	}
	if err := g.trust.vouch(&d); err != nil {
		return nil, err
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
