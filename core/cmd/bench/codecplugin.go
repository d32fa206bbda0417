package main

import (
	"context"
	"fmt"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// codecsArg is the second argument of this program as the plugin that speaks all
// codecs.
const codecsArg = "codecs"

// codecPlugin serves every codec: one that is no headgate plugin, but connected
// to as those are, over a Unix socket with certificates of both sides.
type codecPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
}

var _ goplugin.GRPCPlugin = codecPlugin{}

// GRPCServer implements goplugin.GRPCPlugin.
func (codecPlugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	encoding.RegisterCodecV2(byHandCodec{}) // nothing is served so far
	service := &grpc.ServiceDesc{ServiceName: codecsService}
	for _, c := range theCodecs() {
		service.Methods = append(service.Methods, c.method())
	}
	s.RegisterService(service, nil)
	return nil
}

// GRPCClient implements goplugin.GRPCPlugin. It gives the connection.
func (codecPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, cc *grpc.ClientConn) (any, error) {
	return cc, nil
}

func codecHandshake() goplugin.HandshakeConfig {
	return goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "HEADGATE_BENCH", MagicCookieValue: codecsService}
}

func codecPlugins() goplugin.PluginSet { return goplugin.PluginSet{codecsArg: codecPlugin{}} }

// serveCodecs is the plugin until its host ends it.
func serveCodecs() {
	goplugin.Serve(&goplugin.ServeConfig{HandshakeConfig: codecHandshake(), Plugins: codecPlugins(), GRPCServer: goplugin.DefaultGRPCServer, Logger: hclog.NewNullLogger()})
}

// startCodecs starts the plugin. The caller ends it with stop, also after an
// error.
func (b *bench) startCodecs(ctx context.Context) (cc *grpc.ClientConn, pid int, stop func(), err error) {
	child := exec.CommandContext(ctx, b.self, pluginArg, codecsArg)
	client := goplugin.NewClient(&goplugin.ClientConfig{HandshakeConfig: codecHandshake(), Plugins: codecPlugins(), Cmd: child,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, AutoMTLS: true, Logger: hclog.NewNullLogger()})
	protocol, err := client.Client()
	if err != nil {
		return nil, 0, client.Kill, fmt.Errorf("codecs: %w", err)
	}
	far, err := protocol.Dispense(codecsArg)
	if err != nil {
		return nil, 0, client.Kill, fmt.Errorf("codecs: %w", err)
	}
	return far.(*grpc.ClientConn), child.Process.Pid, client.Kill, nil
}
