package sdktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// endRules are about how a plugin stops, and what it leaves behind.
var endRules = []rule{
	{Rule{"drain", "Drain answers when no call is under way; calls after it are refused with UNAVAILABLE."}, "configure", 0, tryDrain},
	{Rule{"sigterm", "SIGTERM under load ends it in time with status 0; no call fails but with UNAVAILABLE."}, "configure", 0, trySIGTERM},
	{Rule{"sigint", "SIGINT, which a terminal sends to all, is ignored."}, "configure", 0, trySIGINT},
	{Rule{"shutdown", "go-plugin's Shutdown ends it within 2 s."}, "configure", 0, tryShutdown},
	{Rule{"orphan", "When the router dies, which closes its stdin, it is gone within 2 s."}, "configure", 0, tryOrphan},
	{Rule{"cycles", "Started and stopped over and over, it leaves no process and no file."}, "shutdown", 0, tryCycles},
	{Rule{"router", "A router starts it, opens its kinds, gives it events and stops it."}, "configure", 0, tryRouter},
}

func tryDrain(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		if err := x.work(ctx, p); err != nil {
			return err
		}
		if err := p.drain(ctx); err != nil {
			return err
		}
		return x.each(func(k *pluginv1.Kind) error {
			var err error
			if k.GetType() == transformType {
				_, err = p.transform(ctx, k.GetName(), needed(k, x.samples(1)))
			} else {
				w := p.watch(ctx, k.GetName())
				defer w.close()
				_, err = w.next(x.limits.call)
			}
			if err == nil {
				return errors.New("a call after Drain is answered: want UNAVAILABLE")
			}
			if dead := p.alive(); dead != nil {
				return fmt.Errorf("after Drain, before anybody said to end: %w", dead)
			}
			if status.Code(err) != codes.Unavailable {
				return fmt.Errorf("a call after Drain is refused with %s: want UNAVAILABLE: %w", status.Code(err), err)
			}
			return nil
		})
	})
}

func trySIGTERM(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		if err := x.work(ctx, p); err != nil {
			return err
		}
		for _, k := range x.kinds(providerType) {
			w := p.watch(ctx, k.GetName())
			defer w.close()
			if _, err := w.next(x.limits.snapshot); err != nil {
				return fmt.Errorf("provider %s: %w", k.GetName(), err)
			}
		}
		g, callCtx := errgroup.WithContext(ctx)
		for _, k := range x.kinds(transformType) {
			for range 2 {
				g.Go(func() error { return x.callToTheEnd(callCtx, p, k) })
			}
		}
		// A signal that cannot be sent has found it ended.
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		ended := p.gone(ctx, x.limits.exit)
		if ended != nil {
			p.kill() // so that the calls end
		}
		if err := g.Wait(); err != nil {
			return err
		}
		if ended != nil {
			return fmt.Errorf("after SIGTERM: %w", ended)
		}
		if p.code() != 0 {
			return fmt.Errorf("after SIGTERM it ends badly: %s", p.obituary())
		}
		return nil
	})
}

// callToTheEnd calls a transform until it is refused. It errs unless that is by
// UNAVAILABLE, or by the end of the process.
func (x *subject) callToTheEnd(ctx context.Context, p *process, k *pluginv1.Kind) error {
	for {
		_, err := p.transform(ctx, k.GetName(), needed(k, x.samples(fullBatch)))
		switch {
		case err == nil:
		case p.alive() == nil && status.Code(err) != codes.Unavailable:
			return fmt.Errorf("transform %s, after SIGTERM: want an answer or UNAVAILABLE: %w", k.GetName(), err)
		default:
			return nil
		}
	}
}

func trySIGINT(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
			return fmt.Errorf("SIGINT cannot be sent: %w", err)
		}
		if p.gone(ctx, x.limits.quiet) == nil {
			return fmt.Errorf("after SIGINT: %w", p.alive())
		}
		if _, err := p.describe(ctx); err != nil {
			return fmt.Errorf("after SIGINT: %w", err)
		}
		return nil
	})
}

