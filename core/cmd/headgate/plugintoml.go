package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/headgate-io/headgate/sdk/host"
)

// pluginTOML is what to paste into the configuration for each transform of a
// plugin. A path there starts from the configuration's own directory.
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
	var names []string
	for _, k := range d.Transforms {
		name := d.Name
		if len(d.Transforms) > 1 {
			name = k.Name
		}
		names = append(names, name)
		fmt.Fprintf(b, "[[transforms]]\nname = %q\nplugin = %q\npath = %q\nsha256 = %q\n", name, d.Name, path, sum)
		if len(interpreter) > 0 {
			fmt.Fprintf(b, "command = [%s]\n", quotedList(interpreter))
		}
		if len(d.Transforms) > 1 {
			fmt.Fprintf(b, "kind = %q\n", k.Name)
		}
		if wants := requiredOf(k.Schema); len(wants) > 0 {
			fmt.Fprintf(b, "# config = { %s = .. }    # it cannot do without\n", strings.Join(wants, " = .., "))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "# and on a route, or as a channel's require:\n# transforms = [%s]\n", quotedList(names))
	return b.String()
}

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
