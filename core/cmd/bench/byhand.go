package main

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/headgate-io/headgate/sdk"
)

// byHandCodec writes the bytes of the shipped wire straight from events, and reads
// them straight into events.
type byHandCodec struct{}

var _ encoding.CodecV2 = byHandCodec{}

// The two messages of a call that replaces events.
type (
	byHandRequest  struct{ events []*sdk.Event }
	byHandResponse struct{ events []*sdk.Event }
)

func newByHand() codec {
	return &converters[byHandRequest, byHandResponse]{
		name: byHandCodec{}.Name(),
		request: func(in []sdk.Input) *byHandRequest {
			q := &byHandRequest{make([]*sdk.Event, len(in))}
			for i := range in {
				q.events[i] = in[i].Event
			}
			return q
		},
		inputs: func(q *byHandRequest) []sdk.Input {
			in := make([]sdk.Input, len(q.events))
			for i := range in {
				in[i].Event = q.events[i]
			}
			return in
		},
		answer: func(out []sdk.Outcome) *byHandResponse {
			a := &byHandResponse{make([]*sdk.Event, len(out))}
			for i := range out {
				a.events[i] = out[i].Event
			}
			return a
		},
		outcomes: func(a *byHandResponse) []sdk.Outcome {
			out := make([]sdk.Outcome, len(a.events))
			for i := range out {
				out[i] = sdk.Outcome{Verdict: sdk.Replace, Event: a.events[i]}
			}
			return out
		},
		options: []grpc.CallOption{grpc.ForceCodecV2(byHandCodec{})},
	}
}

// Name implements encoding.CodecV2.
func (byHandCodec) Name() string { return "by-hand" }

// parts are a message's events, the fields that lead to each, and what stands
// before them.
func (byHandCodec) parts(v any) (events *[]*sdk.Event, path []protowire.Number, kind string, err error) {
	switch v := v.(type) {
	case *byHandRequest:
		return &v.events, []protowire.Number{2}, kindThat(sdk.Replace), nil
	case *byHandResponse:
		return &v.events, []protowire.Number{1, 2, 1}, "", nil
	}
	return nil, nil, "", fmt.Errorf("no message by hand: %T", v)
}

// Marshal implements encoding.CodecV2.
func (c byHandCodec) Marshal(v any) (mem.BufferSlice, error) {
	events, path, kind, err := c.parts(v)
	if err != nil {
		return nil, err
	}
	size := textSize(kind)
	for _, e := range *events {
		if !isText(e) {
			return nil, errNotUTF8
		}
		one := eventSize(e)
		for range path {
			one = fieldSize(one)
		}
		size += one
	}
	pool := mem.DefaultBufferPool()
	b := pool.Get(size)
	*b = appendText((*b)[:0], 1, kind)
	for _, e := range *events {
		size := eventSize(e)
		for i, n := range path {
			within := size
			for range path[i+1:] {
				within = fieldSize(within)
			}
			*b = appendHead(*b, n, within)
		}
		*b = appendEvent(*b, e)
	}
	return mem.BufferSlice{mem.NewBuffer(b, pool)}, nil
}

// Unmarshal implements encoding.CodecV2. Data of events alias one copy of all.
func (c byHandCodec) Unmarshal(data mem.BufferSlice, v any) error {
	events, path, _, err := c.parts(v)
	if err != nil {
		return err
	}
	return parseEvents(data.Materialize(), path, events)
}

func parseEvents(b []byte, path []protowire.Number, to *[]*sdk.Event) error {
	return eachField(b, func(n protowire.Number, v []byte, _ uint64) error {
		switch {
		case n != path[0]:
			return nil
		case len(path) > 1:
			return parseEvents(v, path[1:], to)
		}
		e := &sdk.Event{SpecVersion: "1.0"}
		*to = append(*to, e)
		return parseEvent(e, v)
	})
}
