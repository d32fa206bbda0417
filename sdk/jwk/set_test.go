package jwk_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/jwk"
)

func TestParseSet(t *testing.T) {
	const odd = `{ "kty":"oct" , "k":"AQ" }`
	keys, err := jwk.ParseSet([]byte(`{"x":1,"keys":[` + rfcEC + `, ` + odd + `,7]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 3 || string(keys[0]) != rfcEC || string(keys[1]) != odd || string(keys[2]) != "7" {
		t.Errorf("got %s", keys)
	}
	if keys, err := jwk.ParseSet([]byte(`{"keys":[]}`)); err != nil || len(keys) != 0 {
		t.Errorf("an empty set: got %s, %v", keys, err)
	}
	for name, text := range map[string]string{
		"nothing":        "",
		"an array":       "[" + rfcEC + "]",
		"no keys":        `{}`,
		"keys null":      `{"keys":null}`,
		"keys an object": `{"keys":{}}`,
		"Keys":           `{"Keys":[]}`,
		"keys twice":     `{"keys":[],"keys":[]}`,
		"keys and KEYS":  `{"keys":[],"KEYS":[]}`,
		"member twice":   `{"keys":[{"a":1,"a":1}]}`,
		"HTML":           `<html></html>`,
		"bytes after":    `{"keys":[]}{}`,
		"too long":       `{"keys":["` + strings.Repeat("k", jwk.MaxSetText) + `"]}`,
	} {
		if keys, err := jwk.ParseSet([]byte(text)); !errors.Is(err, jwk.ErrKey) || keys != nil {
			t.Errorf("%s: got %s, %v", name, keys, err)
		}
	}
}
