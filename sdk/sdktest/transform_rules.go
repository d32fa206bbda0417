package sdktest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

const transformType = pluginv1.Kind_TYPE_TRANSFORM

// transformRules are about what becomes of events.
var transformRules = []rule{
	{Rule{"one-outcome", "Batches of 0, 1, 2 and 256 events have one whole outcome per event."}, "configure", transformType, tryOneOutcome},
	{Rule{"order", "Outcomes come in the order of the events."}, "one-outcome", transformType, tryOrder},
	{Rule{"core", "A replaced event keeps its id, source, type, subject and time, and what it says is JSON is."}, "one-outcome", transformType, tryCore},
	{Rule{"hostile-data", "Whatever is in an event, it has an outcome, and so has its neighbour; the process lives on."}, "one-outcome", transformType, tryHostileData},
	{Rule{"large", "Data of 5 MiB has an outcome, a batch beyond 16 MiB is refused or has its outcomes, and the process lives on."}, "one-outcome", transformType, tryLarge},
	{Rule{"deadline", "A call whose caller gave up ends, and takes nothing from the next."}, "one-outcome", transformType, tryDeadline},
	{Rule{"concurrent", "Sixteen calls at once are answered, each with its own outcomes."}, "one-outcome", transformType, tryConcurrent},
	{Rule{"reconfigure", "No call fails while configurations replace each other."}, "one-outcome", transformType, tryReconfigure},
	{Rule{"later-fields", "A request with fields of a later version is answered."}, "one-outcome", transformType, tryLaterFields},
}

// eachTransform opens the plugin and tries every transform of it.
func (x *subject) eachTransform(ctx context.Context, try func(*process, *pluginv1.Kind) error) error {
	return x.with(ctx, func(p *process) error {
		for _, k := range x.kinds(transformType) {
			if err := try(p, k); err != nil {
				return fmt.Errorf("transform %s: %w", k.GetName(), err)
			}
		}
		return p.alive()
	})
}

// fullBatch is the most events that a router sends at once.
const fullBatch = 256

func tryOneOutcome(ctx context.Context, x *subject) error {
	return x.eachTransform(ctx, func(p *process, k *pluginv1.Kind) error {
		for _, n := range []int{0, 1, 2, fullBatch} {
			if _, err := p.transform(ctx, k.GetName(), needed(k, x.samples(n))); err != nil {
				return err
			}
		}
		return nil
	})
}

func tryOrder(ctx context.Context, x *subject) error { return x.replacing(ctx, orderFault) }

func tryCore(ctx context.Context, x *subject) error { return x.replacing(ctx, coreFault) }

// replacing tries a full batch for a fault of the events that were replaced.
func (x *subject) replacing(ctx context.Context, faultOf func([]*pluginv1.Event, []*pluginv1.Outcome) (int, error)) error {
	replaced := 0
	err := x.eachTransform(ctx, func(p *process, k *pluginv1.Kind) error {
		events := needed(k, x.samples(fullBatch))
		outcomes, err := p.transform(ctx, k.GetName(), events)
		if err != nil {
			return err
		}
		n, err := faultOf(events, outcomes)
		replaced += n
		return err
	})
	if err == nil && replaced == 0 {
		return inapplicable("no event was replaced: give samples that the transform changes")
	}
	return err
}

func tryHostileData(ctx context.Context, x *subject) error {
	return x.eachTransform(ctx, func(p *process, k *pluginv1.Kind) error {
		bad := hostile()
		var all []*pluginv1.Event
		for i, name := range slices.Sorted(maps.Keys(bad)) {
			e := needed(k, []*pluginv1.Event{completed(bad[name], fmt.Sprintf("hostile-%d", i))})
			if _, err := p.transform(ctx, k.GetName(), e); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, e...)
		}
		if _, err := p.transform(ctx, k.GetName(), append(all, needed(k, x.samples(1))...)); err != nil {
			return fmt.Errorf("all of it together: %w", err)
		}
		return nil
	})
}

// Sizes of data: one that is beyond gRPC's own bound of 4 MiB and fits a call
// even when it is made three times as large, and one that fits none.
const (
	largeData = 5 << 20
	hugeData  = 17 << 20
)

func tryLarge(ctx context.Context, x *subject) error {
	tried := false
	err := x.eachTransform(ctx, func(p *process, k *pluginv1.Kind) error {
		if !k.GetNeeds().GetData() {
			return nil
		}
		tried = true
		event := func(n int) []*pluginv1.Event {
			return []*pluginv1.Event{completed(&pluginv1.Event{DataContentType: "application/json", Data: []byte(`"` + strings.Repeat("x", n) + `"`), DataIsJson: true}, "large")}
		}
		if _, err := p.transform(ctx, k.GetName(), event(largeData)); err != nil {
			return fmt.Errorf("data of 5 MiB: %w", err)
		}
		if _, err := p.transform(ctx, k.GetName(), event(hugeData)); err != nil && status.Code(err) != codes.ResourceExhausted {
			return fmt.Errorf("data of 17 MiB, which may be refused with RESOURCE_EXHAUSTED: %w", err)
		}
		if _, err := p.transform(ctx, k.GetName(), needed(k, x.samples(1))); err != nil {
			return fmt.Errorf("after large data: %w", err)
		}
		return nil
	})
	if err == nil && !tried {
		return inapplicable("no transform needs data")
	}
	return err
}

