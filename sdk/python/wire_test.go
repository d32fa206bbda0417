package python_test

import (
	"flag"
	"os"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

var update = flag.Bool("update", false, "write the wire's description anew")

const description = "headgate/plugin/plugin_v1.binpb"

// TestWireIsCurrent holds what Python makes its classes of against the code that
// Go has of the same wire.
func TestWireIsCurrent(t *testing.T) {
	file := protodesc.ToFileDescriptorProto(pluginv1.File_headgate_plugin_v1_plugin_proto)
	want := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{file}}
	if *update {
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(description, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(description)
	if err != nil {
		t.Fatal(err)
	}
	got := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(text, got); err != nil || !proto.Equal(got, want) {
		t.Errorf("%s is old: task generate (%v)", description, err)
	}
}
