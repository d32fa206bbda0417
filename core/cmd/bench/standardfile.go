package main

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/runtime/protoimpl"
	"google.golang.org/protobuf/types/descriptorpb"
)

// shippedFile is the plugin wire, which the sdk has registered.
const shippedFile = "headgate/plugin/v1/plugin.proto"

// standardFields are those of the shipped messages that the standard ones have,
// nil for all.
func standardFields() map[string][]string {
	return map[string][]string{
		"TransformRequest": nil, "TransformResponse": nil, "Replace": nil, "Extension": nil,
		"Event":   {"id", "source", "type", "subject", "time", "data_content_type", "data_schema", "data", "data_is_json", "extensions"},
		"Outcome": {"replace"},
	}
}

// standardFile is the shipped file with no more than the standard messages, under
// a package's name. With asMap an event has its extensions in a map by name.
func standardFile(name string, asMap bool) protoreflect.FileDescriptor {
	shipped, err := protoregistry.GlobalFiles.FindFileByPath(shippedFile)
	if err != nil {
		panic(err) // it is linked with sdk/host
	}
	file := protodesc.ToFileDescriptorProto(shipped)
	was := "." + file.GetPackage() + "."
	file.Package, file.Service, file.Options = proto.String(name), nil, nil
	wanted := standardFields()
	file.MessageType = slices.DeleteFunc(file.MessageType, func(m *descriptorpb.DescriptorProto) bool {
		_, ok := wanted[m.GetName()]
		return !ok
	})
	for _, m := range file.MessageType {
		if keep := wanted[m.GetName()]; keep != nil {
			m.Field = slices.DeleteFunc(m.Field, func(f *descriptorpb.FieldDescriptorProto) bool { return !slices.Contains(keep, f.GetName()) })
		}
		for _, f := range m.Field {
			if rest, ok := strings.CutPrefix(f.GetTypeName(), was); ok {
				f.TypeName = proto.String("." + name + "." + rest)
			}
			if asMap && f.GetName() == "extensions" {
				m.NestedType = append(m.NestedType, entryOf(f))
				f.TypeName = proto.String("." + name + ".Event.ExtensionsEntry")
			}
		}
	}
	made, err := protodesc.NewFile(file, nil)
	if err != nil {
		panic(err) // whatever is shipped, its parts fit together
	}
	return made
}

// entryOf is what protobuf makes of map<string, T>, with the T of a field.
func entryOf(of *descriptorpb.FieldDescriptorProto) *descriptorpb.DescriptorProto {
	one := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()
	return &descriptorpb.DescriptorProto{
		Name: proto.String("ExtensionsEntry"),
		Field: []*descriptorpb.FieldDescriptorProto{
			{Name: proto.String("key"), Number: proto.Int32(1), Label: one, Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum()},
			{Name: proto.String("value"), Number: proto.Int32(2), Label: one, Type: of.Type, TypeName: of.TypeName},
		},
		Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
	}
}

// standardInfo is what protobuf's code knows of a standard message's type.
func standardInfo(m proto.Message) *protoimpl.MessageInfo { return standardInfos()[reflect.TypeOf(m)] }

// standardInfos is made once: what protobuf's code compiles of it stays in it.
var standardInfos = sync.OnceValue(func() map[reflect.Type]*protoimpl.MessageInfo {
	infos := make(map[reflect.Type]*protoimpl.MessageInfo)
	list, byName := standardFile("bench.list", false).Messages(), standardFile("bench.map", true).Messages()
	addStandard[inList](infos, list)
	addStandard[inMap](infos, byName)
	addInfo[*standardExtension](infos, list, "Extension")
	return infos
})

func addStandard[X any](infos map[reflect.Type]*protoimpl.MessageInfo, of protoreflect.MessageDescriptors) {
	addInfo[*standardRequest[X]](infos, of, "TransformRequest")
	addInfo[*standardEvent[X]](infos, of, "Event")
	addInfo[*standardResponse[X]](infos, of, "TransformResponse")
	addInfo[*standardOutcome[X]](infos, of, "Outcome", (*standardIsReplace[X])(nil))
	addInfo[*standardReplace[X]](infos, of, "Replace")
}

func addInfo[M any](infos map[reflect.Type]*protoimpl.MessageInfo, of protoreflect.MessageDescriptors, name protoreflect.Name, oneof ...any) {
	t := reflect.TypeFor[M]()
	infos[t] = &protoimpl.MessageInfo{GoReflectType: t, Desc: of.ByName(name), OneofWrappers: oneof}
}
