// Package tracing shows the way of events as traces, to an OpenTelemetry collector
// (OTLP over HTTP).
//
// Begin with [New]. A [Tracer] observes intake and dispatch, and [Tracer.Run] takes
// what they told it to the collector, by OpenTelemetry's own library. A nil one does
// nothing.
//
// A trace has the spans "accept", and as its children "transform NAME" and "deliver
// CHANNEL", whose child is "reply". They are made when they are over, and their ids
// of what the store keeps of an event: so no span waits in memory for a consumer,
// and after a restart of the router the trace goes on where it was. The trace is
// the one that the event's traceparent names, else one made of its source and id.
//
// Promise: nothing waits for a collector. What it does not take, or not in time, is
// dropped and counted. It alone is asked, no proxy and no place that it points to,
// and no variable changes how. Spans hold names of the TOML, codes, states, numbers
// and the id, source and type of an event, each bounded: no data, no credential, no
// lease, no principal, and no text that a plugin or a consumer wrote.
package tracing
