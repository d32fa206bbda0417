package main

import (
	"bytes"
	"reflect"
	"testing"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/headgate-io/headgate/sdk"
)

// encoded is what a codec writes.
func encoded(t *testing.T, c encoding.CodecV2, v any) []byte {
	t.Helper()
	data, err := c.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Free()
	return data.Materialize()
}

func decode(t *testing.T, c encoding.CodecV2, b []byte, v any) {
	t.Helper()
	if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(b)}, v); err != nil {
		t.Fatal(err)
	}
}

// roundTrip sends a batch through both directions of a codec, and gives the bytes
// of the request and of the answer.
func roundTrip[Q, A any](t *testing.T, of codec, with encoding.CodecV2, batch []sdk.Input) (request, answer []byte) {
	t.Helper()
	c := of.(*converters[Q, A])
	request = encoded(t, with, c.request(batch))
	q := new(Q)
	decode(t, with, request, q)
	in := c.inputs(q)
	if !reflect.DeepEqual(in, batch) {
		t.Errorf("%s: the request became %+v", c.name, in[0].Event)
	}
	want := replaced(in)
	answer = encoded(t, with, c.answer(want))
	a := new(A)
	decode(t, with, answer, a)
	if out := c.outcomes(a); !reflect.DeepEqual(out, want) {
		t.Errorf("%s: the answer became %+v", c.name, out[0].Event)
	}
	return request, answer
}

// Every codec carries the same, and what is compared with the map is the wire as
// it is shipped, byte for byte.
func TestCodecsCarryTheSame(t *testing.T) {
	batch, err := newBatch(3, attributes())
	if err != nil {
		t.Fatal(err)
	}
	standard := encoding.GetCodecV2("proto")
	request, answer := roundTrip[standardRequest[inList], standardResponse[inList]](t, newStandard("list", listed, unlisted), standard, batch)
	roundTrip[standardRequest[inMap], standardResponse[inMap]](t, newStandard("map", mapped, unmapped), standard, batch)
	handRequest, handAnswer := roundTrip[byHandRequest, byHandResponse](t, newByHand(), byHandCodec{}, batch)
	if !bytes.Equal(handRequest, request) || !bytes.Equal(handAnswer, answer) {
		t.Error("by hand the bytes are others")
	}
	for name, b := range map[protoreflect.FullName][]byte{"headgate.plugin.v1.TransformRequest": request, "headgate.plugin.v1.TransformResponse": answer} {
		shipped, err := protoregistry.GlobalTypes.FindMessageByName(name)
		if err != nil {
			t.Fatal(err)
		}
		m := shipped.New().Interface()
		if err := proto.Unmarshal(b, m); err != nil {
			t.Fatal(err)
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil || !bytes.Equal(again, b) || hasUnknown(m.ProtoReflect()) {
			t.Errorf("%s: the shipped message has other bytes: %v", name, err)
		}
	}
}

// hasUnknown tells whether a message or one within it holds what it does not know.
func hasUnknown(m protoreflect.Message) (unknown bool) {
	unknown = len(m.GetUnknown()) > 0
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				unknown = unknown || hasUnknown(v.List().Get(i).Message())
			}
		default:
			unknown = unknown || hasUnknown(v.Message())
		}
		return !unknown
	})
	return unknown
}

// A figure for what refuses less would flatter it.
func TestCodecsRefuseTheSame(t *testing.T) {
	batch, err := newBatch(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	batch[0].Event.Subject = "\xff"
	standard := newStandard("list", listed, unlisted).(*converters[standardRequest[inList], standardResponse[inList]])
	if _, err := encoding.GetCodecV2("proto").Marshal(standard.request(batch)); err == nil {
		t.Error("as shipped a text may be no UTF-8")
	}
	if _, err := (byHandCodec{}).Marshal(&byHandRequest{[]*sdk.Event{batch[0].Event}}); err == nil {
		t.Error("by hand a text may be no UTF-8")
	}
	broken := []byte{2<<3 | 2, 3, 4<<3 | 2, 1, 0xff} // an event whose subject is no UTF-8
	for c, q := range map[encoding.CodecV2]any{encoding.GetCodecV2("proto"): new(standardRequest[inList]), byHandCodec{}: new(byHandRequest)} {
		if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(broken)}, q); err == nil {
			t.Errorf("%s reads a text that is no UTF-8", c.Name())
		}
		if err := c.Unmarshal(mem.BufferSlice{mem.SliceBuffer(broken[:3])}, q); err == nil {
			t.Errorf("%s reads a request that is cut", c.Name())
		}
	}
}
