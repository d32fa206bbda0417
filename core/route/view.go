package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/headgate-io/headgate/sdk"
)

// view is an event as expressions see it: `event` is a type of its own, so a
// misspelt attribute or a comparison of text with a number is found at load.
// Only event.extensions and event.data are dynamic. An optional attribute that
// is absent is an error to read and false to has().
//
// It parses data when the first expression reads it, and once.
type view struct {
	event *sdk.Event

	parsed bool
	value  any
	err    error
}

// The variable and its type. The type's name is for CEL's error texts; it can
// not be written in an expression, so none can make an event.
const (
	eventName = "event"
	typeName  = "an event"
)

var eventType = cel.ObjectType(typeName)

// attributes is what `event` has.
var attributes = map[string]*types.FieldType{
	"id":              text(func(e *sdk.Event) string { return e.ID }),
	"source":          text(func(e *sdk.Event) string { return e.Source }),
	"type":            text(func(e *sdk.Event) string { return e.Type }),
	"specversion":     text(func(e *sdk.Event) string { return e.SpecVersion }),
	"subject":         text(func(e *sdk.Event) string { return e.Subject }),
	"datacontenttype": text(func(e *sdk.Event) string { return e.DataContentType }),
	"dataschema":      text(func(e *sdk.Event) string { return e.DataSchema }),
	"time": field(cel.TimestampType,
		func(v *view) bool { return v.event.Time != "" },
		func(v *view) (any, error) {
			if v.event.Time == "" {
				return nil, errAbsent
			}
			return time.Parse(time.RFC3339, v.event.Time)
		}),
	"extensions": field(cel.MapType(cel.StringType, cel.DynType),
		func(v *view) bool { return len(v.event.Extensions) > 0 },
		func(v *view) (any, error) { return v.extensions() }),
	"data": field(cel.DynType,
		func(v *view) bool { return v.event.DataIsJSON },
		func(v *view) (any, error) { return v.data() }),
}

var errAbsent = errors.New("event does not have this attribute: guard it with has()")

func text(get func(*sdk.Event) string) *types.FieldType {
	return field(cel.StringType,
		func(v *view) bool { return get(v.event) != "" },
		func(v *view) (any, error) {
			if s := get(v.event); s != "" {
				return s, nil
			}
			return nil, errAbsent
		})
}

func field(t *cel.Type, has func(*view) bool, get func(*view) (any, error)) *types.FieldType {
	return &types.FieldType{
		Type:    t,
		IsSet:   func(v any) bool { return has(v.(*view)) },
		GetFrom: func(v any) (any, error) { return get(v.(*view)) },
	}
}

func attributeNames() []string { return slices.Sorted(maps.Keys(attributes)) }

// extensions gives all of them by name, each by its kind.
func (v *view) extensions() (map[string]any, error) {
	all := make(map[string]any, len(v.event.Extensions))
	for _, x := range v.event.Extensions {
		var err error
		switch x.Kind {
		case sdk.KindInteger:
			all[x.Name], err = strconv.ParseInt(x.Value, 10, 64)
		case sdk.KindBoolean:
			all[x.Name], err = strconv.ParseBool(x.Value)
		default:
			all[x.Name] = x.Value
		}
		if err != nil {
			return nil, fmt.Errorf("extension %s: %w", x.Name, err)
		}
	}
	return all, nil
}

// data gives the parsed data, nil when the event has no JSON data.
func (v *view) data() (any, error) {
	if !v.parsed && v.event.DataIsJSON {
		v.value, v.err = parseData(v.event.Data)
	}
	v.parsed = true
	return v.value, v.err
}

// ResolveName makes the view what a program runs on.
func (v *view) ResolveName(name string) (any, bool) { return v, name == eventName }

// Parent is none.
func (v *view) Parent() cel.Activation { return nil }

// provider tells CEL of the event type, and of nothing beyond the standard ones.
type provider struct{ *types.Registry }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	return types.NewTypeTypeWithParam(eventType), name == typeName
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	return attributeNames(), name == typeName
}

func (p provider) FindStructFieldType(name, attribute string) (*types.FieldType, bool) {
	f, ok := attributes[attribute]
	return f, ok && name == typeName
}

// adapter turns what views give into CEL values, one level at a time as an
// expression reaches it.
type adapter struct{ *types.Registry }

func (a adapter) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case map[string]any:
		return types.NewStringInterfaceMap(a, v)
	case []any:
		return types.NewDynamicList(a, v)
	case json.Number:
		return number(v)
	case *view:
		return types.NewErr("event is no value: name one of its attributes")
	}
	return a.Registry.NativeToValue(value)
}

// number is an int where it was written as one and fits, else a double.
func number(n json.Number) ref.Val {
	if !strings.ContainsAny(string(n), ".eE") {
		if i, err := n.Int64(); err == nil {
			return types.Int(i)
		}
	}
	f, err := n.Float64()
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Double(f)
}
