package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Bounds of an end.
const (
	drainTimeout = 5 * time.Second // for calls under way, when Close's ctx says nothing
	stopGrace    = 2 * time.Second // for a drained plugin to close its instances and exit
	killGrace    = 5 * time.Second // for the kernel to end what was killed
	exitLag      = 2 * time.Second // between the end of a connection and that of its process, on a busy machine
)

// Conn is one plugin process and the way to it. Its methods may be called by
// several goroutines at once, and every one of them returns in bounded time, even
// when the process is stopped.
type Conn struct {
	options     Options
	process     *process         // nil when attached
	client      *goplugin.Client // of process
	plugin      pb.PluginServiceClient
	transforms  pb.TransformServiceClient
	providers   pb.ProviderServiceClient
	description Description
	facts       func() Facts
	exited      chan struct{} // never closed when attached

	calls   calls
	closing sync.Once
	closed  error
}

func newConn(o Options) *Conn {
	return &Conn{options: o, exited: make(chan struct{}), facts: func() Facts { return Facts{Protocol: wire.Protocol} }}
}

// Attach speaks to a plugin that somebody else runs, over a connection of his:
// for tests and for development. Close drains it and ends nothing.
func Attach(ctx context.Context, cc *grpc.ClientConn, o Options) (*Conn, error) {
	c := newConn(o.withDefaults())
	c.rpc(cc)
	var err error
	c.description, err = c.Describe(ctx)
	return c, err
}

func (c *Conn) rpc(cc *grpc.ClientConn) {
	c.plugin, c.transforms, c.providers = pb.NewPluginServiceClient(cc), pb.NewTransformServiceClient(cc), pb.NewProviderServiceClient(cc)
}

// Describe asks what the plugin is.
func (c *Conn) Describe(ctx context.Context) (Description, error) {
	var d Description
	err := c.call(ctx, func(ctx context.Context) error {
		r, err := c.plugin.Describe(ctx, &pb.DescribeRequest{HostVersion: c.options.Version})
		if err != nil {
			return err
		}
		d, err = newDescription(r)
		return err
	})
	return d, err
}

// Configure opens one kind, or replaces it at once when it is open: calls under
// way end with the instance they began with. It errs with sdk.Diagnostics for a
// fault of the configuration, and the one before stays.
func (c *Conn) Configure(ctx context.Context, x Configuration) error {
	return c.call(ctx, func(ctx context.Context) error {
		r, err := c.plugin.Configure(ctx, &pb.ConfigureRequest{Kind: x.Kind, Config: x.Config, DryRun: x.DryRun, Policy: wire.ToPolicy(x.Policy)})
		if err != nil {
			return err
		}
		return wire.FromDiagnostics(r.GetDiagnostics())
	})
}

// Health errs when the plugin does not answer, or says that it cannot work
// (sdk.ErrUnavailable, with its reason).
func (c *Conn) Health(ctx context.Context) error {
	return c.call(ctx, func(ctx context.Context) error {
		r, err := c.plugin.Health(ctx, &pb.HealthRequest{})
		if err == nil && !r.GetReady() {
			err = fmt.Errorf("%w: %s", sdk.ErrUnavailable, wire.Text(r.GetReason()))
		}
		return err
	})
}

// Drain has the plugin refuse new calls and returns when none is under way.
func (c *Conn) Drain(ctx context.Context) error {
	return c.call(ctx, func(ctx context.Context) error {
		_, err := c.plugin.Drain(ctx, &pb.DrainRequest{})
		return err
	})
}

// call makes one call with a deadline of its own.
func (c *Conn) call(ctx context.Context, f func(context.Context) error) error {
	c.calls.begin()
	defer c.calls.end()
	ctx, cancel := context.WithTimeout(ctx, c.options.CallTimeout)
	defer cancel()
	if err := f(ctx); err != nil {
		return c.explain(err)
	}
	return nil
}

// explain gives an error of a call its name. A lost connection is the end of the
// process, nearly always, and then that is the name: also when the caller's time
// is up meanwhile, or somebody holds the output of the ended process.
func (c *Conn) explain(err error) error {
	if _, is := errors.AsType[*lost](err); !is || c.process == nil {
		return wire.FromStatus(err)
	}
	select {
	case <-c.process.ended:
		<-c.process.exited // outputGrace later at most
		return fmt.Errorf("%w: %s (%w)", ErrEnded, c.Exit(), sdk.ErrUnavailable)
	case <-time.After(exitLag):
		return wire.FromStatus(err)
	}
}

// Exited is closed when the process has ended and Exit is known.
func (c *Conn) Exited() <-chan struct{} {
	if c.process == nil {
		return c.exited
	}
	return c.process.exited
}

// Exit tells how the process ended, or nothing before Exited is closed.
func (c *Conn) Exit() Exit {
	select {
	case <-c.Exited():
		return c.process.exit
	default:
		return Exit{}
	}
}

// Facts are what is known from outside.
func (c *Conn) Facts() Facts { return c.facts() }

// Close drains until ctx ends, then ends the process and all of its group,
// reaps it and removes its socket directory. Without a deadline in ctx the drain
// takes 5 s at most. It errs when calls under way were cut off. A second Close
// waits for the first.
func (c *Conn) Close(ctx context.Context) error {
	c.closing.Do(func() {
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, drainTimeout)
			defer cancel()
		}
		err := c.Drain(ctx)
		if errors.Is(err, ErrEnded) {
			err = nil
		}
		if c.process == nil {
			c.closed = err
			return
		}
		c.calls.wait(ctx)
		grace := stopGrace
		if err != nil {
			grace = 0
			err = fmt.Errorf("draining plugin %s: %w", c.description.Name, err)
		}
		c.closed = errors.Join(err, c.end(grace))
	})
	return c.closed
}

// end has go-plugin shut the process down, and kills its group when that takes
// longer than grace. go-plugin's own patience has no bound for a process that is
// stopped.
func (c *Conn) end(grace time.Duration) error {
	if grace == 0 {
		c.process.kill()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.client.Kill()
	}()
	select {
	case <-done:
		return nil
	case <-time.After(grace):
	}
	c.process.kill()
	select {
	case <-done:
		return nil
	case <-time.After(killGrace):
		return fmt.Errorf("process %d was killed and does not end: it waits for the kernel", c.process.pid)
	}
}
