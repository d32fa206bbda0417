package server

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Transform runs a batch through the instance that is open now.
func (s *Server) Transform(ctx context.Context, r *pb.TransformRequest) (*pb.TransformResponse, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.end()
	p := s.transforms[r.GetKind()]
	if p == nil {
		return nil, wire.ToStatus(fmt.Errorf("%w: plugin %s offers no transform %q", wire.ErrNotConfigured, s.plugin.Name, r.GetKind()))
	}
	i := p.take()
	if i == nil {
		return nil, wire.ToStatus(fmt.Errorf("%w: %s", wire.ErrNotConfigured, r.GetKind()))
	}
	defer func() { s.closed(r.GetKind(), p.giveBack(i)) }()

	outcomes, err := transform(ctx, i.it, r.GetEvents())
	if err != nil {
		return nil, wire.ToStatus(err)
	}
	s.logPanics(r, outcomes)
	out, err := wire.ToOutcomes(outcomes, len(r.GetEvents()))
	if err != nil {
		return nil, wire.ToStatus(err)
	}
	return &pb.TransformResponse{Outcomes: out}, nil
}

// transform calls t. When a batch makes it panic its events come again one by
// one, so that only those that do so alone fail.
func transform(ctx context.Context, t sdk.Transform, events []*pb.Event) ([]sdk.Outcome, error) {
	outcomes, panicked, err := try(ctx, t, events)
	if panicked == nil || len(events) == 0 {
		return outcomes, err
	}
	if len(events) == 1 {
		return []sdk.Outcome{*panicked}, nil
	}
	outcomes = make([]sdk.Outcome, 0, len(events))
	for i := range events {
		one, panicked, err := try(ctx, t, events[i:i+1])
		switch {
		case err != nil:
			return nil, err
		case panicked != nil:
			one = []sdk.Outcome{*panicked}
		case len(one) != 1:
			return one, nil // ToOutcomes says what is wrong with it
		}
		outcomes = append(outcomes, one[0])
	}
	return outcomes, nil
}

// try calls t once, with events of its own.
func try(ctx context.Context, t sdk.Transform, events []*pb.Event) (outcomes []sdk.Outcome, panicked *sdk.Outcome, err error) {
	in, err := wire.FromEvents(events)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			o := sdk.Panicked(p)
			panicked = &o
		}
	}()
	outcomes, err = t.Transform(ctx, in)
	return outcomes, nil, err
}

func (s *Server) logPanics(r *pb.TransformRequest, outcomes []sdk.Outcome) {
	for i, o := range outcomes {
		if o.Stack != "" && i < len(r.GetEvents()) {
			slog.Error(o.Reason, "kind", r.GetKind(), "event", r.GetEvents()[i].GetId(), "stack", o.Stack)
		}
	}
}
