package jq

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"strconv"
	"strings"

	"github.com/headgate-io/headgate/sdk"
)

var errNotJSON = errors.New("data is not JSON")

// input is an event's data as gojq takes it. Numbers keep their text.
func input(e *sdk.Event) (any, error) {
	if e.Data == nil {
		return nil, nil
	}
	if !e.DataIsJSON {
		return nil, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(e.Data))
	d.UseNumber()
	var data any
	if d.Decode(&data) != nil { // its error may quote the data
		return nil, errNotJSON
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errNotJSON
	}
	return data, nil
}

// attributes are those an event has, by name, as they are in its JSON.
func attributes(e *sdk.Event) map[string]any {
	all := map[string]any{"id": e.ID, "source": e.Source, "specversion": e.SpecVersion, "type": e.Type}
	for name, value := range map[string]string{
		"subject": e.Subject, "time": e.Time, "datacontenttype": e.DataContentType, "dataschema": e.DataSchema,
	} {
		if value != "" {
			all[name] = value
		}
	}
	for _, x := range e.Extensions {
		all[x.Name] = extension(x)
	}
	return all
}

func extension(x sdk.Extension) any {
	switch x.Kind {
	case sdk.KindInteger:
		if n, err := strconv.Atoi(x.Value); err == nil {
			return n
		}
	case sdk.KindBoolean:
		return x.Value == "true"
	}
	return x.Value
}

// isJSON tells a content type of JSON (CloudEvents JSON format 1.0.2, section
// 3.1): its subtype is json or ends in +json.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	_, subtype, _ := strings.Cut(media, "/")
	return subtype == "json" || strings.HasSuffix(subtype, "+json")
}
