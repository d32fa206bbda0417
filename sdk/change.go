package sdk

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Changed is e with the changes a transform made in by: its Data, DataIsJSON,
// DataContentType, DataSchema and Extensions, in any order. Raw is written anew
// in structured JSON (CloudEvents JSON format 1.0.2, section 3): data that is
// JSON keeps its text to the byte, other data is a string where its content type
// allows that, else data_base64.
//
// It errs for a difference in id, source, specversion, type, subject or time, in
// dssematerial, or in an extension that dssematerial signs; and when what was
// written does not read back, by ParseEvent, as exactly what by says. by.Raw
// does not count.
func (e *Event) Changed(by *Event) (Event, error) {
	if what := e.CoreDifference(by); what != "" {
		return Event{}, fmt.Errorf("changed event: id, source, specversion, type, subject and time stay as they are: %s differs", what)
	}
	want := *by
	want.Data, want.DataIsJSON = trimmed(by), by.DataIsJSON && by.Data != nil
	want.Extensions = slices.Clone(by.Extensions)
	slices.SortStableFunc(want.Extensions, func(a, b Extension) int { return strings.Compare(a.Name, b.Name) })
	if name, ok := e.signedDifference(&want); ok {
		return Event{}, fmt.Errorf("changed event: extension %s is signed by its producer and differs", name)
	}
	got, err := ParseEvent(want.write(make([]byte, 0, len(e.Raw)+len(want.Data)/2+256)))
	if err != nil {
		return Event{}, fmt.Errorf("changed event: %w", err)
	}
	if !same(&want, &got) {
		return Event{}, fmt.Errorf("changed event: it does not read back as it was given: %s", difference(&want, &got))
	}
	return got, nil
}

// trimmed is the data without the white space around a JSON value, which is no
// part of it.
func trimmed(e *Event) []byte {
	if !e.DataIsJSON || e.Data == nil {
		return e.Data
	}
	if data := bytes.Trim(e.Data, " \t\r\n"); data != nil {
		return data
	}
	return e.Data[:0] // not absent, and no JSON
}

// CoreDifference names the first attribute in which two events differ of those
// that no transform may change: id, source, specversion, type, subject and time.
// It is empty when they agree.
func (e *Event) CoreDifference(o *Event) string {
	for _, x := range [...]struct{ name, a, b string }{
		{"id", e.ID, o.ID}, {"source", e.Source, o.Source}, {"specversion", e.SpecVersion, o.SpecVersion},
		{"type", e.Type, o.Type}, {"subject", e.Subject, o.Subject}, {"time", e.Time, o.Time},
	} {
		if x.a != x.b {
			return x.name
		}
	}
	return ""
}

func difference(want, got *Event) string {
	switch {
	case want.DataContentType != got.DataContentType:
		return "datacontenttype"
	case want.DataSchema != got.DataSchema:
		return "dataschema"
	case !slices.Equal(want.Extensions, got.Extensions):
		return "an extension's name, kind or value"
	case want.DataIsJSON != got.DataIsJSON:
		return "a JSON string is data only where the content type is JSON"
	}
	return "data"
}

// signedDifference names an extension that the producer's signature covers, the
// signature itself included, and that differs. Where it cannot be read what a
// signature covers, it covers all there were.
func (e *Event) signedDifference(by *Event) (string, bool) {
	const signature = "dssematerial"
	material, signed := e.Extension(signature)
	if !signed {
		_, forged := by.Extension(signature)
		return signature, forged
	}
	names, readable := signedExtensions(material)
	if !readable {
		for _, x := range e.Extensions {
			names = append(names, x.Name)
		}
	}
	for _, name := range append(names, signature) {
		if e.find(name) != by.find(name) {
			return name, true
		}
	}
	return "", false
}

// find returns the named extension, or none at all.
func (e *Event) find(name string) Extension {
	for _, x := range e.Extensions {
		if x.Name == name {
			return x
		}
	}
	return Extension{}
}

// signedExtensions reads which extensions a dssematerial covers (CloudEvents
// verifiability by DSSE, v0.1): base64 of an envelope whose payload is base64 of
// the verification material, which lists them.
func signedExtensions(material string) (names []string, readable bool) {
	var envelope struct {
		Payload []byte `json:"payload"`
	}
	var covered struct {
		Names []string `json:"signedextattrs"`
	}
	text, err := base64.StdEncoding.DecodeString(material)
	if err != nil || json.Unmarshal(text, &envelope) != nil || json.Unmarshal(envelope.Payload, &covered) != nil {
		return nil, false
	}
	return covered.Names, true
}

// write appends the event in structured JSON.
func (e *Event) write(b []byte) []byte {
	b = append(b, `{"specversion":`...)
	b = appendQuoted(b, e.SpecVersion)
	for _, x := range [...]struct{ name, value string }{
		{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject}, {"time", e.Time},
		{"datacontenttype", e.DataContentType}, {"dataschema", e.DataSchema},
	} {
		if x.value != "" {
			b = appendQuoted(appendName(b, x.name), x.value)
		}
	}
	for _, x := range e.Extensions {
		b = appendName(b, x.Name)
		if x.Kind == KindString {
			b = appendQuoted(b, x.Value)
		} else {
			b = append(b, x.Value...)
		}
	}
	switch {
	case e.Data == nil:
	case e.DataIsJSON:
		b = append(appendName(b, "data"), e.Data...)
	case !IsJSONType(e.DataContentType) && utf8.Valid(e.Data):
		b = appendQuoted(appendName(b, "data"), e.Data)
	default:
		b = append(appendName(b, "data_base64"), '"')
		b = append(base64.StdEncoding.AppendEncode(b, e.Data), '"')
	}
	return append(b, '}')
}

func appendName(b []byte, name string) []byte {
	return append(appendQuoted(append(b, ','), name), ':')
}

// appendQuoted appends a JSON string (RFC 8259, section 7). Bytes that are no
// UTF-8 stay, to be refused by who reads them.
func appendQuoted[T string | []byte](b []byte, s T) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
