package sdk_test

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

func parse(t *testing.T, text string) sdk.Event {
	t.Helper()
	e, err := sdk.ParseEvent([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// material is a dssematerial that covers these extensions.
func material(covered string) string {
	payload := base64.StdEncoding.EncodeToString([]byte(`{"core":"x","ext":"y","signedextattrs":[` + covered + `]}`))
	return base64.StdEncoding.EncodeToString([]byte(`{"payload":"` + payload + `","payloadType":"https://cloudevents.io/verifiability/dsse/v0.1","signatures":[]}`))
}

func TestChangedWritesWhatItWasGiven(t *testing.T) {
	const start = `{"specversion":"1.0","id":"1","source":"/a","type":"t"`
	for _, c := range []struct {
		name, before string
		change       func(*sdk.Event)
		want         string
	}{
		{"nothing", event(`,"subject":"s","time":"2026-11-22T10:00:00Z","n":-7,"urgent":true,"data":{"b": 1.50, "a":1e2}`), func(*sdk.Event) {},
			`{` + head + `,"subject":"s","time":"2026-11-22T10:00:00Z","n":-7,"urgent":true,"data":{"b": 1.50, "a":1e2}}`},
		{"json by json", start + `,"data":1}`, func(e *sdk.Event) { e.Data = []byte(" {\"a\":1.0}\n") }, start + `,"data":{"a":1.0}}`},
		{"json by text", start + `,"data":1}`, func(e *sdk.Event) {
			e.Data, e.DataIsJSON, e.DataContentType = []byte("a \"b\"\n\\\u00e9\u2028"), false, "text/plain"
		}, start + `,"datacontenttype":"text/plain","data":"a \"b\"\u000a\\é` + "\u2028" + `"}`},
		{"text that is no UTF-8", start + `,"datacontenttype":"text/plain","data":"x"}`, func(e *sdk.Event) { e.Data = []byte{0xff} },
			start + `,"datacontenttype":"text/plain","data_base64":"/w=="}`},
		{"bytes of a JSON type", start + `}`, func(e *sdk.Event) { e.Data = []byte("x") }, start + `,"data_base64":"eA=="}`},
		{"a JSON value of a text type", start + `,"datacontenttype":"text/plain","data":[1]}`, func(e *sdk.Event) { e.Data = []byte("[2]") },
			start + `,"datacontenttype":"text/plain","data":[2]}`},
		{"no data", start + `,"data":1}`, func(e *sdk.Event) { e.Data = nil }, start + `}`},
		{"empty text", start + `,"datacontenttype":"text/plain"}`, func(e *sdk.Event) { e.Data = []byte{} }, start + `,"datacontenttype":"text/plain","data":""}`},
		{"schema and extensions in any order", start + `,"old":"x"}`, func(e *sdk.Event) {
			e.DataSchema = "/s"
			e.Extensions = []sdk.Extension{{Name: "z", Value: "1"}, {Name: "b", Value: "true", Kind: sdk.KindBoolean}, {Name: "a", Value: "-1", Kind: sdk.KindInteger}}
		}, start + `,"dataschema":"/s","a":-1,"b":true,"z":"1"}`},
		{"an extension that no signature covers", start + `,"dssematerial":"` + material(`"kept"`) + `","kept":"1","loose":"2"}`,
			func(e *sdk.Event) { e.Extensions[2].Value = "3" },
			start + `,"dssematerial":"` + material(`"kept"`) + `","kept":"1","loose":"3"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := parse(t, c.before)
			by := before
			by.Raw, by.Extensions = nil, slices.Clone(before.Extensions)
			c.change(&by)
			got, err := before.Changed(&by)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Raw) != c.want {
				t.Errorf("is  %s\nnot %s", got.Raw, c.want)
			}
		})
	}
}

func TestChangedRefuses(t *testing.T) {
	const signed = `,"covered":"1","loose":"2"`
	for _, c := range []struct {
		name, rest string
		change     func(*sdk.Event)
		want       string
	}{
		{"id", ``, func(e *sdk.Event) { e.ID = "2" }, "id differs"},
		{"source", ``, func(e *sdk.Event) { e.Source = "/b" }, "source differs"},
		{"specversion", ``, func(e *sdk.Event) { e.SpecVersion = "" }, "specversion differs"},
		{"type", ``, func(e *sdk.Event) { e.Type = "u" }, "type differs"},
		{"subject left out", `,"subject":"s"`, func(e *sdk.Event) { e.Subject = "" }, "subject differs"},
		{"time", ``, func(e *sdk.Event) { e.Time = "2026-11-22T10:00:00Z" }, "time differs"},
		{"data that is no JSON", `,"data":1`, func(e *sdk.Event) { e.Data = []byte(`{"a":}`) }, "malformed"},
		{"empty JSON", `,"data":1`, func(e *sdk.Event) { e.Data = []byte(``) }, "malformed"},
		{"a name twice in data", `,"data":1`, func(e *sdk.Event) { e.Data = []byte(`{"a":1,"a":2}`) }, "repeated"},
		{"more than data in data", `,"data":1`, func(e *sdk.Event) { e.Data = []byte(`1,"subject":"s"`) }, "does not read back"},
		{"a JSON string of a text type", `,"datacontenttype":"text/plain","data":[1]`, func(e *sdk.Event) { e.Data = []byte(`"x"`) }, "a JSON string"},
		{"a content type of no UTF-8", ``, func(e *sdk.Event) { e.DataContentType = "\xff" }, "UTF-8"},
		{"a schema too long", ``, func(e *sdk.Event) { e.DataSchema = strings.Repeat("x", sdk.MaxAttribute+1) }, "longer"},
		{"an extension twice", ``, func(e *sdk.Event) { e.Extensions = []sdk.Extension{{Name: "a"}, {Name: "a"}} }, "repeated"},
		{"an extension by the name of subject", ``, func(e *sdk.Event) { e.Extensions = []sdk.Extension{{Name: "subject", Value: "s"}} }, "does not read back"},
		{"an extension by the name of data", ``, func(e *sdk.Event) { e.Extensions = []sdk.Extension{{Name: "data", Value: "s"}} }, "does not read back"},
		{"an extension with a bad name", ``, func(e *sdk.Event) { e.Extensions = []sdk.Extension{{Name: "A_b"}} }, "attribute name"},
		{"an integer with a tail", ``, func(e *sdk.Event) {
			e.Extensions = []sdk.Extension{{Name: "a", Value: `1,"b":2`, Kind: sdk.KindInteger}}
		}, "does not read back"},
		{"a boolean that is none", ``, func(e *sdk.Event) { e.Extensions = []sdk.Extension{{Name: "a", Value: `1`, Kind: sdk.KindBoolean}} }, "does not read back"},
		{"a signature made up", ``, func(e *sdk.Event) { e.Extensions = []sdk.Extension{{Name: "dssematerial", Value: "x"}} }, "dssematerial is signed"},
		{"a signature taken off", `,"dssematerial":"` + material(``) + `"`, func(e *sdk.Event) { e.Extensions = nil }, "dssematerial is signed"},
		{"a covered extension", signed + `,"dssematerial":"` + material(`"covered"`) + `"`, func(e *sdk.Event) { e.Extensions[0].Value = "2" }, "covered is signed"},
		{"a covered extension by another kind", signed + `,"dssematerial":"` + material(`"covered"`) + `"`,
			func(e *sdk.Event) { e.Extensions[0].Kind = sdk.KindInteger }, "covered is signed"},
		{"a covered extension that was absent", `,"dssematerial":"` + material(`"covered"`) + `"`,
			func(e *sdk.Event) { e.Extensions = append(e.Extensions, sdk.Extension{Name: "covered", Value: "1"}) }, "covered is signed"},
		{"any beside a signature that cannot be read", signed + `,"dssematerial":"x"`, func(e *sdk.Event) { e.Extensions[2].Value = "3" }, "loose is signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := parse(t, event(c.rest))
			by := before
			by.Extensions = slices.Clone(before.Extensions)
			c.change(&by)
			if got, err := before.Changed(&by); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %s", err, got.Raw)
			}
		})
	}
}

func FuzzChanged(f *testing.F) {
	for _, r := range readings() {
		raw, err := base64.StdEncoding.DecodeString(r.Raw)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, raw, data []byte) {
		e, err := sdk.ParseEvent(raw)
		if err != nil {
			return
		}
		got, err := e.Changed(&e)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if got.Digest() != e.Digest() {
			t.Fatalf("%s is another event as %s", raw, got.Raw)
		}
		plain := got
		plain.Raw = e.Raw
		if !reflect.DeepEqual(plain, e) {
			t.Fatalf("%s is read as %+v, not %+v", got.Raw, plain, e)
		}
		by := e
		by.Data, by.DataIsJSON = data, !e.DataIsJSON
		if got, err := e.Changed(&by); err == nil && (got.ID != e.ID || got.Subject != e.Subject || len(got.Extensions) != len(e.Extensions)) {
			t.Fatalf("data %q changed more than data: %s", data, got.Raw)
		}
	})
}
