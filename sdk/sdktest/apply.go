package sdktest

import (
	"context"
	"encoding/json"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/internal/server"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Apply gives one event to the only transform of p, opened with config, over the
// real wire and within the test, where a debugger sees it:
//
//	got := sdktest.Apply(t, mask.Plugin(), `{"fields": ["/data/pan"]}`, sdktest.Event(`{"pan": "4111"}`))
//
// event is a structured CloudEvent. Of an event that goes on, changed or not, the
// outcome has the Event as it goes on. A fault of the configuration or of the
// event ends the test.
func Apply(t testing.TB, p sdk.Plugin, config, event string) sdk.Outcome {
	t.Helper()
	if len(p.Transforms) != 1 {
		t.Fatalf("plugin %s offers %d transforms: name the one by Open", p.Name, len(p.Transforms))
	}
	e, err := sdk.ParseEvent([]byte(event))
	if err != nil {
		t.Fatalf("event: %v", err)
	}
	outcomes, err := Open(t, p, p.Transforms[0].Name, config).Transform(t.Context(), []sdk.Input{{Event: &e}})
	if err != nil {
		t.Fatalf("transform %s: %v", p.Transforms[0].Name, err)
	}
	if outcomes[0].Verdict == sdk.Unchanged {
		outcomes[0].Event = &e
	}
	return outcomes[0]
}

// Event is the text of a whole event with this JSON data, for Apply.
func Event(data string) string {
	return `{"specversion":"1.0","id":"sdktest-1","source":"/sdktest","type":"sdktest.event.v1","datacontenttype":"application/json","data":` + data + `}`
}

// harnessTime bounds the closing of the harness.
const harnessTime = 5 * time.Second

// Open opens one kind of transform of p, over the real wire and within the test.
// It is closed when the test ends.
func Open(t testing.TB, p sdk.Plugin, kind, config string) sdk.Transform {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	served := server.New(p)
	s := grpc.NewServer(grpc.MaxRecvMsgSize(wire.MaxBytes), grpc.MaxSendMsgSize(wire.MaxBytes))
	served.Register(s)
	const buffered = 64 << 10 // bytes on their way; more only wait
	listener := bufconn.Listen(buffered)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = s.Serve(listener) // its end is what Stop asks for
	}()
	t.Cleanup(func() {
		s.Stop()
		<-over
		served.Close()
	})
	cc, err := grpc.NewClient("passthrough:///plugin", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = cc.Close() }) // there is nobody left to tell
	conn, err := host.Attach(t.Context(), cc, host.Options{Version: "sdktest"})
	if err != nil {
		t.Fatalf("plugin %s: %v", p.Name, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), harnessTime)
		defer cancel()
		if err := conn.Close(ctx); err != nil {
			t.Errorf("closing plugin %s: %v", p.Name, err)
		}
	})
	if config == "" {
		config = "{}"
	}
	if err := conn.Configure(t.Context(), host.Configuration{Kind: kind, Config: json.RawMessage(config)}); err != nil {
		t.Fatalf("configuration of %s: %v", kind, err)
	}
	return conn.Transform(kind)
}
