package main

import (
	"encoding/json"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// shape is what is wanted of an event.
type shape struct {
	ID              string         `json:"id"`
	Source          string         `json:"source"`
	Type            string         `json:"type"`
	Subject         string         `json:"subject"`
	Time            time.Time      `json:"time"`
	DataContentType string         `json:"datacontenttype"`
	DataSchema      string         `json:"dataschema"`
	Extensions      map[string]any `json:"extensions"`

	JSON   json.RawMessage `json:"json"`
	Text   *string         `json:"text"`
	Base64 []byte          `json:"base64"`
}

// event makes it by the library's setters alone, as its users do.
func (s shape) event() (cloudevents.Event, error) {
	e := cloudevents.NewEvent()
	if s.ID != "" {
		e.SetID(s.ID)
	}
	e.SetSource(s.Source)
	e.SetType(s.Type)
	if s.Subject != "" {
		e.SetSubject(s.Subject)
	}
	if !s.Time.IsZero() {
		e.SetTime(s.Time)
	}
	if s.DataSchema != "" {
		e.SetDataSchema(s.DataSchema)
	}
	for name, value := range s.Extensions {
		e.SetExtension(name, extension(value))
	}
	switch {
	case s.JSON != nil:
		return e, e.SetData(s.DataContentType, s.JSON)
	case s.Text != nil:
		return e, e.SetData(s.DataContentType, *s.Text)
	case s.Base64 != nil:
		return e, e.SetData(s.DataContentType, s.Base64)
	case s.DataContentType != "":
		e.SetDataContentType(s.DataContentType)
	}
	return e, nil
}

// extension is a value of CloudEvents' types beyond those of JSON.
func extension(value any) any {
	typed, is := value.(map[string]any)
	if !is {
		return value
	}
	text, err := json.Marshal(typed)
	if err != nil {
		panic(err) // it was JSON
	}
	var of struct {
		Time   *time.Time `json:"time"`
		Base64 []byte     `json:"base64"`
	}
	if err := json.Unmarshal(text, &of); err != nil {
		panic(fmt.Sprintf("extension %s: %v", text, err))
	}
	if of.Time != nil {
		return *of.Time
	}
	return of.Base64
}
