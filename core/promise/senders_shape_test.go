package promise_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// shape is what is wanted of an event: what a sender of testdata/senders is told,
// and what has to come of it. Of its data at most one field is set.
type shape struct {
	ID              string         `json:"id,omitempty"`
	Source          string         `json:"source,omitempty"`
	Type            string         `json:"type,omitempty"`
	Subject         string         `json:"subject,omitempty"`
	Time            string         `json:"time,omitempty"`
	DataContentType string         `json:"datacontenttype,omitempty"`
	DataSchema      string         `json:"dataschema,omitempty"`
	Extensions      map[string]any `json:"extensions,omitempty"`

	JSON   any    `json:"json,omitempty"`
	Text   string `json:"text,omitempty"`
	Base64 []byte `json:"base64,omitzero"`
}

// timestamp and octets are values of an extension that JSON has no type for.
func timestamp(rfc3339 string) any { return map[string]any{"time": rfc3339} }
func octets(base64 string) any     { return map[string]any{"base64": base64} }

// named is s as an event of its own, with what every event has.
func (s shape) named(id string) shape {
	s.ID = id
	s.Source = cmp.Or(s.Source, source)
	s.Type = cmp.Or(s.Type, "com.example.note")
	s.Time = cmp.Or(s.Time, "2026-02-03T04:05:06Z")
	return s
}

// fold makes a name fit into an id.
func fold(name string) string { return strings.ReplaceAll(name, " ", "-") }

// event is what s means.
func (s shape) event(t *testing.T) sdk.Event {
	t.Helper()
	e := sdk.Event{ID: s.ID, Source: s.Source, SpecVersion: "1.0", Type: s.Type, Subject: s.Subject, Time: s.Time,
		DataContentType: s.DataContentType, DataSchema: s.DataSchema}
	for name, value := range s.Extensions {
		x := sdk.Extension{Name: name}
		switch v := value.(type) {
		case string:
			x.Value = v
		case bool:
			x.Kind, x.Value = sdk.KindBoolean, strconv.FormatBool(v)
		case int:
			x.Kind, x.Value = sdk.KindInteger, strconv.Itoa(v)
		case map[string]any:
			x.Value = fmt.Sprint(v["time"])
		default:
			t.Fatalf("extension %s is a %T", name, value)
		}
		e.Extensions = append(e.Extensions, x)
	}
	switch {
	case s.JSON != nil:
		e.DataIsJSON, e.Data = true, []byte(text(t, s.JSON))
	case s.Base64 != nil:
		e.Data = s.Base64
	case s.Text != "":
		e.Data = []byte(s.Text)
	}
	return e
}

// portrait shows what an event says, however it was written: a moment is an
// instant, JSON is its value, and bytes of a JSON content type are JSON.
func portrait(t *testing.T, e *sdk.Event, exact time.Duration) map[string]string {
	t.Helper()
	p := map[string]string{"id": e.ID, "source": e.Source, "specversion": e.SpecVersion, "type": e.Type, "subject": e.Subject,
		"time": instant(e.Time, exact), "datacontenttype": e.DataContentType, "dataschema": e.DataSchema}
	for _, x := range e.Extensions {
		p["."+x.Name] = fmt.Sprintf("%d %s", x.Kind, instant(x.Value, exact))
	}
	switch {
	case e.Data == nil:
	case e.DataIsJSON || sdk.IsJSONType(e.DataContentType):
		var value any
		if err := json.Unmarshal(e.Data, &value); err != nil {
			t.Errorf("data of %s: %v", e.ID, err)
		}
		p["data"] = "JSON " + text(t, value)
	default:
		p["data"] = fmt.Sprintf("%q", e.Data)
	}
	return p
}

// instant is a moment's canonical text, and other text as it is.
func instant(text string, exact time.Duration) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return at.UTC().Truncate(exact).Format(time.RFC3339Nano)
}

// inHeaders leaves of what was meant what binary mode can say: headers have no
// types, and a sender may name JSON where no content type is, which is the same.
func inHeaders(meant, got *sdk.Event) {
	meant.Extensions = slices.Clone(meant.Extensions)
	for i := range meant.Extensions {
		meant.Extensions[i].Kind = sdk.KindString
	}
	if meant.DataContentType == "" && sdk.IsJSONType(got.DataContentType) {
		meant.DataContentType = got.DataContentType
	}
}
