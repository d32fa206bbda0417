package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk"
)

// plugin is a transform with that configuration, as [transforms.config] of
// x.toml in dir.
func plugin(t *testing.T, dir, body string) *config.Transform {
	t.Helper()
	text := "[[transforms]]\nname = \"t\"\nplugin = \"p\"\n[transforms.config]\n" + body
	c, err := config.Parse([]byte(text), "x.toml", dir, config.Options{Env: []string{"TOKEN=never shown", "EMPTY=", "BINARY=never\xffshown"}})
	if err != nil {
		t.Fatal(err)
	}
	return &c.Transforms[0]
}

// private makes files that nobody but their owner can read.
func private(t *testing.T, pairs ...string) (dir string) {
	t.Helper()
	dir, _ = write(t, pairs...)
	return dir
}

const (
	secretField = `{"type":"string","x-headgate-secret":true}`
	oneSecret   = `{"type":"object","properties":{"token":` + secretField + `,"plain":{"type":"string"}},"additionalProperties":false}`
)

func TestResolve(t *testing.T) {
	dir := private(t, "key", "never shown\n", "sub/two", "two\n\n")
	for _, c := range []struct{ name, schema, config, want string }{
		{"nothing", oneSecret, ``, `{}`},
		{"no schema", ``, `token = "env:TOKEN"`, `{"token":"env:TOKEN"}`},
		{"true", `true`, `token = "env:TOKEN"`, `{"token":"env:TOKEN"}`},
		{"variable", oneSecret, `token = "env:TOKEN"`, `{"token":"never shown"}`},
		{"file", oneSecret, `token = "file:key"`, `{"token":"never shown"}`},
		{"one newline is taken off", oneSecret, `token = "file:sub/two"`, `{"token":"two\n"}`},
		{"root", oneSecret, `token = "file:` + dir + `/key"`, `{"token":"never shown"}`},
		{"not marked", oneSecret, `plain = "file:key"`, `{"plain":"file:key"}`},
		{"marked false", `{"properties":{"token":{"x-headgate-secret":false}}}`, `token = "env:TOKEN"`, `{"token":"env:TOKEN"}`},
		{"not known", oneSecret, `other = "env:TOKEN"`, `{"other":"env:TOKEN"}`},
		{"items", `{"properties":{"keys":{"items":` + secretField + `}}}`, `keys = ["env:TOKEN", "file:key"]`, `{"keys":["never shown","never shown"]}`},
		{"all others", `{"properties":{"plain":{}},"additionalProperties":` + secretField + `}`, "a = \"env:TOKEN\"\nplain = \"env:TOKEN\"", `{"a":"never shown","plain":"env:TOKEN"}`},
		{"inside", `{"properties":{"servers":{"type":"array","items":` + oneSecret + `}}}`, `servers = [{ token = "env:TOKEN", plain = "x" }, { plain = "y" }]`,
			`{"servers":[{"plain":"x","token":"never shown"},{"plain":"y"}]}`},
		{"named as the keyword", `{"properties":{"x-headgate-secret":{"type":"boolean"}}}`, `x-headgate-secret = true`, `{"x-headgate-secret":true}`},
		{"every form", `{}`, "s = \"<&>\\u0000é\"\nb = true\ni = 9007199254740993\nf = 1.5\na = [1, [2], {}]", `{"a":[1,[2],{}],"b":true,"f":1.5,"i":9007199254740993,"s":"\u003c\u0026\u003e\u0000é"}`},
	} {
		got, err := plugin(t, dir, c.config).Resolve(json.RawMessage(c.schema))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
}

// TestResolveRefuses shows that what is marked is a reference that leads
// somewhere, and that no mark is missed. Nothing of a secret is told.
func TestResolveRefuses(t *testing.T) {
	dir := private(t, "key", "never shown", "open", "never shown", "empty", "\n")
	if err := os.Chmod(filepath.Join(dir, "open"), 0o644); err != nil {
		t.Fatal(err)
	}
	const at, whole = "x.toml:5:1: transforms[0].config.token: ", `x.toml:4:13: transforms[0].config: the schema of plugin "p" cannot be used: `
	const literal = at + `is a secret, which does not stand in this file itself; write "file:PATH" or "env:NAME" of it`
	const hidden = whole + "it marks a secret elsewhere than in properties, items and additionalProperties, and only there they are looked for"
	for _, c := range []struct{ name, schema, config, want string }{
		{"a literal", oneSecret, `token = "never shown"`, literal},
		{"an empty one", oneSecret, `token = ""`, literal},
		{"a number", oneSecret, `token = 3`, literal},
		{"a table", oneSecret, `token = { value = "never shown" }`, "x.toml:5:1: transforms[0].config.token: " + literal[len(at):]},
		{"no name", oneSecret, `token = "env:"`, at + `must be "file:PATH" or "env:NAME"`},
		{"no variable", oneSecret, `token = "env:GONE"`, at + "variable GONE is not set"},
		{"an empty variable", oneSecret, `token = "env:EMPTY"`, at + "env:EMPTY: it is empty"},
		{"an empty file", oneSecret, `token = "file:empty"`, at + "file:empty: it is empty"},
		{"no text", oneSecret, `token = "env:BINARY"`, at + "env:BINARY: it is no UTF-8 text"},
		{"no file", oneSecret, `token = "file:gone"`, at + "gone: file cannot be read: no such file or directory"},
		{"an open file", oneSecret, `token = "file:open"`, at + "open: file is open to group or others, mode 0644: run chmod 600 on it"},
		{"all at once", `{"additionalProperties":` + secretField + `}`, "a = 1\nb = \"x\"",
			"x.toml:5:1: transforms[0].config.a: " + literal[len(at):] + "\nx.toml:6:1: transforms[0].config.b: " + literal[len(at):]},
		{"no JSON", `{`, ``, whole + "it is not JSON"},
		{"no boolean", `{"properties":{"token":{"x-headgate-secret":"yes"}}}`, ``, whole + "x-headgate-secret is neither true nor false"},
		{"no properties", `{"properties":[]}`, ``, whole + "properties is not an object"},
		{"by reference", `{"properties":{"token":{"$ref":"#/$defs/s"}},"$defs":{"s":` + secretField + `}}`, `token = "env:TOKEN"`, hidden},
		{"by choice", `{"properties":{"token":{"anyOf":[{"type":"null"},` + secretField + `]}}}`, `token = "env:TOKEN"`, hidden},
		{"by pattern", `{"patternProperties":{"t":` + secretField + `}}`, `token = "env:TOKEN"`, hidden},
		{"by place", `{"properties":{"token":{"items":[` + secretField + `]}}}`, `token = ["env:TOKEN"]`, hidden},
	} {
		got, err := plugin(t, dir, c.config).Resolve(json.RawMessage(c.schema))
		if got != nil || said(err) != c.want {
			t.Errorf("%s: got %s, %v\nwant %s", c.name, got, err, c.want)
		}
		if _, ok := errors.AsType[config.Problems](err); !ok {
			t.Errorf("%s: the error is a %T", c.name, err)
		}
	}
}

// TestResolveAnew shows that a file is read each time, and that a resolved
// secret stays in what Resolve gave.
func TestResolveAnew(t *testing.T) {
	dir := private(t, "key", "first")
	p := plugin(t, dir, `token = "file:key"`)
	if _, err := p.Resolve(json.RawMessage(oneSecret)); err != nil {
		t.Fatal(err)
	}
	if p.Config["token"] != "file:key" {
		t.Errorf("the configuration has %v", p.Config["token"])
	}
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := p.Resolve(json.RawMessage(oneSecret))
	if err != nil || string(got) != `{"token":"second"}` {
		t.Errorf("%s, %v", got, err)
	}
}

// TestVariablesAreNotShown prints a configuration as careless code would.
func TestVariablesAreNotShown(t *testing.T) {
	c, err := config.Parse(nil, "x.toml", ".", config.Options{Env: []string{"TOKEN=never shown"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v"} {
		if strings.Contains(fmt.Sprintf(format, c), "never") {
			t.Errorf("%s shows a variable", format)
		}
	}
}

// TestResolveByHand takes a plugin that no file has.
func TestResolveByHand(t *testing.T) {
	p := config.Plugin{Name: "p", Config: map[string]any{"plain": "x"}}
	if got, err := p.Resolve(json.RawMessage(oneSecret)); err != nil || string(got) != `{"plain":"x"}` {
		t.Errorf("%s, %v", got, err)
	}
	p.Config["token"] = "env:TOKEN"
	if _, err := p.Resolve(json.RawMessage(oneSecret)); said(err) != "config.token: variable TOKEN is not set" {
		t.Errorf("%v", err)
	}
}

// FuzzResolve holds every schema to this: no panic, and where one is taken, no
// reference that it marks gets through.
func FuzzResolve(f *testing.F) {
	for _, seed := range []string{oneSecret, `true`, `{"items":{"x-headgate-secret":true}}`, `{"properties":{"token":{"$ref":"#"}}}`,
		`{"additionalProperties":{"additionalProperties":` + secretField + `}}`, `{"anyOf":[` + oneSecret + `]}`, `{"x-headgate-secret":true}`} {
		f.Add([]byte(seed))
	}
	text := "[[transforms]]\nname = \"t\"\nplugin = \"p\"\nconfig = { token = \"env:T\", a = { token = \"env:T\", b = [\"env:T\"] }, n = 1 }\n"
	c, err := config.Parse([]byte(text), "x.toml", f.TempDir(), config.Options{Env: []string{"T=t"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, schema []byte) {
		got, err := c.Transforms[0].Resolve(schema)
		if err != nil {
			if _, ok := errors.AsType[config.Problems](err); !ok || got != nil {
				t.Errorf("%s, %T %v", got, err, err)
			}
			return
		}
		if !json.Valid(got) {
			t.Errorf("no JSON: %s", got)
		}
		// Without a mark nothing changes.
		if !strings.Contains(string(schema), `\`) && !strings.Contains(string(schema), sdk.SecretKeyword) && strings.Count(string(got), "env:T") != 3 {
			t.Errorf("unmarked by %s, yet %s", schema, got)
		}
	})
}
