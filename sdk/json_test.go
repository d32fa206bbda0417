package sdk_test

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/headgate-io/headgate/sdk"
)

func TestCheckJSON(t *testing.T) {
	for text, good := range map[string]bool{
		`{"a":1,"b":{"a":[null,true,"x"]}}`: true,
		" [] \n":                            true,
		`"x"`:                               true,
		`{"a":1,"a":2}`:                     false,
		`[{"b":{"a":1,"\u0061":2}}]`:        false,
		`{"a":1}{}`:                         false,
		`"\ud800"`:                          false,
		"\"\xff\"":                          false,
		"\xef\xbb\xbf1":                     false,
		`1e400`:                             false,
		`{"a":1,}`:                          false,
		``:                                  false,
	} {
		if err := sdk.CheckJSON([]byte(text)); (err == nil) != good || err != nil && !errors.Is(err, sdk.ErrMalformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, r := range readings() { // an event is read no other way
		raw, _ := base64.StdEncoding.DecodeString(r.Raw)
		if err := sdk.CheckJSON(raw); err != nil && r.Outcome == "ok" {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
}
