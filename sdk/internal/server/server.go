// Package server answers a router's calls with an sdk.Plugin. Start with [New]
// and register it with a gRPC server; sdk/plugin does so in a process, and tests
// do without one.
//
// What it promises of the plugin's code: a panic is a permanent error and the
// process lives on; an instance is closed when it was replaced and its last call
// ended; after Drain no call is under way.
package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"google.golang.org/grpc"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Server serves one plugin. Its calls may come from several goroutines at once.
type Server struct {
	pb.UnimplementedPluginServiceServer
	pb.UnimplementedTransformServiceServer
	pb.UnimplementedProviderServiceServer

	plugin     sdk.Plugin
	transforms map[string]*place[sdk.Transform]
	providers  map[string]*place[sdk.Provider]

	mu       sync.Mutex
	draining bool
	under    int           // calls under way
	idle     chan struct{} // closed when draining and none is under way
	stop     context.Context
	stopNow  context.CancelFunc // ends what would go on for ever: the watching of trust
}

// New makes a server of a plugin that passes its Check.
func New(p sdk.Plugin) *Server {
	s := &Server{plugin: p, transforms: make(map[string]*place[sdk.Transform]), providers: make(map[string]*place[sdk.Provider]), idle: make(chan struct{})}
	s.stop, s.stopNow = context.WithCancel(context.Background())
	for _, k := range p.Transforms {
		s.transforms[k.Name] = &place[sdk.Transform]{}
	}
	for _, k := range p.Providers {
		s.providers[k.Name] = &place[sdk.Provider]{}
	}
	return s
}

// Register adds the plugin's services to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	pb.RegisterPluginServiceServer(r, s)
	if len(s.transforms) > 0 {
		pb.RegisterTransformServiceServer(r, s)
	}
	if len(s.providers) > 0 {
		pb.RegisterProviderServiceServer(r, s)
	}
}

// Describe tells what the plugin is.
func (s *Server) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	return wire.ToDescription(&s.plugin), nil
}

// Health says whether the plugin can work.
func (s *Server) Health(context.Context, *pb.HealthRequest) (*pb.HealthResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return &pb.HealthResponse{Reason: "draining"}, nil
	}
	return &pb.HealthResponse{Ready: true}, nil
}

// begin counts a call in, unless the plugin drains; who begins ends.
func (s *Server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return wire.ToStatus(fmt.Errorf("%w: draining", sdk.ErrUnavailable))
	}
	s.under++
	return nil
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under--; s.draining && s.under == 0 {
		close(s.idle)
	}
}

// Drain refuses new calls and returns when none is under way, or ctx ends.
func (s *Server) Drain(ctx context.Context, _ *pb.DrainRequest) (*pb.DrainResponse, error) {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		s.stopNow()
		if s.under == 0 {
			close(s.idle)
		}
	}
	s.mu.Unlock()
	select {
	case <-s.idle:
		return &pb.DrainResponse{}, nil
	case <-ctx.Done():
		return nil, wire.ToStatus(ctx.Err())
	}
}

// Close closes every instance. It is called after Drain, or when nobody calls any
// more.
func (s *Server) Close() {
	s.stopNow()
	for kind, p := range s.transforms {
		s.closed(kind, p.put(nil))
	}
	for kind, p := range s.providers {
		s.closed(kind, p.put(nil))
	}
}

// closed logs what an instance said when it was closed.
func (s *Server) closed(kind string, err error) {
	if err != nil {
		slog.Error("closing failed", "kind", kind, "error", err)
	}
}
