package plugin

import (
	"context"

	"google.golang.org/grpc"

	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// listener is the gRPC server that go-plugin asks us for. Its streams can be
// ended: go-plugin's own last as long as the router wants, and a server stops in
// good order only without any.
type listener struct {
	server     *grpc.Server
	streams    context.Context
	endStreams context.CancelFunc
}

// newServer bounds what is taken and given.
func (l *listener) newServer(options []grpc.ServerOption) *grpc.Server {
	l.server = grpc.NewServer(append(options,
		grpc.MaxRecvMsgSize(wire.MaxBytes), grpc.MaxSendMsgSize(wire.MaxBytes), grpc.ChainStreamInterceptor(l.stream))...)
	return l.server
}

// stream serves a stream until the router or endStreams ends it. What serves it
// ends with the stream's context, and so just after.
func (l *listener) stream(server any, s grpc.ServerStream, _ *grpc.StreamServerInfo, serve grpc.StreamHandler) error {
	done := make(chan error, 1)
	go func() { done <- serve(server, s) }()
	select {
	case err := <-done:
		return err
	case <-l.streams.Done():
		return nil
	}
}

// sendAll stops the server when all answers are on their way, or when ctx ends.
func (l *listener) sendAll(ctx context.Context) {
	l.endStreams()
	defer context.AfterFunc(ctx, l.server.Stop)()
	l.server.GracefulStop()
}