// shutdownCall is go-plugin's own way to end a plugin. Its request and answer
// have no fields.
const shutdownCall = "/plugin.GRPCController/Shutdown"

func tryShutdown(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		call, cancel := context.WithTimeout(ctx, x.limits.shutdown)
		defer cancel()
		// It may end before it has answered.
		err := p.conn.Invoke(call, shutdownCall, &emptypb.Empty{}, &emptypb.Empty{})
		if status.Code(err) == codes.Unimplemented {
			return fmt.Errorf("%s is not served: every stop takes 2 s and a SIGKILL", shutdownCall)
		}
		if err := p.gone(call, x.limits.shutdown); err != nil {
			return fmt.Errorf("after Shutdown: %w", err)
		}
		return nil
	})
}

// stop ends the process: by Shutdown, and if that does not help by force.
func (p *process) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.limits.shutdown)
	defer cancel()
	_ = p.conn.Invoke(ctx, shutdownCall, &emptypb.Empty{}, &emptypb.Empty{}) // the rule "shutdown" judges it
	if p.gone(ctx, p.limits.shutdown) != nil {
		p.kill()
	}
	<-p.ended
}

func tryOrphan(ctx context.Context, x *subject) error {
	return x.with(ctx, func(p *process) error {
		if err := p.stdin.Close(); err != nil {
			return fmt.Errorf("stdin cannot be closed: %w", err)
		}
		if err := p.gone(ctx, x.limits.orphan); err != nil {
			return fmt.Errorf("after its stdin was closed: %w", err)
		}
		if p.orphans() {
			return errors.New("after its stdin was closed a child of it lives on")
		}
		return nil
	})
}

func tryCycles(ctx context.Context, x *subject) error {
	for i := range x.options.Cycles {
		if err := x.with(ctx, func(p *process) error { return x.cycle(ctx, p) }); err != nil {
			return fmt.Errorf("start and stop %d of %d: %w", i+1, x.options.Cycles, err)
		}
	}
	return nil
}

// cycle works an open plugin, ends it and looks at what it left.
func (x *subject) cycle(ctx context.Context, p *process) error {
	if err := x.work(ctx, p); err != nil {
		return err
	}
	if err := p.drain(ctx); err != nil {
		return err
	}
	p.stop(ctx)
	if p.orphans() {
		return errors.New("a process that it started lives on")
	}
	left, err := os.ReadDir(p.scratch())
	if err != nil {
		return fmt.Errorf("temporary directory: %w", err)
	}
	if len(left) > 0 {
		return fmt.Errorf("it left %s in the temporary directory", quoted(left[0].Name()))
	}
	return nil
}

// tryRouter does all that the other rules do by hand once through package host,
// which starts a sealed copy of the file with exactly a router's environment.
func tryRouter(ctx context.Context, x *subject) (err error) {
	conn, err := host.Start(ctx, x.command, host.Options{Version: "conformance", StartTimeout: x.limits.start, CallTimeout: x.limits.call})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(ctx, x.limits.exit)
		defer cancel()
		if bad := conn.Close(ctx); err == nil && bad != nil {
			err = fmt.Errorf("close: %w", bad)
		}
	}()
	d, err := conn.Describe(ctx)
	if err != nil {
		return fmt.Errorf("rpc Describe: %w", err)
	}
	err = x.each(func(k *pluginv1.Kind) error {
		return conn.Configure(ctx, host.Configuration{Kind: k.GetName(), Config: []byte(x.config(k)), Policy: x.options.Policy[k.GetName()]})
	})
	if err != nil {
		return err
	}
	for _, k := range d.Transforms {
		in, err := wire.FromEvents(x.samples(len(ordinary)))
		if err != nil {
			return err
		}
		if _, err := conn.Transform(k.Name).Transform(ctx, in); err != nil {
			return fmt.Errorf("transform %s: %w", k.Name, err)
		}
	}
	return nil
}
