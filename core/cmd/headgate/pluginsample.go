package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// sampleEvent is what a plugin is tried with when nobody says better.
const sampleEvent = `{"specversion":"1.0","id":"sample-1","source":"//sample.example/desk","type":"com.example.sample.created","datacontenttype":"application/json","data":{"text":"hello","amount":12.5,"card":{"number":"4111111111111111"}}}`

// readEvent reads one event from a file, "-" for standard input, or gives the sample.
func (a *app) readEvent(file string) (sdk.Event, error) {
	var text []byte
	var err error
	switch file {
	case "", "sample":
		text = []byte(sampleEvent)
	case "-":
		text, err = io.ReadAll(a.in)
	default:
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return sdk.Event{}, err
	}
	e, err := sdk.ParseEvent(text)
	if err != nil {
		return sdk.Event{}, fmt.Errorf("the event: %w: want one CloudEvent in structured JSON", err)
	}
	return e, nil
}

// oneKind finds the transform that is meant.
func oneKind(d *host.Description, kind string) (host.Transform, error) {
	k, found := d.Transform(kind)
	switch {
	case found:
		return k, nil
	case len(d.Transforms) == 0:
		return k, fmt.Errorf("%s has no transforms", d.Name)
	case kind == "":
		return k, fmt.Errorf("%s has several transforms: --kind one of %s", d.Name, d.TransformNames())
	}
	return k, fmt.Errorf("%s has no transform %s: there are %s", d.Name, kind, d.TransformNames())
}

// opened is a transform that runs and is configured.
type opened struct {
	conn *host.Conn
	host.Description
	kind host.Transform
}

// open starts a target and configures one of its transforms. The caller closes
// the connection.
func (f *targetFlags) open(ctx context.Context, c host.Command, o host.Options) (_ *opened, err error) {
	config, err := f.configJSON()
	if err != nil {
		return nil, err
	}
	conn, err := host.Start(ctx, c, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
		}
	}()
	x := &opened{conn: conn}
	if x.Description, err = conn.Describe(ctx); err != nil {
		return nil, err
	}
	if x.kind, err = oneKind(&x.Description, f.kind); err != nil {
		return nil, err
	}
	if err = conn.Configure(ctx, host.Configuration{Kind: x.kind.Name, Config: json.RawMessage(config)}); err != nil {
		if _, faults := errors.AsType[sdk.Diagnostics](err); faults {
			return nil, fmt.Errorf("%s refuses --config-json:\n%w", x.Name, err)
		}
		return nil, err
	}
	return x, nil
}

// describeOutcome tells in words what became of an event.
func describeOutcome(before *sdk.Event, o sdk.Outcome) string {
	switch o.Verdict {
	case sdk.Unchanged:
		return "unchanged"
	case sdk.Drop:
		return "dropped: " + o.Reason
	case sdk.Fail:
		if o.Retry {
			return "failed, to be tried again: " + o.Reason
		}
		return "failed for good: " + o.Reason + strings.TrimRight("\n"+o.Stack, "\n")
	}
	after, err := before.Changed(o.Event)
	if err != nil {
		return "failed for good: the result is no event: " + err.Error()
	}
	return string(after.Raw)
}
