package supervisor

import (
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

func TestWitness(t *testing.T) {
	e := newEdition(Setting{})
	x, y := sdk.Input{Event: &sdk.Event{ID: "x", Source: "/a"}}, sdk.Input{Event: &sdk.Event{ID: "x", Source: "/b"}}
	if _, ok := e.witness(x); ok {
		t.Error("a witness of nothing")
	}
	e.took(x)
	if _, ok := e.witness(x); ok {
		t.Error("an event is its own witness")
	}
	for range maxDoubts {
		if in, ok := e.witness(y); !ok || in.Event != x.Event {
			t.Error("no witness")
		}
		e.heard(false)
	}
	if _, ok := e.witness(y); ok {
		t.Error("a witness that the plugin does not take any more")
	}
	e.took(x)
	for range maxDoubts * 2 {
		e.heard(false)
		e.heard(true)
	}
	if _, ok := e.witness(y); !ok {
		t.Error("doubts that were not in a row count")
	}
}
