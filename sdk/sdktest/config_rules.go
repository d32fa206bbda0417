package sdktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// configRules are about configurations: what they look like, and how a plugin
// takes or refuses one.
var configRules = []rule{
	{Rule{"schema", "The schema of each kind is JSON Schema 2020-12 of an object, and the defaults in it fit it."}, "describe", 0, trySchema},
	{Rule{"sample", "The configuration that each kind is tested with fits its schema, and the events it is tested with are events."}, "schema", 0, trySample},
	{Rule{"configure", "Each kind takes the configuration it is tested with."}, "sample", 0, tryConfigure},
	{Rule{"unknown-key", "A member the schema does not have is refused, with its JSON Pointer."}, "configure", 0, tryUnknownKey},
	{Rule{"wrong-type", "A member of the wrong type is refused, with its JSON Pointer."}, "configure", 0, tryWrongType},
	{Rule{"missing-key", "The lack of a required member is refused, with its JSON Pointer."}, "configure", 0, tryMissingKey},
	{Rule{"secrets", "A secret shows in no diagnostic and in no log."}, "configure", 0, trySecrets},
	{Rule{"dry-run", "Configure with dry_run finds the same faults and keeps nothing."}, "configure", 0, tryDryRun},
	{Rule{"unconfigured", "A call for a kind that was not configured, or does not exist, is refused by a status that says so."}, "configure", 0, tryUnconfigured},
	{Rule{"kept-config", "After a configuration was refused, the one before goes on."}, "unknown-key", pluginv1.Kind_TYPE_TRANSFORM, tryKeptConfig},
}

func trySchema(_ context.Context, x *subject) error {
	return x.each(func(k *pluginv1.Kind) error {
		s, err := readSchema(k.GetConfigSchema())
		if err != nil {
			return err
		}
		return s.defaultFault()
	})
}

func trySample(_ context.Context, x *subject) error {
	for i, text := range x.options.Events {
		if _, err := sdk.ParseEvent([]byte(text)); err != nil {
			return fmt.Errorf("event %d of those it is tested with: %w", i+1, err)
		}
	}
	for name := range x.options.Config {
		if !slices.ContainsFunc(x.description.GetKinds(), func(k *pluginv1.Kind) bool { return k.GetName() == name }) {
			return fmt.Errorf("a configuration is given for %s, which is no kind of this plugin", quoted(name))
		}
	}
	return x.each(func(k *pluginv1.Kind) error {
		s, err := readSchema(k.GetConfigSchema())
		if err != nil {
			return err
		}
		err = s.takes(x.config(k))
		if err != nil && x.options.Config[k.GetName()] == "" {
			return fmt.Errorf("it does not do with an empty configuration: give it one to be tested with: %w", err)
		}
		return err
	})
}

func tryConfigure(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error { return p.alive() })
}

func tryUnknownKey(ctx context.Context, x *subject) error {
	return x.refuses(ctx, "forbids members that its schema does not have", (*schema).unknown)
}

func tryWrongType(ctx context.Context, x *subject) error {
	return x.refuses(ctx, "has a member whose type its schema says", (*schema).mistyped)
}

func tryMissingKey(ctx context.Context, x *subject) error {
	return x.refuses(ctx, "requires anything", (*schema).incomplete)
}

