// Command shout is a headgate plugin: it says the data of an event louder.
package main

import (
	"bytes"
	"context"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/plugin"
)

type config struct {
	Word string `json:"word" required:"true" doc:"what to say louder"`
}

func shout(_ context.Context, c config, e *sdk.Event) error {
	e.Data = bytes.ReplaceAll(e.Data, []byte(c.Word), bytes.ToUpper([]byte(c.Word)))
	return nil
}

func main() { plugin.Serve(sdk.TransformFunc("shout", "1.0.0", shout)) }
