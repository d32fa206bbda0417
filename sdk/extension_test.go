package sdk_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"
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

func TestOnlyCutsMembersAndNothingElse(t *testing.T) {
	for _, c := range []struct{ raw, names, want string }{
		{`{"specversion":"1.0","id":"1","source":"/a","type":"t"}`, "", `{"specversion":"1.0","id":"1","source":"/a","type":"t"}`},
		{`{"x":1,"specversion":"1.0","y":true,"id":"1","source":"/a","type":"t","z":"\"}"}`, "", `{"specversion":"1.0","id":"1","source":"/a","type":"t"}`},
		{`{"x":1,"specversion":"1.0","y":true,"id":"1","source":"/a","type":"t","z":"}"}`, "z x none", `{"x":1,"specversion":"1.0","id":"1","source":"/a","type":"t","z":"}"}`},
		{"{ \"x\" : 1 ,\n \"specversion\":\"1.0\" , \"id\" :\"1\",\t\"source\":\"/a\",\"type\":\"t\", \"data\" : {\"x\": 1} , \"y\" : null }", "", "{\n \"specversion\":\"1.0\" , \"id\" :\"1\",\t\"source\":\"/a\",\"type\":\"t\", \"data\" : {\"x\": 1} }"},
		{`{"specversion":"1.0","id":"1","source":"/a","type":"t","\u0078":1,"\u0079":2}`, "y", `{"specversion":"1.0","id":"1","source":"/a","type":"t","\u0079":2}`},
		{`{"specversion":"1.0","id":"1","source":"/a","type":"t","subject":null,"x":null,"data_base64":"YQ=="}`, "id data", `{"specversion":"1.0","id":"1","source":"/a","type":"t","subject":null,"data_base64":"YQ=="}`},
	} {
		e, err := sdk.ParseEvent([]byte(c.raw))
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Only(strings.Fields(c.names))
		if err != nil || string(got.Raw) != c.want {
			t.Errorf("%s\nonly %q is %s (%v)\nwant %s", c.raw, c.names, got.Raw, err, c.want)
		}
		if string(e.Raw) != c.raw {
			t.Errorf("who had it before has %s now", e.Raw)
		}
	}
	for _, raw := range []string{"", "x", `{"a":1,"a":2}`, `{"a"`} {
		if _, err := (&sdk.Event{Raw: []byte(raw)}).Only(nil); err == nil {
			t.Errorf("%q is no event", raw)
		}
	}
}

func FuzzOnly(f *testing.F) {
	for _, r := range readings() {
		raw, _ := base64.StdEncoding.DecodeString(r.Raw)
		f.Add(raw, "a count")
	}
	f.Fuzz(func(t *testing.T, raw []byte, names string) {
		e, err := sdk.ParseEvent(raw)
		if err != nil {
			return
		}
		kept := strings.Fields(names)
		got, err := e.Only(kept)
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		again, err := sdk.ParseEvent(got.Raw)
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q only %q is %q, which reads as\n%+v (%v), not\n%+v", raw, kept, got.Raw, again, err, got)
		}
		if e.CoreDifference(&got) != "" || string(e.Data) != string(got.Data) || e.DataContentType != got.DataContentType {
			t.Fatalf("%q only %q has another core: %q", raw, kept, got.Raw)
		}
		for _, x := range e.Extensions {
			value, there := got.Extension(x.Name)
			if want := slices.Contains(kept, x.Name); there != want || want && value != x.Value {
				t.Fatalf("%q only %q: %s is %q, %t", raw, kept, x.Name, value, there)
			}
		}
	})
}
