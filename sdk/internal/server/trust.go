package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"google.golang.org/grpc"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// WatchTrust publishes what the open provider publishes, one snapshot at a time,
// until the router leaves, the provider is replaced or the plugin drains.
func (s *Server) WatchTrust(stream grpc.BidiStreamingServer[pb.WatchTrustRequest, pb.WatchTrustResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	i, p, err := s.provider(first.GetKind())
	if err != nil {
		return err
	}
	defer s.end()
	defer func() { s.closed(first.GetKind(), p.giveBack(i)) }()

	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(i.ctx, cancel)()
	defer context.AfterFunc(s.stop, cancel)()

	out := &publisher{stream: stream, answers: make(chan *pb.WatchTrustRequest), watch: ctx}
	go out.receive()
	err = watch(ctx, i.it, out.publish)
	switch {
	case stream.Context().Err() != nil:
		return stream.Context().Err()
	case ctx.Err() != nil:
		return nil // replaced or drained: the stream just ends
	case err == nil:
		err = errors.New("the provider stopped watching")
	}
	return wire.ToStatus(err)
}

// provider takes the open provider of a kind and counts a call.
func (s *Server) provider(kind string) (*instance[sdk.Provider], *place[sdk.Provider], error) {
	if err := s.begin(); err != nil {
		return nil, nil, err
	}
	p := s.providers[kind]
	if p != nil {
		if i := p.take(); i != nil {
			return i, p, nil
		}
	}
	s.end()
	return nil, nil, wire.ToStatus(fmt.Errorf("%w: %q", wire.ErrNotConfigured, kind))
}

// watch guards a Watch.
func watch(ctx context.Context, v sdk.Provider, publish func(context.Context, sdk.TrustBundle) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			o := sdk.Panicked(p)
			slog.Error(o.Reason, "stack", o.Stack)
			err = errors.New(o.Reason)
		}
	}()
	return v.Watch(ctx, publish)
}

// Hint passes a key id on to a provider that wants to hear of it.
func (s *Server) Hint(ctx context.Context, r *pb.HintRequest) (_ *pb.HintResponse, err error) {
	i, p, err := s.provider(r.GetKind())
	if err != nil {
		return nil, err
	}
	defer s.end()
	defer func() { s.closed(r.GetKind(), p.giveBack(i)) }()
	if h, ok := i.it.(sdk.Hinter); ok {
		defer func() {
			if p := recover(); p != nil {
				o := sdk.Panicked(p)
				slog.Error(o.Reason, "kind", r.GetKind(), "stack", o.Stack)
				err = wire.ToStatus(errors.New(o.Reason))
			}
		}()
		h.Hint(ctx, r.GetIssuer(), r.GetKeyId())
	}
	return &pb.HintResponse{}, nil
}
