package jwks

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

var (
	_ sdk.Provider = (*Provider)(nil)
	_ sdk.Hinter   = (*Provider)(nil)
)

// Provider follows the key sets of issuers. It is safe for concurrent use.
type Provider struct {
	issuers []*issuer
	log     *slog.Logger
	turn    chan struct{} // held by the Watch at work
	wanted  chan struct{} // holds something when the router lacks what is known here

	// Of whoever holds turn.
	version uint64    // of the last bundle
	offered time.Time // when that went out
	refused string    // why it was not taken; empty while it was
}

// againAfter is how long after a refusal a bundle goes out again: what was wrong, a
// clock perhaps, may be right by then. So often is it offered for hints, too.
const againAfter = time.Minute

// New makes a provider. Nothing is asked before Watch. Its error is
// sdk.Diagnostics of the whole configuration.
func New(o Options) (*Provider, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.UsableFor == 0 {
		o.UsableFor = DefaultUsableFor
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.random == nil {
		o.random = rand.Float64
	}
	p := &Provider{log: o.Log, turn: make(chan struct{}, 1), wanted: make(chan struct{}, 1)}
	asking := newClient(&o)
	for _, s := range o.Sources {
		p.issuers = append(p.issuers, &issuer{
			source: s, allowPrivate: o.AllowPrivate, usableFor: o.UsableFor, client: asking, random: o.random, log: o.Log,
			hints: make(chan string, 1),
		})
	}
	return p, nil
}

// Watch follows the issuers until ctx ends, whose error it returns, and
// publishes a bundle whenever one of them was fetched. A bundle that is refused
// is logged, and goes out again each minute until one is taken. What an earlier
// Watch fetched is kept, and published at once. A second Watch waits for the
// first to end.
func (p *Provider) Watch(ctx context.Context, publish func(context.Context, sdk.TrustBundle) error) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan struct{}, 1)
	var following sync.WaitGroup
	for _, i := range p.issuers {
		following.Go(func() { i.follow(ctx, changed) })
	}
	defer func() {
		cancel()
		following.Wait()
		<-p.turn
	}()
	changed <- struct{}{}
	again := time.NewTimer(againAfter)
	defer again.Stop()
	for {
		select {
		case <-changed:
		case <-p.wanted:
			if p.refused == "" && time.Since(p.offered) < againAfter {
				continue // the hint met the bundle on its way
			}
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		again.Stop()
		if b, ok := p.bundle(time.Now()); ok {
			p.offer(ctx, b, publish)
		}
		if p.refused != "" {
			again.Reset(againAfter)
		}
	}
}

// offer publishes, and logs what is new about how that ends.
func (p *Provider) offer(ctx context.Context, b sdk.TrustBundle, publish func(context.Context, sdk.TrustBundle) error) {
	err := publish(ctx, b)
	p.offered = time.Now()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		if p.refused != err.Error() {
			p.log.Error("a trust bundle is not taken, and goes out again each minute", "version", b.Version, "error", err)
		}
		p.refused = err.Error()
	case p.refused != "":
		p.log.Info("a trust bundle is taken again", "version", b.Version)
		p.refused = ""
	}
}

// Issuers tells how the tokens of each issuer are checked, without keys and times.
// It asks nobody, and is there before Watch.
func (p *Provider) Issuers() []sdk.IssuerTrust {
	out := make([]sdk.IssuerTrust, len(p.issuers))
	for n, i := range p.issuers {
		out[n] = i.source.Trust
	}
	return out
}

// Hint asks an issuer for its keys, unless it was asked so in the last HintEvery.
// A key that is known already goes out once more: the router seems to lack it. It
// waits for nothing, and an issuer that is not followed is not asked.
func (p *Provider) Hint(_ context.Context, issuer, kid string) {
	for _, i := range p.issuers {
		if i.source.Trust.Issuer != issuer || i.hint(kid) {
			continue
		}
		select {
		case p.wanted <- struct{}{}:
		default: // it is known already
		}
	}
}

// bundle is what is known, unless that is of no use to anybody.
func (p *Provider) bundle(now time.Time) (sdk.TrustBundle, bool) {
	var b sdk.TrustBundle
	for _, i := range p.issuers {
		t, fetched, ok := i.trust()
		if !ok {
			continue
		}
		b.Issuers = append(b.Issuers, t)
		b.FetchedAt = latest(b.FetchedAt, fetched)
		b.FreshUntil = latest(b.FreshUntil, t.FreshUntil)
		b.UsableUntil = latest(b.UsableUntil, t.UsableUntil)
	}
	if !b.UsableUntil.After(now) {
		return b, false
	}
	// The clock goes on when a new configuration brings a new provider into the
	// same process.
	p.version = max(p.version+1, uint64(now.UnixMilli()))
	b.Version = p.version
	return b, true
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
