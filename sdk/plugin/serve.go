package plugin

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/server"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// maxDrain is how long SIGTERM waits for calls under way: most callers give a
// process ten seconds before they kill it.
const maxDrain = 8 * time.Second

// Serve serves p to the router that started this process, and exits when the
// router has it end. Without a router it says what this program is and exits: with
// 0 when asked by --help, else with 1. A plugin that no router would take exits
// with 1 and says why.
func Serve(p sdk.Plugin) {
	if err := p.Check(); err != nil {
		fail(err)
	}
	if os.Getenv(wire.CookieKey) != wire.CookieValue {
		introduce(&p)
	}
	handshake, err := guardStdout()
	if err != nil {
		fail(err)
	}
	logToRouter()
	signal.Ignore(os.Interrupt)
	watchParent()
	if err := serve(server.New(p), handshake); err != nil {
		fail(err)
	}
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// serve runs until the router shuts the server down or SIGTERM ends it.
//
// It uses go-plugin's test mode for what that leaves alone. The ordinary mode
// replaces os.Stdout and os.Stderr while goroutines of the plugin may use them,
// swallows what is written there, and only serves with a P-521 certificate, which
// gRPC over BoringSSL refuses. What the mode leaves to us is the cookie, the
// handshake's line and the signals.
func serve(s *server.Server, handshake *os.File) error {
	certificate, err := newCertificate(os.Getenv(wire.CertKey))
	if err != nil {
		return err
	}
	terminated, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	stopped, stop := context.WithCancel(context.Background())
	defer stop()
	g := &listener{}
	g.streams, g.endStreams = context.WithCancel(context.Background())
	defer g.endStreams()

	addresses, closed := make(chan *goplugin.ReattachConfig, 1), make(chan struct{})
	config := &goplugin.ServeConfig{
		VersionedPlugins: map[int]goplugin.PluginSet{wire.Protocol: {"headgate": &services{server: s}}},
		TLSProvider:      certificate.config,
		GRPCServer:       g.newServer,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr, JSONFormat: true}),
		Test:             &goplugin.ServeTestConfig{Context: stopped, ReattachConfigCh: addresses, CloseCh: closed},
	}
	go goplugin.Serve(config)

	select {
	case a := <-addresses:
		_, err := fmt.Fprintf(handshake, "%d|%d|%s|%s|grpc|%s\n", goplugin.CoreProtocolVersion, a.ProtocolVersion, a.Addr.Network(), a.Addr, certificate.field())
		if err != nil {
			return fmt.Errorf("telling the router the address: %w", err)
		}
		handshake.Close() // the router reads the end of what may be said there
	case <-closed:
		return fmt.Errorf("the plugin could not listen; what it logged before says why")
	}
	select {
	case <-terminated.Done():
		ctx, cancel := context.WithTimeout(context.Background(), maxDrain)
		defer cancel()
		if _, err = s.Drain(ctx, &pb.DrainRequest{}); err == nil {
			g.sendAll(ctx)
		}
		stop()
		<-closed
	case <-closed:
	}
	s.Close()
	return err
}

// services is all that go-plugin has to know.
type services struct {
	goplugin.NetRPCUnsupportedPlugin
	server *server.Server
}

var _ goplugin.GRPCPlugin = (*services)(nil)

// GRPCServer registers the plugin's services.
func (s *services) GRPCServer(_ *goplugin.GRPCBroker, g *grpc.Server) error {
	s.server.Register(g)
	return nil
}

// GRPCClient is of the router's side, which needs none of go-plugin's.
func (*services) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("a plugin is no client")
}
