package config_test

import (
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk"
)

func TestProblemsOfAPlugin(t *testing.T) {
	p := plugin(t, ".", "fields = [\"/a\", \"/b\"]\nservers = [{ name = \"x\" }]\n\"a/b~c\" = 1\n\"0\" = 2\n")
	for _, c := range []struct{ path, want string }{
		{"", "x.toml:4:13: transforms[0].config"},
		{"/fields", "x.toml:5:1: transforms[0].config.fields"},
		{"/fields/1", "x.toml:5:17: transforms[0].config.fields[1]"},
		{"/fields/2", "x.toml:5:1: transforms[0].config.fields"},
		{"/fields/-1", "x.toml:5:1: transforms[0].config.fields"},
		{"/fields/0/x", "x.toml:5:11: transforms[0].config.fields[0].x"},
		{"/servers/0/name", "x.toml:6:14: transforms[0].config.servers[0].name"},
		{"/servers/0/port", "x.toml:6:12: transforms[0].config.servers[0].port"},
		{"/a~1b~0c", `x.toml:7:1: transforms[0].config."a/b~c"`},
		{"/0", "x.toml:8:1: transforms[0].config.0"},
		{"/gone/0/x", "x.toml:4:13: transforms[0].config.gone.0.x"},
		{"/\x1b[2J", `x.toml:4:13: transforms[0].config."\x1b[2J"`},
		{"fields", "x.toml:4:13: transforms[0].config"},
		{"/" + strings.Repeat("a", 2000), "x.toml:4:13: transforms[0].config"},
	} {
		got := p.Problems(sdk.Diagnostics{{Path: c.path, Text: "is wrong"}})
		if len(got) != 1 || got[0].Error() != c.want+": is wrong" {
			t.Errorf("%q: got %v, want %s", c.path, got, c.want)
		}
	}
}

// TestProblemsOfAPluginAreOrdered shows them in order of the file, in so many
// lines, and in what a terminal can take.
func TestProblemsOfAPluginAreOrdered(t *testing.T) {
	p := plugin(t, ".", "a = 1\nb = 2\n")
	got := p.Problems(sdk.Diagnostics{{Path: "/b", Text: "two\nlines\x1b[2J"}, {Path: "/a", Text: strings.Repeat("x", 5000)}})
	want := "x.toml:5:1: transforms[0].config.a: " + strings.Repeat("x", 1024) + "...\nx.toml:6:1: transforms[0].config.b: two lines [2J"
	if got.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
	if got := p.Problems(make(sdk.Diagnostics, 10_000)); len(got) != 100 {
		t.Errorf("%d problems", len(got))
	}
	var byHand config.Plugin
	if got := byHand.Problems(sdk.Diagnostics{{Path: "/a", Text: "is wrong"}}).Error(); got != "config.a: is wrong" {
		t.Errorf("got %s", got)
	}
}
