package sdktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// begin counts a call, or refuses it.
func (m *model) begin(kind string) (*modelConfig, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining && m.mode != "drain-deaf" {
		if m.mode == "drain-unknown" {
			return nil, errors.New("no more")
		}
		return nil, status.Error(codes.Unavailable, "draining")
	}
	if _, broken := m.config["broken"]; broken {
		return nil, status.Error(codes.Internal, "half dead")
	}
	c := m.config[kind]
	if c == nil {
		switch m.mode {
		case "unconfigured-ok":
			c = &modelConfig{}
		case "unconfigured-vague":
			return nil, errors.New("oops")
		default:
			return nil, status.Error(codes.FailedPrecondition, kind+" is not configured")
		}
	}
	m.under.Add(1)
	return c, nil
}

func (m *model) Drain(context.Context, *pb.DrainRequest) (*pb.DrainResponse, error) {
	m.drain()
	return &pb.DrainResponse{}, nil
}

func (m *model) drain() {
	m.mu.Lock()
	if !m.draining {
		m.draining = true
		close(m.drained)
	}
	m.mu.Unlock()
	if m.mode != "drain-deaf" {
		m.under.Wait()
	}
	if m.mode == "drain-dies" {
		os.Exit(0)
	}
}

func (m *model) Transform(ctx context.Context, r *pb.TransformRequest) (*pb.TransformResponse, error) {
	c, err := m.begin(r.GetKind())
	if err != nil {
		return nil, err
	}
	defer m.under.Done()
	events := r.GetEvents()
	switch m.mode {
	case "never-ends":
		time.Sleep(20 * time.Millisecond)
		if ctx.Err() != nil {
			time.Sleep(forEver)
		}
	case "strict-fields":
		if len(r.ProtoReflect().GetUnknown()) > 0 {
			return nil, status.Error(codes.InvalidArgument, "a field that is not known")
		}
	case "mixes":
		m.mix(events)
	case "prints":
		fmt.Println("one more batch")
	case "other-log":
		fmt.Fprintln(os.Stderr, `{"msg":"one more batch"}`)
	case "long-line":
		m.log(strings.Repeat("x", 70<<10))
	case "floods":
		for range 3000 {
			m.log(strings.Repeat("x", 200))
		}
		time.Sleep(10 * time.Millisecond)
	case "leaves-child":
		child := exec.Command(os.Args[0])
		child.Env = []string{modelMode + "=sleeper", sleeperDir + "=" + os.Getenv(sleeperDir)}
		child.Start()
	}
	out := make([]*pb.Outcome, len(events))
	for i, e := range events {
		if out[i], err = m.wrap(c, e); err != nil {
			return nil, err
		}
	}
	switch {
	case m.mode == "one-short" && len(out) > 1:
		out = out[1:]
	case m.mode == "shuffles":
		slices.Reverse(out)
	}
	return &pb.TransformResponse{Outcomes: out}, nil
}

// mix gives events the ids of a call that comes at the same time.
func (m *model) mix(events []*pb.Event) {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.GetId()
	}
	m.mu.Lock()
	m.last = ids
	m.mu.Unlock()
	time.Sleep(time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.last) == len(events) {
		for i, e := range events {
			e.Id = m.last[i]
		}
	}
}

// wrap puts JSON data into an object, drops bytes, and leaves all else alone.
func (m *model) wrap(c *modelConfig, e *pb.Event) (*pb.Outcome, error) {
	if m.mode == "dies-deep" && strings.HasPrefix(string(e.GetData()), "[[[[") {
		panic("stack overflow")
	}
	if m.mode == "dies-large" && len(e.GetData()) > 1<<20 {
		os.Exit(137)
	}
	switch {
	case e.Data == nil:
		if m.mode == "says-nothing" {
			return &pb.Outcome{}, nil
		}
		return &pb.Outcome{Is: &pb.Outcome_Unchanged{Unchanged: &pb.Unchanged{}}}, nil
	case e.GetDataContentType() == "application/octet-stream":
		reason := "bytes are of no use"
		if m.mode == "no-reason" {
			reason = ""
		}
		return &pb.Outcome{Is: &pb.Outcome_Drop{Drop: &pb.Drop{Reason: reason}}}, nil
	case !e.GetDataIsJson():
		return &pb.Outcome{Is: &pb.Outcome_Unchanged{Unchanged: &pb.Unchanged{}}}, nil
	case !json.Valid(e.GetData()):
		if m.mode == "fails-batch" {
			return nil, status.Error(codes.Unknown, "no JSON")
		}
		return &pb.Outcome{Is: &pb.Outcome_Failure{Failure: &pb.Failure{Reason: "data is no JSON"}}}, nil
	}
	word, _ := json.Marshal(c.Word)
	e.Data = fmt.Appendf(nil, `{%s:%s}`, word, e.Data)
	switch m.mode {
	case "retypes":
		e.Type += ".wrapped"
	case "breaks-json":
		e.Data = e.Data[1:]
	case "renames":
		e.Id = "my-own-id"
	}
	replace := &pb.Replace{Events: []*pb.Event{e}}
	if m.mode == "two-events" {
		replace.Events = append(replace.Events, e)
	}
	return &pb.Outcome{Is: &pb.Outcome_Replace{Replace: replace}}, nil
}
