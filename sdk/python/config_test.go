package python_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"reflect"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// inner and config are the Inner and Config of testdata/config.py.
type inner struct {
	Size int    `json:"size" required:"true"`
	Word string `json:"word" default:"x"`
}

type config struct {
	Fields []string         `json:"fields" required:"true" doc:"What to change" min:"1"`
	Token  string           `json:"token" required:"true" secret:"true"`
	Mode   string           `json:"mode" default:"a" enum:"a,b" doc:"How to change it"`
	Share  float64          `json:"share" default:"0.5" min:"0" max:"1"`
	Count  int              `json:"count" default:"3" min:"1" max:"9"`
	Every  time.Duration    `json:"every" default:"90s"`
	Keep   bool             `json:"keep" default:"true"`
	Name   string           `json:"name" default:"é" min:"1" max:"2"`
	Inner  *inner           `json:"inner"`
	More   map[string]inner `json:"more" default:"{}"`
	Any    any              `json:"any"`
}

var configurations = []string{
	`{"fields": ["a"], "token": "t"}`,
	``,
	`[]`,
	`null`,
	`{"fields": [], "token": 1}`,
	`{"fields": [1, "a", null], "token": null}`,
	`{"fields": {}, "token": "t", "mode": "c", "share": -1, "count": 10}`,
	`{"fields": ["a"], "token": "t", "share": true, "count": 1.0, "every": "soon", "keep": 1}`,
	`{"fields": ["a"], "token": "t", "share": 1e400, "count": true, "every": 5}`,
	`{"fields": ["a"], "token": "t", "every": "-1.5h30m", "name": "ééé"}`,
	`{"fields": ["a"], "token": "t", "name": "", "inner": {}}`,
	`{"fields": ["a"], "token": "t", "inner": {"size": "1", "sise": 2}}`,
	`{"fields": ["a"], "token": "t", "inner": [], "more": []}`,
	`{"fields": ["a"], "token": "t", "more": {"a/b~c": {"size": []}, "A": {"size": 1}}}`,
	`{"fields": ["a"], "token": "t", "any": {"x": [1]}, "mods": 1, "feilds": 2}`,
	`{"token": "t", "qqqqqqqqqqqqqqq": 1}`,
}

// TestConfigurationsAreReadAlike holds schema and faults of a Python plugin
// against those of a Go plugin with the same fields.
func TestConfigurationsAreReadAlike(t *testing.T) {
	requirePython(t)
	texts, err := json.Marshal(configurations)
	if err != nil {
		t.Fatal(err)
	}
	cmd := python3(t, ".", "testdata/config.py")
	cmd.Stdin = bytes.NewReader(texts)
	out, err := cmd.Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Logf("%s", e.Stderr)
		}
		t.Fatal(err)
	}
	var got struct {
		Schema any
		Faults []sdk.Diagnostics
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}

	text, err := sdk.ConfigSchema[config]()
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Schema, schema) {
		t.Errorf("Python describes\n%v\nand Go\n%v", got.Schema, schema)
	}
	if len(got.Faults) != len(configurations) {
		t.Fatalf("%d answers for %d configurations", len(got.Faults), len(configurations))
	}
	for i, text := range configurations {
		_, err := sdk.DecodeConfig[config]([]byte(text))
		want, _ := errors.AsType[sdk.Diagnostics](err)
		if got.Faults[i].Error() != want.Error() {
			t.Errorf("%s: Python says\n%v\nand Go\n%v", text, got.Faults[i], want)
		}
	}
}
