package config

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/headgate-io/headgate/sdk"
)

const (
	// maxDiagnostics is how many faults a plugin may name: more help nobody.
	maxDiagnostics = 100
	// maxDiagnostic is how much of one is shown, in bytes.
	maxDiagnostic = 1 << 10
)

// Problems gives what a plugin says of its configuration the places that it
// speaks of.
func (p *Plugin) Problems(d sdk.Diagnostics) Problems {
	c := p.from()
	out := make(Problems, 0, min(len(d), maxDiagnostics))
	for _, x := range d[:min(len(d), maxDiagnostics)] {
		out = append(out, c.Problem(p.place(x.Path), printable(x.Text)))
	}
	out.sort()
	return out
}

// place turns a JSON Pointer (RFC 6901) into the configuration into a dotted
// key. Where there is an array a number is one of its elements. A text that is
// no pointer, or a huge one, leads to the whole.
func (p *Plugin) place(pointer string) string {
	key := join(p.key, "config")
	if !strings.HasPrefix(pointer, "/") || len(pointer) > maxDiagnostic {
		return key
	}
	var v any = p.Config
	for _, name := range strings.Split(pointer[1:], "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		switch x := v.(type) {
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return key
			}
			v, key = x[i], item(key, i)
		case map[string]any:
			v, key = x[name], join(key, name)
		default: // beyond a scalar, or in what is not there
			v, key = nil, join(key, name)
		}
	}
	return key
}

// printable makes one line of a plugin's text, for a terminal.
func printable(text string) string {
	if len(text) > maxDiagnostic {
		text = text[:maxDiagnostic] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}
