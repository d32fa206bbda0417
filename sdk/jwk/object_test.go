package jwk_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/headgate-io/headgate/sdk/jwk"
)

func TestObject(t *testing.T) {
	for text, want := range map[string]error{
		`{}`:                                 nil,
		`{"a":{"b":[1,{"a":null}]}}`:         nil,
		`{"a":{"A":1,"a":2}}`:                nil, // in two cases, but not of the outermost object
		`{"a":"\ud83d\ude00\ufffd\\ud800"}`:  nil,
		`{"a":1,"a":1}`:                      jwk.ErrRepeated,
		`{"a":1,"A":1}`:                      jwk.ErrRepeated,
		`{"k":1,"\u212a":1}`:                 jwk.ErrRepeated, // the sign of kelvin
		`{"a":[{"b":1,"b":1}]}`:              jwk.ErrRepeated,
		`null`:                               jwk.ErrObject,
		`[]`:                                 jwk.ErrObject,
		`{"a":01}`:                           jwk.ErrObject,
		`{"a":1,}`:                           jwk.ErrObject,
		`{"a":1} 1`:                          jwk.ErrObject,
		"\ufeff{}":                           jwk.ErrObject,
		`{"a":"\udc00"}`:                     jwk.ErrObject,
		`{"a":"\ud800x\udc00"}`:              jwk.ErrObject,
		`{"a":"\ud800\n"}`:                   jwk.ErrObject,
		`{"a":"\ud800\ud800\udc00"}`:         jwk.ErrObject,
		`{"\ud800":1}`:                       jwk.ErrObject,
		`{"a":` + deep(jwk.MaxDepth-1) + `}`: nil,
		`{"a":` + deep(jwk.MaxDepth) + `}`:   jwk.ErrDepth,
		`{"a":` + deep(9000) + `}`:           jwk.ErrDepth,
		`{"a":` + deep(100_000) + `}`:        jwk.ErrObject, // beyond what encoding/json scans
	} {
		if _, err := jwk.Object([]byte(text)); err != want {
			t.Errorf("%.40s: got %v, want %v", text, err, want)
		}
	}
}

// FuzzObject holds the scan for names against a walk of encoding/json's tokens.
func FuzzObject(f *testing.F) {
	for _, text := range []string{
		`{"a":{"b":[1,{"c":"\"d\":"}]},"b":1}`, `{"a":[{"x":1,"\u0078":2}]}`, `{"a" :"a"	,"b"
:[]}`, `{"\\":1,"\\\"":{}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := jwk.Object(text)
		if err == jwk.ErrObject {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		want, unique, depth := walk(dec, 1)
		if (err == jwk.ErrDepth) != (depth > jwk.MaxDepth) && err != jwk.ErrRepeated {
			t.Errorf("%s: %v at a depth of %d", text, err, depth)
		}
		if err == nil && (!unique || !reflect.DeepEqual(any(got), want)) {
			t.Errorf("%s: got %v, want %v, names unique %v", text, got, want, unique)
		}
	})
}

// walk gives the next value, whether no object in it has a name twice, and how
// deep it nests.
func walk(dec *json.Decoder, depth int) (value any, unique bool, deepest int) {
	token, err := dec.Token()
	if err != nil {
		panic(err)
	}
	open, nests := token.(json.Delim)
	if !nests {
		return token, true, depth - 1
	}
	object, array := map[string]any{}, []any{}
	unique, deepest = true, depth
	for dec.More() {
		var name string
		if open == '{' {
			token, err := dec.Token()
			if err != nil {
				panic(err)
			}
			name = token.(string)
			_, there := object[name]
			unique = unique && !there
		}
		element, inner, at := walk(dec, depth+1)
		object[name], array = element, append(array, element)
		unique, deepest = unique && inner, max(deepest, at)
	}
	if _, err := dec.Token(); err != nil {
		panic(err)
	}
	if open == '{' {
		return object, unique, deepest
	}
	return array, unique, deepest
}