// refuses tries every faulty configuration that faults derives from the sample.
func (x *subject) refuses(ctx context.Context, none string, faults func(*schema, string) []fault) error {
	tried := 0
	err := x.with(ctx, func(p *process) error {
		return x.each(func(k *pluginv1.Kind) error {
			s, err := readSchema(k.GetConfigSchema())
			if err != nil {
				return err
			}
			for _, f := range faults(s, x.config(k)) {
				tried++
				r := x.configuration(k)
				r.Config = []byte(f.config)
				found, err := p.configure(ctx, r)
				if err != nil {
					return err
				}
				if err := f.missed(found); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil && tried == 0 {
		return inapplicable("no kind " + none)
	}
	return err
}

// missed errs unless one diagnostic says where the fault is. Of a member that
// lacks, the object it should be in will do, if the text names it.
func (f fault) missed(found []*pluginv1.Diagnostic) error {
	if len(found) == 0 {
		return fmt.Errorf("a configuration is taken whose %s is at fault", f.path)
	}
	for _, d := range found {
		if d.GetText() == "" {
			return fmt.Errorf("a diagnostic at %s says nothing", quoted(d.GetPath()))
		}
		if d.GetPath() == f.path || strings.HasPrefix(d.GetPath(), f.path+"/") || d.GetPath() == "" && strings.Contains(d.GetText(), f.member) {
			return nil
		}
	}
	return fmt.Errorf("no diagnostic has the path %s, where the fault is: %s", f.path, quoted(told(found)))
}

func tryDryRun(ctx context.Context, x *subject) error {
	p, err := x.start(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	return x.each(func(k *pluginv1.Kind) error {
		r := x.configuration(k)
		r.DryRun = true
		if err := p.configured(ctx, r); err != nil {
			return err
		}
		if err := p.refusesKind(ctx, k.GetType(), k.GetName()); err != nil {
			return fmt.Errorf("after a dry run alone: %w", err)
		}
		s, err := readSchema(k.GetConfigSchema())
		if err != nil {
			return err
		}
		for _, f := range s.unknown(x.config(k)) {
			r.Config = []byte(f.config)
			found, err := p.configure(ctx, r)
			if err == nil {
				err = f.missed(found)
			}
			if err != nil {
				return fmt.Errorf("in a dry run: %w", err)
			}
		}
		return nil
	})
}

func tryUnconfigured(ctx context.Context, x *subject) error {
	p, err := x.start(ctx)
	if err != nil {
		return err
	}
	defer p.end()
	return x.each(func(k *pluginv1.Kind) error {
		for _, name := range []string{k.GetName(), "no-such-kind"} {
			if err := p.refusesKind(ctx, k.GetType(), name); err != nil {
				return err
			}
		}
		return nil
	})
}

// refusesKind errs unless a call for a kind is refused by a status that says it
// cannot be called.
func (p *process) refusesKind(ctx context.Context, of pluginv1.Kind_Type, name string) error {
	var err error
	if of == pluginv1.Kind_TYPE_TRANSFORM {
		_, err = p.transform(ctx, name, samples(nil, 1))
	} else {
		w := p.watch(ctx, name)
		defer w.close()
		_, err = w.next(p.limits.call)
	}
	switch code := status.Code(err); {
	case err == nil:
		return fmt.Errorf("a call for %s, which is not configured, is answered", name)
	case code != codes.FailedPrecondition && code != codes.NotFound && code != codes.InvalidArgument:
		return fmt.Errorf("a call for %s, which is not configured, is refused with %s: want FAILED_PRECONDITION: %w", name, code, err)
	case status.Convert(err).Message() == "":
		return fmt.Errorf("a call for %s, which is not configured, is refused without a word", name)
	}
	return nil
}

func tryKeptConfig(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		for _, k := range x.kinds(pluginv1.Kind_TYPE_TRANSFORM) {
			s, err := readSchema(k.GetConfigSchema())
			if err != nil {
				return err
			}
			for _, f := range s.unknown(x.config(k)) {
				r := x.configuration(k)
				r.Config = []byte(f.config)
				if _, err := p.configure(ctx, r); err != nil {
					return err
				}
			}
			if _, err := p.transform(ctx, k.GetName(), needed(k, x.samples(1))); err != nil {
				return fmt.Errorf("after a refused configuration %s does not work any more: %w", k.GetName(), err)
			}
		}
		return nil
	})
}

// each tries every kind, and names it in the error.
func (x *subject) each(try func(*pluginv1.Kind) error) error {
	for _, k := range x.description.GetKinds() {
		if err := try(k); err != nil {
			return fmt.Errorf("%s %s: %w", kindWord(k.GetType()), k.GetName(), err)
		}
	}
	return nil
}
