package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Configure opens a kind and puts it in the place of the one before.
func (s *Server) Configure(ctx context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.end()
	err := s.configure(ctx, r)
	if faults, ok := errors.AsType[sdk.Diagnostics](err); ok && len(faults) > 0 {
		return &pb.ConfigureResponse{Diagnostics: wire.ToDiagnostics(faults)}, nil
	}
	return &pb.ConfigureResponse{}, wire.ToStatus(err)
}

func (s *Server) configure(ctx context.Context, r *pb.ConfigureRequest) error {
	for _, k := range s.plugin.Transforms {
		if k.Name == r.GetKind() {
			return install(s, k.Name, s.transforms[k.Name], r.GetDryRun(), func() (sdk.Transform, error) { return k.Open(ctx, r.GetConfig()) })
		}
	}
	for _, k := range s.plugin.Providers {
		if k.Name == r.GetKind() {
			return install(s, k.Name, s.providers[k.Name], r.GetDryRun(), func() (sdk.Provider, error) {
				return k.Open(ctx, wire.FromPolicy(r.GetPolicy()), r.GetConfig())
			})
		}
	}
	return sdk.Diagnostics{{Text: fmt.Sprintf("plugin %s offers no kind %q", s.plugin.Name, r.GetKind())}}
}

// install opens an instance and puts it in its place, or closes it at once.
func install[T any](s *Server, kind string, p *place[T], dryRun bool, open func() (T, error)) error {
	it, err := opened(kind, open)
	if err != nil {
		return err
	}
	i := newInstance(it)
	if dryRun {
		s.closed(kind, i.close())
		return nil
	}
	s.closed(kind, p.put(i))
	return nil
}

// opened guards an Open. A panic is a fault of the configuration, so that nobody
// tries it again and again; its stack goes to the log.
func opened[T any](kind string, open func() (T, error)) (it T, err error) {
	defer func() {
		if p := recover(); p != nil {
			o := sdk.Panicked(p)
			slog.Error(o.Reason, "kind", kind, "stack", o.Stack)
			err = sdk.Diagnostics{{Text: fmt.Sprintf("opening %s: %s", kind, o.Reason)}}
		}
	}()
	it, err = open()
	if err == nil && any(it) == nil {
		err = fmt.Errorf("opening %s gave neither an instance nor an error", kind)
	}
	return it, err
}
