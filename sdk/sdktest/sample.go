package sdktest

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// ordinary are events as every plugin meets them: data of each sort, and none.
var ordinary = []*pluginv1.Event{
	{Source: "/conformance/json", Type: "conformance.object.v1", Subject: "first", Time: "2026-01-02T03:04:05Z",
		DataContentType: "application/json", Data: []byte(`{"id": 7, "name": "Ada", "tags": ["a", "b"], "at": null}`), DataIsJson: true,
		Extensions: []*pluginv1.Extension{{Name: "attempt", Value: "3", Type: pluginv1.Extension_TYPE_INTEGER}, {Name: "region", Value: "eu", Type: pluginv1.Extension_TYPE_STRING}, {Name: "trial", Value: "true", Type: pluginv1.Extension_TYPE_BOOLEAN}}},
	{Source: "/conformance/list", Type: "conformance.list.v1", Data: []byte(`[1, 2.50, "three"]`), DataIsJson: true},
	{Source: "/conformance/text", Type: "conformance.text.v1", DataContentType: "text/plain; charset=utf-8", Data: []byte("Zürich, 北京")},
	{Source: "/conformance/bytes", Type: "conformance.bytes.v1", DataContentType: "application/octet-stream", Data: []byte{0, 0xff, 0xfe, '\n'}},
	{Source: "/conformance/none", Type: "conformance.none.v1", DataSchema: "https://example.com/none.json"},
}

// samples are n events, each with an id of its own: the author's and the
// ordinary ones in turn.
func samples(own []*pluginv1.Event, n int) []*pluginv1.Event {
	from := append(own[:len(own):len(own)], ordinary...)
	events := make([]*pluginv1.Event, n)
	for i := range events {
		events[i] = proto.CloneOf(from[i%len(from)])
		events[i].Id = fmt.Sprintf("conformance-%d", i)
		events[i].Principal = &pluginv1.Principal{Provider: "conformance", Subject: "suite"}
	}
	return events
}

// samples are n events with the author's own, which are known to be good.
func (x *subject) samples(n int) []*pluginv1.Event {
	var own []*pluginv1.Event
	for _, text := range x.options.Events {
		if e, err := sdk.ParseEvent([]byte(text)); err == nil {
			own = append(own, wire.ToEvents([]sdk.Input{{Event: &e}}, sdk.Needs{Data: true, Extensions: true})...)
		}
	}
	return samples(own, n)
}

// needed takes out what a kind does not need, as a router does.
func needed(k *pluginv1.Kind, events []*pluginv1.Event) []*pluginv1.Event {
	for _, e := range events {
		if !k.GetNeeds().GetData() {
			e.Data, e.DataIsJson = nil, false
		}
		if !k.GetNeeds().GetExtensions() {
			e.Extensions = nil
		}
		if !k.GetNeeds().GetPrincipal() {
			e.Principal = nil
		}
	}
	return events
}

// deep is how many lists lie within each other in the deepest hostile data.
const deep = 10_000

// hostile is what a plugin should outlive, by what is wrong with it. None of it
// breaks the wire's own rules.
func hostile() map[string]*pluginv1.Event {
	object := func(data string) *pluginv1.Event {
		return &pluginv1.Event{DataContentType: "application/json", Data: []byte(data), DataIsJson: true}
	}
	many := &pluginv1.Event{}
	for i := range 500 {
		many.Extensions = append(many.Extensions, &pluginv1.Extension{Name: fmt.Sprintf("x%d", i), Value: strings.Repeat("v", 4096), Type: pluginv1.Extension_TYPE_STRING})
	}
	return map[string]*pluginv1.Event{
		"data that is cut JSON":                object(`{"a": [1, 2`),
		"data that is no JSON at all":          object("\x00\x01\x02"),
		"data that is not UTF-8":               object("{\"a\": \"\xff\xfe\"}"),
		"empty JSON data":                      object(""),
		"the JSON data null":                   object("null"),
		"a bare JSON string":                   object(`"text"`),
		"deep JSON":                            object(strings.Repeat("[", deep) + strings.Repeat("]", deep)),
		"a number of 10,000 digits":            object(`{"n": ` + strings.Repeat("9", 10_000) + `}`),
		"a number beyond a double":             object(`[1e999, -1e999, 1e-999]`),
		"a member twice":                       object(`{"a": 1, "a": {"a": 2}}`),
		"a lone surrogate and a NUL":           object(`{"a": "\ud800", "b": "\u0000"}`),
		"the member __proto__":                 object(`{"__proto__": {"x": 1}, "constructor": null}`),
		"absent data":                          {},
		"empty data":                           {DataContentType: "text/plain", Data: []byte{}},
		"a content type that is none":          {DataContentType: "application/;;=\x00", Data: []byte("x")},
		"a time that is none":                  {Time: "yesterday", Data: []byte("x")},
		"a subject of control characters":      {Subject: "a\r\nb\x1b[31m\x00", Data: []byte("x")},
		"an integer extension beyond 32 bits":  {Extensions: []*pluginv1.Extension{{Name: "n", Value: "-9007199254740991", Type: pluginv1.Extension_TYPE_INTEGER}}},
		"500 extensions of 4 KiB":              many,
		"text that looks like a format string": {DataContentType: "text/plain", Data: []byte("%s%n%x{{.}}${jndi:x}")},
	}
}

// completed gives a hostile event the core that every event has.
func completed(e *pluginv1.Event, id string) *pluginv1.Event {
	e.Id, e.Source, e.Type = id, "/conformance/hostile", "conformance.hostile.v1"
	return e
}
