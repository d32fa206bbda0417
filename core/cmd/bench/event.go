package main

import (
	"fmt"
	"strings"
	"time"
)

const (
	// eventBytes is the size of an event that edges send: small data in the
	// usual attributes.
	eventBytes = 480
	source     = "//bench/edge-1"
	commanded  = "com.example.order.created"       // goes to the command channel
	published  = "com.example.reading.temperature" // goes to the telemetry channel
)

// newEvent gives a structured CloudEvent of eventBytes.
func newEvent(id, kind string) []byte { return newSizedEvent(id, kind, eventBytes) }

// newSizedEvent gives one of so many bytes, or a few more if it needs them.
func newSizedEvent(id, kind string, size int) []byte {
	head := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":%q,"type":%q,"time":%q,"datacontenttype":"application/json","data":{"amount":12.5,"note":"`,
		id, source, kind, time.Now().UTC().Format(time.RFC3339))
	const tail = `"}}`
	return []byte(head + strings.Repeat("n", max(size-len(head)-len(tail), 0)) + tail)
}
