package jq_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

// FuzzIdentity shows that what a filter passes on is the same value, number
// texts included, and that what comes out is JSON of the bounds it has.
func FuzzIdentity(f *testing.F) {
	for _, s := range []string{`{"b":[1.10,1e2,-0],"a":null}`, `"\ud800é\u0000"`, `[[[]],{"":{}}]`, `12345678901234567890123`, `{"a":1} x`, "\"\xff\""} {
		f.Add([]byte(s))
	}
	const most = 4096
	tr := open(f, with(`.`, `,"max_output":4096,"timeout":"1h"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := run(t.Context(), t, tr, &sdk.Event{Data: data, DataIsJSON: true, DataContentType: "application/json"})
		if o.Stack != "" || o.Retry {
			t.Fatalf("%+v", o)
		}
		if !json.Valid(data) {
			if data != nil && o.Verdict != sdk.Fail {
				t.Fatalf("%q is no JSON: %+v", data, o)
			}
			return
		}
		if o.Verdict != sdk.Replace {
			return
		}
		if got := o.Event.Data; len(got) > most || !reflect.DeepEqual(value(t, got), value(t, data)) {
			t.Fatalf("%s became %s", data, got)
		}
	})
}

func value(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
