package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Start runs a plugin and returns when it has said what it is. ctx bounds the
// start only, together with Options.StartTimeout. When it errs nothing is left
// running. The caller closes the Conn, also after the process ended by itself.
func Start(ctx context.Context, command Command, o Options) (*Conn, error) {
	o = o.withDefaults()
	image, err := open(&command)
	if err != nil {
		return nil, err
	}
	defer image.Close()
	if err := SealDescriptors(); err != nil {
		return nil, err
	}
	credentials, certificate, err := newCertificate()
	if err != nil {
		return nil, err
	}
	p := &process{image: image, limits: command.Limits, user: command.User, output: newPrinted(o), ended: make(chan struct{}), exited: make(chan struct{})}
	c := newConn(o)
	c.process = p
	c.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue},
		VersionedPlugins: map[int]goplugin.PluginSet{wire.Protocol: {}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		TLSConfig:        credentials,
		SkipHostEnv:      true,
		StartTimeout:     2 * o.StartTimeout, // ours comes first: go-plugin's ends the start only
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: o.TempDir},
		Logger:           hclog.NewNullLogger(), // what it would say comes back as errors
		GRPCDialOptions:  p.dialOptions(o),
		RunnerFunc: func(_ hclog.Logger, x *exec.Cmd, directory string) (runner.Runner, error) {
			own := []string{wire.CertKey + "=" + string(certificate), wire.LevelKey + "=" + o.Level}
			p.directory, p.env = directory, environment(command.Env, append(own, x.Env...))
			return processRunner{p}, nil
		},
	})
	c.facts = func() Facts {
		return Facts{
			PID: p.pid, Env: shown(p.env, command.Env), Files: image.files(), Boundary: p.boundary, Protocol: wire.Protocol, SHA256: image.sha256,
		}
	}
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// dialOptions bound what is sent and taken, and look who listens. They come after
// go-plugin's own, so they count.
func (p *process) dialOptions(o Options) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(o.MaxBytes), grpc.MaxCallSendMsgSize(o.MaxBytes)),
		grpc.WithChainUnaryInterceptor(findLost),
		grpc.WithChainStreamInterceptor(ownStreams),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, "unix", p.socket)
			if err != nil {
				return nil, err
			}
			if err := checkPeer(c.(*net.UnixConn), p.pid); err != nil {
				c.Close()
				p.impostor.Store(&err)
				return nil, err
			}
			return c, nil
		}),
	}
}

// connect waits for the plugin until it has said what it is. When it errs the
// process is gone.
func (c *Conn) connect(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, c.options.StartTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.dial() }()
	var err error
	select {
	case err = <-done:
	case <-within.Done():
		c.process.kill()
		err = within.Err()
		select {
		case <-done: // go-plugin gives up when the process is gone
		case <-time.After(killGrace):
		}
	}
	if err == nil {
		if c.description, err = c.Describe(within); err == nil {
			return nil
		}
	}
	return c.whyNot(ctx, err)
}

// dial has go-plugin start the process and connect.
func (c *Conn) dial() error {
	address, err := c.client.Start()
	if err != nil {
		return err
	}
	c.process.socket = address.String()
	client, err := c.client.Client()
	if err != nil {
		return err
	}
	c.rpc(client.(*goplugin.GRPCClient).Conn)
	return nil
}

// whyNot ends what was begun and says why.
func (c *Conn) whyNot(ctx context.Context, err error) error {
	p := c.process
	late := ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded)
	c.end(0)
	name := p.image.args[0]
	if p.pid == 0 {
		if errors.Is(err, syscall.ENOEXEC) {
			return fmt.Errorf("%w: %s is no program for this machine: %w", ErrNotPlugin, name, err)
		}
		return err
	}
	if impostor := p.impostor.Load(); impostor != nil {
		return fmt.Errorf("plugin %s: %w", name, *impostor)
	}
	exit := c.Exit()
	itself := !p.killed || exit.Signal != syscall.SIGKILL.String()
	switch {
	case !exit.At.IsZero() && p.fault != nil:
		return fmt.Errorf("plugin %s: %w", name, p.fault)
	case ctx.Err() != nil:
		return fmt.Errorf("starting plugin %s: %w", name, ctx.Err())
	case late:
		return fmt.Errorf("%w: %s did not say in %s what it is%s", ErrSilent, name, c.options.StartTimeout, quoted(exit.Tail))
	case itself && strings.Contains(exit.Tail, refusedCookie):
		return fmt.Errorf("%w: %s is a plugin of another program", ErrNotPlugin, name)
	case itself:
		return fmt.Errorf("%w: %s: %s%s", ErrDied, name, exit, quoted(exit.Tail))
	case p.socket == "":
		return fmt.Errorf("%w: %s closed its stdout before it said where it listens%s", ErrSilent, name, quoted(exit.Tail))
	case isUntrusted(err):
		return fmt.Errorf("%w: %s: %w", ErrCertificate, name, err)
	case errors.Is(err, ErrBreach) || errors.Is(err, ErrTooLarge):
		return fmt.Errorf("%w: %s: %w", ErrNotPlugin, name, err)
	}
	return fmt.Errorf("%w: %s: %w%s", ErrSilent, name, err, quoted(exit.Tail))
}

// refusedCookie begins what go-plugin's Serve says to a program it was not made
// for.
const refusedCookie = "This binary is a plugin."

// isUntrusted tells an error of TLS: gRPC has no better word for it.
func isUntrusted(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "authentication handshake failed") || strings.Contains(err.Error(), "remote error: tls"))
}

// quoted is a tail to end an error with.
func quoted(tail string) string {
	if tail == "" {
		return ""
	}
	return "; it said:\n" + tail
}
