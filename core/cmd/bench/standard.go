package main

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/runtime/protoimpl"

	"github.com/headgate-io/headgate/sdk"
)

// The messages of a call that replaces events, with extensions as an X. They are
// what protoc-gen-go would make of standardFile, so that protobuf's own code
// treats them as it does the shipped ones, which none but the sdk may use.
type (
	standardRequest[X any] struct {
		Kind          string              `protobuf:"1"`
		Events        []*standardEvent[X] `protobuf:"2"`
		XXX_sizecache protoimpl.SizeCache
	}
	standardEvent[X any] struct {
		ID               string `protobuf:"1"`
		Source           string `protobuf:"2"`
		Type             string `protobuf:"3"`
		Subject          string `protobuf:"4"`
		Time             string `protobuf:"5"`
		DataContentType  string `protobuf:"6"`
		DataSchema       string `protobuf:"7"`
		Data             []byte `protobuf:"8"`
		DataIsJSON       bool   `protobuf:"9"`
		Extensions       X      `protobuf:"10"`
		XXX_unrecognized protoimpl.UnknownFields
		XXX_sizecache    protoimpl.SizeCache
	}
	standardExtension struct {
		Name             string       `protobuf:"1"`
		Value            string       `protobuf:"2"`
		Type             standardKind `protobuf:"3"`
		XXX_unrecognized protoimpl.UnknownFields
		XXX_sizecache    protoimpl.SizeCache
	}
	standardKind            int32 // one more than an sdk.Kind
	standardResponse[X any] struct {
		Outcomes      []*standardOutcome[X] `protobuf:"1"`
		XXX_sizecache protoimpl.SizeCache
	}
	standardOutcome[X any] struct {
		Is               any `protobuf_oneof:"is"` // a *standardIsReplace[X]
		XXX_unrecognized protoimpl.UnknownFields
		XXX_sizecache    protoimpl.SizeCache
	}
	standardIsReplace[X any] struct {
		Replace *standardReplace[X] `protobuf:"2"`
	}
	standardReplace[X any] struct {
		Events           []*standardEvent[X] `protobuf:"1"`
		XXX_unrecognized protoimpl.UnknownFields
		XXX_sizecache    protoimpl.SizeCache
	}

	inList = []*standardExtension
	inMap  = map[string]*standardExtension
)

func (m *standardRequest[X]) ProtoReflect() protoreflect.Message { return standardInfo(m).MessageOf(m) }
func (m *standardEvent[X]) ProtoReflect() protoreflect.Message   { return standardInfo(m).MessageOf(m) }
func (m *standardExtension) ProtoReflect() protoreflect.Message  { return standardInfo(m).MessageOf(m) }
func (m *standardResponse[X]) ProtoReflect() protoreflect.Message {
	return standardInfo(m).MessageOf(m)
}
func (m *standardOutcome[X]) ProtoReflect() protoreflect.Message { return standardInfo(m).MessageOf(m) }
func (m *standardReplace[X]) ProtoReflect() protoreflect.Message { return standardInfo(m).MessageOf(m) }

// newStandard gives the codec of protobuf's own code, gRPC's default. An X is
// made of extensions by to, which from undoes.
func newStandard[X any](name string, to func([]sdk.Extension) X, from func(X) []sdk.Extension) codec {
	set := func(m *standardEvent[X], e *sdk.Event) {
		m.ID, m.Source, m.Type, m.Subject, m.Time, m.DataContentType, m.DataSchema = e.ID, e.Source, e.Type, e.Subject, e.Time, e.DataContentType, e.DataSchema
		m.Data, m.DataIsJSON, m.Extensions = e.Data, e.DataIsJSON, to(e.Extensions)
	}
	get := func(e *sdk.Event, m *standardEvent[X]) {
		e.ID, e.Source, e.SpecVersion, e.Type, e.Subject, e.Time, e.DataContentType, e.DataSchema = m.ID, m.Source, "1.0", m.Type, m.Subject, m.Time, m.DataContentType, m.DataSchema
		e.Data, e.DataIsJSON, e.Extensions = m.Data, m.DataIsJSON, from(m.Extensions)
	}
	return &converters[standardRequest[X], standardResponse[X]]{
		name: name,
		request: func(in []sdk.Input) *standardRequest[X] {
			q, slab := &standardRequest[X]{Kind: kindThat(sdk.Replace), Events: make([]*standardEvent[X], len(in))}, make([]standardEvent[X], len(in))
			for i := range in {
				q.Events[i] = &slab[i]
				set(&slab[i], in[i].Event)
			}
			return q
		},
		inputs: func(q *standardRequest[X]) []sdk.Input {
			in, slab := make([]sdk.Input, len(q.Events)), make([]sdk.Event, len(q.Events))
			for i, m := range q.Events {
				in[i].Event = &slab[i]
				get(&slab[i], m)
			}
			return in
		},
		answer: func(out []sdk.Outcome) *standardResponse[X] {
			a, slab := &standardResponse[X]{Outcomes: make([]*standardOutcome[X], len(out))}, make([]standardOutcome[X], len(out))
			for i, o := range out {
				m := new(standardEvent[X])
				set(m, o.Event)
				a.Outcomes[i] = &slab[i]
				slab[i].Is = &standardIsReplace[X]{&standardReplace[X]{Events: []*standardEvent[X]{m}}}
			}
			return a
		},
		outcomes: func(a *standardResponse[X]) []sdk.Outcome {
			out := make([]sdk.Outcome, len(a.Outcomes))
			for i, m := range a.Outcomes {
				if is, ok := m.Is.(*standardIsReplace[X]); ok && len(is.Replace.Events) == 1 {
					out[i] = sdk.Outcome{Verdict: sdk.Replace, Event: new(sdk.Event)}
					get(out[i].Event, is.Replace.Events[0])
				}
			}
			return out
		},
	}
}
