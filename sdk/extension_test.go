package sdk_test

import (
	"fmt"
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

func TestExtensionsStaySortedAndOnes(t *testing.T) {
	var e sdk.Event
	for _, name := range []string{"m", "z", "a", "m"} {
		e.SetExtension(name, "1"+name)
	}
	before := e.Extensions
	e.SetExtension("a", "2a")
	e.RemoveExtension("z")
	e.RemoveExtension("none")
	if got := fmt.Sprint(e.Extensions); got != "[{a 2a 0} {m 1m 0}]" {
		t.Errorf("got %s", got)
	}
	if got := fmt.Sprint(before); got != "[{a 1a 0} {m 1m 0} {z 1z 0}]" {
		t.Errorf("who had them before has %s now", got)
	}
	if v, ok := e.Extension("m"); !ok || v != "1m" {
		t.Errorf("m is %q, %t", v, ok)
	}
}
