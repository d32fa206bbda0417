package main

import (
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func TestShout(t *testing.T) {
	p := sdk.TransformFunc("shout", "1.0.0", shout)
	got := sdktest.Apply(t, p, `{"word":"hello"}`, sdktest.Event(`{"text":"hello, you"}`))
	if string(got.Event.Data) != `{"text":"HELLO, you"}` {
		t.Errorf("got %s", got.Event.Data)
	}
	sdktest.Run(t, p, sdktest.Options{Config: map[string]string{"shout": `{"word":"hello"}`}, Events: []string{sdktest.Event(`{"text":"hello"}`)}, Cycles: 3})
}