// givenUp calls are given up after 1 ms, 2 ms and so on to 64 ms, over and over:
// some of them while the plugin works on them, however fast it and the machine
// are.
const (
	givenUp     = 35
	givenUpStep = 7
)

func tryDeadline(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		for _, k := range x.kinds(transformType) {
			for i := range givenUp {
				short, cancel := context.WithTimeout(ctx, time.Millisecond<<(i%givenUpStep))
				// Whether it is in time says nothing.
				_, _ = p.transforms.Transform(short, &pluginv1.TransformRequest{Kind: k.GetName(), Events: needed(k, x.samples(fullBatch))})
				cancel()
			}
			if _, err := p.transform(ctx, k.GetName(), needed(k, x.samples(1))); err != nil {
				return fmt.Errorf("transform %s, after %d calls that were given up: %w", k.GetName(), givenUp, err)
			}
		}
		if err := p.drain(ctx); err != nil {
			return fmt.Errorf("a call that was given up never ends: %w", err)
		}
		return nil
	})
}

// Callers at once, and calls of each.
const (
	callers = 16
	calls   = 8
)

func tryConcurrent(ctx context.Context, x *subject) error {
	return x.eachTransform(ctx, func(p *process, k *pluginv1.Kind) error {
		g, ctx := errgroup.WithContext(ctx)
		for c := range callers {
			g.Go(func() error {
				for i := range calls {
					events := needed(k, x.samples(len(ordinary)))
					for _, e := range events {
						e.Id = fmt.Sprintf("%s-%d-%d", e.GetId(), c, i)
					}
					outcomes, err := p.transform(ctx, k.GetName(), events)
					if err != nil {
						return fmt.Errorf("with %d callers at once: %w", callers, err)
					}
					for i, o := range outcomes {
						if e := replaced(o); e != nil && e.GetId() != events[i].GetId() {
							return fmt.Errorf("with %d callers at once, an outcome is of another call: it has the id %s, its event %s", callers, quoted(e.GetId()), quoted(events[i].GetId()))
						}
					}
				}
				return nil
			})
		}
		return g.Wait()
	})
}

// reconfigurations are enough for a gap between two instances to be met.
const reconfigurations = 25

func tryReconfigure(ctx context.Context, x *subject) error {
	return x.eachTransform(ctx, func(p *process, k *pluginv1.Kind) error {
		g, ctx := errgroup.WithContext(ctx)
		done := make(chan struct{})
		for range 2 { // with one caller a plugin could get by with a lock around its calls
			g.Go(func() error {
				for {
					select {
					case <-done:
						return nil
					default:
					}
					if _, err := p.transform(ctx, k.GetName(), needed(k, x.samples(2))); err != nil {
						return fmt.Errorf("a call failed while another configuration came: %w", err)
					}
				}
			})
		}
		g.Go(func() error {
			defer close(done)
			for range reconfigurations {
				if err := p.configured(ctx, x.configuration(k)); err != nil {
					return err
				}
			}
			return nil
		})
		return g.Wait()
	})
}

// laterField is a number that no field of version 1 has.
const laterField = 15_000

func tryLaterFields(ctx context.Context, x *subject) error {
	return x.eachTransform(ctx, func(p *process, k *pluginv1.Kind) error {
		later := protowire.AppendString(protowire.AppendTag(nil, laterField, protowire.BytesType), "later")
		events := needed(k, x.samples(2))
		for _, e := range events {
			e.ProtoReflect().SetUnknown(later)
		}
		r := &pluginv1.TransformRequest{Kind: k.GetName(), Events: events}
		r.ProtoReflect().SetUnknown(later)
		ctx, cancel := context.WithTimeout(ctx, x.limits.call)
		defer cancel()
		answer, err := p.transforms.Transform(ctx, r)
		if err != nil {
			return fmt.Errorf("a request with a field of a later version: %w", p.why(err))
		}
		return outcomeFault(len(events), answer.GetOutcomes())
	})
}

// drain errs unless the plugin says in time that no call is under way.
func (p *process) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.limits.call)
	defer cancel()
	if _, err := p.plugin.Drain(ctx, &pluginv1.DrainRequest{}); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("rpc Drain has no answer within %s", p.limits.call)
		}
		return fmt.Errorf("rpc Drain: %w", p.why(err))
	}
	return nil
}
