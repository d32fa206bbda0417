package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/headgate-io/headgate/sdk/host"
)

// pluginTOML is what to paste into the configuration for each transform and each
// provider of a plugin. A path there starts from the configuration's own directory.
func (a *app) pluginTOML(d *host.Description, path, sum string, interpreter []string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
		if file, err := filepath.Abs(a.files[0]); err == nil && isFile(file) {
			if rel, err := filepath.Rel(filepath.Dir(file), abs); err == nil && filepath.IsLocal(rel) {
				path = rel
			}
		}
	}
	b := new(strings.Builder)
	section := func(table, kind string, alone bool, schema json.RawMessage) (name string) {
		name = d.Name
		if !alone {
			name = kind
		}
		fmt.Fprintf(b, "[[%s]]\nname = %q\nplugin = %q\npath = %q\nsha256 = %q\n", table, name, d.Name, path, sum)
		if len(interpreter) > 0 {
			fmt.Fprintf(b, "command = [%s]\n", quotedList(interpreter))
		}
		if !alone {
			fmt.Fprintf(b, "kind = %q\n", kind)
		}
		if wants := requiredOf(schema); len(wants) > 0 {
			fmt.Fprintf(b, "# config = { %s = .. }    # it cannot do without\n", strings.Join(wants, " = .., "))
		}
		return name
	}
	var names []string
	for _, k := range d.Transforms {
		names = append(names, section("transforms", k.Name, len(d.Transforms) == 1, k.Schema))
		b.WriteString("\n")
	}
	if len(names) > 0 {
		fmt.Fprintf(b, "# and on a route, or as a channel's require:\n# transforms = [%s]\n", quotedList(names))
	}
	for _, k := range d.Providers {
		name := section("auth", k.Name, len(d.Providers) == 1, k.Schema)
		fmt.Fprintf(b, providerTOML, name)
	}
	return b.String()
}

// providerTOML is the rest of an [[auth]], with what an operator has to say in place
// of these, and the grant without which nobody may send.
const providerTOML = `issuers = ["https://issuer.example"]
audiences = ["api://headgate"]
algs = ["ES256"]

[[grants]]
auth = %q
match = { subject = [".."] }
sources = ["//shop.example/**"]
types = ["com.example.order.*"]
`

// requiredOf names what a configuration must have.
func requiredOf(schema json.RawMessage) []string {
	var s struct {
		Required []string `json:"required"`
	}
	_ = json.Unmarshal(schema, &s) // what cannot be read asks for nothing
	return s.Required
}

func quotedList(list []string) string {
	quoted := make([]string, len(list))
	for i, x := range list {
		quoted[i] = fmt.Sprintf("%q", x)
	}
	return strings.Join(quoted, ", ")
}
