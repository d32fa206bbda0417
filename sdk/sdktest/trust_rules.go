package sdktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

const providerType = pluginv1.Kind_TYPE_PROVIDER

// trustRules are about what identity providers publish.
var trustRules = []rule{
	{Rule{"first-snapshot", "A snapshot comes within 10 s of WatchTrust."}, "configure", providerType, tryFirstSnapshot},
	{Rule{"snapshot-times", "A snapshot was fetched before it is stale, is stale before it is unusable, and is usable now."}, "first-snapshot", providerType, trySnapshotTimes},
	{Rule{"snapshot-policy", "Issuers, audiences and algs are the policy's, leeway is at most 120 s and a token's life at most 24 h."}, "first-snapshot", providerType, trySnapshotPolicy},
	{Rule{"snapshot-keys", "Keys are public JSON Web Keys for signatures, each with a kid of its own."}, "first-snapshot", providerType, trySnapshotKeys},
	{Rule{"snapshot-answer", "The next snapshot waits for the answer to the one before."}, "first-snapshot", providerType, trySnapshotAnswer},
	{Rule{"snapshot-refused", "After a refusal the watch goes on, and who watches anew gets a snapshot."}, "first-snapshot", providerType, trySnapshotRefused},
	{Rule{"snapshot-version", "The version never goes back within a process."}, "first-snapshot", providerType, trySnapshotVersion},
	{Rule{"hint", "Hint answers within a second, also for what nobody knows."}, "configure", providerType, tryHint},
	{Rule{"watch-end", "A watch ends when its caller does."}, "first-snapshot", providerType, tryWatchEnd},
}

// eachProvider opens the plugin and tries every provider of it.
func (x *subject) eachProvider(ctx context.Context, try func(*process, *pluginv1.Kind) error) error {
	return x.with(ctx, func(p *process) error {
		for _, k := range x.kinds(providerType) {
			if err := try(p, k); err != nil {
				return fmt.Errorf("provider %s: %w", k.GetName(), err)
			}
		}
		return p.alive()
	})
}

// eachSnapshot tries the first snapshot of every provider.
func (x *subject) eachSnapshot(ctx context.Context, try func(*watch, *pluginv1.WatchTrustResponse, *pluginv1.Kind) error) error {
	return x.eachProvider(ctx, func(p *process, k *pluginv1.Kind) error {
		w := p.watch(ctx, k.GetName())
		defer w.close()
		m, err := w.next(x.limits.snapshot)
		if err != nil {
			return err
		}
		return try(w, m, k)
	})
}

func tryFirstSnapshot(ctx context.Context, x *subject) error {
	return x.eachSnapshot(ctx, func(*watch, *pluginv1.WatchTrustResponse, *pluginv1.Kind) error { return nil })
}

func trySnapshotTimes(ctx context.Context, x *subject) error {
	return x.eachSnapshot(ctx, func(_ *watch, m *pluginv1.WatchTrustResponse, _ *pluginv1.Kind) error {
		return snapshotTimes(m, time.Now())
	})
}

func trySnapshotPolicy(ctx context.Context, x *subject) error {
	return x.eachSnapshot(ctx, func(_ *watch, m *pluginv1.WatchTrustResponse, k *pluginv1.Kind) error {
		return snapshotPolicy(m, x.options.Policy[k.GetName()])
	})
}

func trySnapshotKeys(ctx context.Context, x *subject) error {
	return x.eachSnapshot(ctx, func(_ *watch, m *pluginv1.WatchTrustResponse, _ *pluginv1.Kind) error { return snapshotKeys(m) })
}

func trySnapshotAnswer(ctx context.Context, x *subject) error {
	return x.eachSnapshot(ctx, func(w *watch, _ *pluginv1.WatchTrustResponse, _ *pluginv1.Kind) error {
		switch _, err := w.next(x.limits.quiet); {
		case err == nil:
			return errors.New("a second snapshot came before the first was answered")
		case !errors.Is(err, errQuiet):
			return err
		}
		return nil
	})
}

func trySnapshotRefused(ctx context.Context, x *subject) error {
	err := x.eachSnapshot(ctx, func(w *watch, m *pluginv1.WatchTrustResponse, k *pluginv1.Kind) error {
		w.answer(m.GetVersion(), "refused by the conformance suite")
		if _, err := w.next(x.limits.quiet); err != nil && !errors.Is(err, errQuiet) {
			return fmt.Errorf("after a refused snapshot: %w", err)
		}
		w.close()
		again := w.p.watch(ctx, k.GetName())
		defer again.close()
		if _, err := again.next(x.limits.snapshot); err != nil {
			return fmt.Errorf("watched anew after a refused snapshot: %w", err)
		}
		return nil
	})
	return err
}

// watches are how often a provider is watched anew to see its version grow.
const watches = 4

func trySnapshotVersion(ctx context.Context, x *subject) error {
	return x.eachProvider(ctx, func(p *process, k *pluginv1.Kind) error {
		last := uint64(0)
		for range watches {
			err := p.versions(ctx, k.GetName(), &last)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// versions takes the snapshots of one watch that come without a pause.
func (p *process) versions(ctx context.Context, kind string, last *uint64) error {
	w := p.watch(ctx, kind)
	defer w.close()
	wait := p.limits.snapshot
	for range watches {
		m, err := w.next(wait)
		if errors.Is(err, errQuiet) && wait == p.limits.quiet {
			return nil
		}
		if err != nil {
			return err
		}
		if m.GetVersion() < *last {
			return fmt.Errorf("version %d comes after version %d", m.GetVersion(), *last)
		}
		*last, wait = m.GetVersion(), p.limits.quiet
		w.answer(m.GetVersion(), "")
	}
	return nil
}

func tryHint(ctx context.Context, x *subject) error {
	return x.eachProvider(ctx, func(p *process, k *pluginv1.Kind) error {
		for _, issuer := range slices.Concat(x.options.Policy[k.GetName()].Issuers, []string{"https://unknown.example"}) {
			ctx, cancel := context.WithTimeout(ctx, x.limits.describe)
			defer cancel()
			if _, err := p.providers.Hint(ctx, &pluginv1.HintRequest{Kind: k.GetName(), Issuer: issuer, KeyId: "no-such-key"}); err != nil {
				return fmt.Errorf("rpc Hint: %w", p.why(err))
			}
		}
		return nil
	})
}

func tryWatchEnd(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		for _, k := range x.kinds(providerType) {
			w := p.watch(ctx, k.GetName())
			_, err := w.next(x.limits.snapshot)
			w.close()
			if err != nil {
				return fmt.Errorf("provider %s: %w", k.GetName(), err)
			}
		}
		if err := p.drain(ctx); err != nil {
			return fmt.Errorf("a watch whose caller ended does not end: %w", err)
		}
		return nil
	})
}
