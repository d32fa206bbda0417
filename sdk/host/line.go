package host

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
)

// Line is one line of a plugin's log.
type Line struct {
	Level   string         // debug, info, warn or error
	Text    string         // at most 16 KiB, longer ones are cut
	Fields  map[string]any // of a structured line; stream = "stdout" of one printed there
	Dropped int            // how many lines were dropped just before this one, for the plugin logged too fast
}

// levels are those of a log in their order.
var levels = map[string]int{"trace": 0, "debug": 0, "info": 1, "warn": 2, "error": 3}

// parseLine reads a line in go-hclog's JSON form; any other is plain text, an
// error where it begins a crash.
func parseLine(text []byte) Line {
	text = bytes.TrimSuffix(text, []byte{'\r'})
	plain := Line{Level: "info", Text: strings.ToValidUTF8(string(text), "\uFFFD")}
	if crashes(text) {
		plain.Level = "error"
	}
	if len(text) == 0 || text[0] != '{' {
		return plain
	}
	var fields map[string]any
	if json.Unmarshal(text, &fields) != nil {
		return plain
	}
	level, _ := fields["@level"].(string)
	said, ok := fields["@message"].(string)
	if _, known := levels[level]; !known || !ok {
		return plain
	}
	if level == "trace" {
		level = "debug"
	}
	maps.DeleteFunc(fields, func(name string, _ any) bool { return strings.HasPrefix(name, "@") && name != "@module" })
	return Line{Level: level, Text: said, Fields: fields}
}

// crashes tells the first line of what a dying Go program says.
func crashes(text []byte) bool {
	return bytes.HasPrefix(text, []byte("panic: ")) || bytes.HasPrefix(text, []byte("fatal error: ")) ||
		bytes.HasPrefix(text, []byte("runtime: ")) || bytes.HasPrefix(text, []byte("SIG"))
}
