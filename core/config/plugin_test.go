package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/config"
)

func loadTransforms(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Load([]string{"testdata/good/transforms.toml"}, config.Options{Env: env(), Plugins: []string{"jq", "mask"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPlugin(t *testing.T) {
	c := loadTransforms(t)
	mask, enrich := c.Transforms[0], c.Transforms[1]
	if mask.Name != "mask-card" || mask.Plugin.Name != "mask" || mask.External() || !enrich.External() {
		t.Errorf("%q of %q, %q of %q", mask.Name, mask.Plugin.Name, enrich.Name, enrich.Plugin.Name)
	}
	if mask.OnUnavailable != "hold" || time.Duration(mask.Timeout) != 10*time.Second || mask.Limits != (config.PluginLimits{}) {
		t.Errorf("defaults: %+v", mask)
	}
	if enrich.Kind != "customer" || enrich.User != "headgate-plugins" || enrich.Env["TZ"] != "Europe/Zurich" || enrich.OnUnavailable != "dead_letter" ||
		!slices.Equal(enrich.Command, []string{"/usr/bin/python3", "-I"}) {
		t.Errorf("%+v", enrich)
	}
	if want := (config.PluginLimits{Memory: 512 << 20, Files: 64, Processes: 16, CPU: config.Duration(time.Hour)}); enrich.Limits != want {
		t.Errorf("limits %+v, want %+v", enrich.Limits, want)
	}
}

// TestPluginShipped shows that only a plugin without a path has to be shipped,
// and that nothing is said where it is not known which are.
func TestPluginShipped(t *testing.T) {
	const text = "[[transforms]]\nname = \"t\"\nplugin = \"PLUGIN\"\n"
	for _, c := range []struct {
		plugin, more string
		shipped      []string
		want         string
	}{
		{"mask", "", []string{"jq", "mask"}, ""},
		{"maks", "", nil, ""},
		{"maks", "", []string{"jq", "mask"}, `x.toml:3:1: transforms[0].plugin: no plugin "maks" is shipped; did you mean "mask"?`},
		{"translate", "", []string{"jq", "mask"}, `x.toml:3:1: transforms[0].plugin: no plugin "translate" is shipped; there are jq, mask; one of your own needs path and sha256`},
		{"maks", "path = \"enrich\"\nsha256 = \"" + strings.Repeat("0", 64) + "\"", []string{"jq", "mask"}, ""},
	} {
		_, err := config.Parse([]byte(strings.Replace(text, "PLUGIN", c.plugin, 1)+c.more), "x.toml", "testdata/bad", config.Options{Env: []string{}, Plugins: c.shipped})
		if got := said(err); got != c.want {
			t.Errorf("%s of %v: got %s\nwant %s", c.plugin, c.shipped, got, c.want)
		}
	}
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestPluginEffective shows a plugin's configuration key by key, with the places
// it comes from, and references as they are.
func TestPluginEffective(t *testing.T) {
	dir, paths := write(t, "base.toml", "[[transforms]]\nname = \"t\"\nplugin = \"p\"\nconfig.a = 1\nconfig.token = \"env:SECRET_A\"\n",
		"over.toml", "[[transforms]]\nname = \"t\"\n[transforms.config]\na = 2\nb = [1.0, { \"x y\" = true, c = [] }]\nd.e = \"f\"\n[transforms.env]\nTZ = \"UTC\"\n")
	c, err := config.Load(paths, config.Options{Env: env()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range c.Effective() {
		if strings.HasPrefix(s.Key, "transforms[0].") {
			got = append(got, s.Key+" = "+s.Value+" "+strings.TrimPrefix(s.Origin, dir+"/"))
		}
	}
	want := []string{
		`transforms[0].name = "t" over.toml:2`,
		`transforms[0].plugin = "p" base.toml:3`,
		`transforms[0].config.a = 2 over.toml:4`,
		`transforms[0].config.b = [1.0, {c = [], "x y" = true}] over.toml:5`,
		`transforms[0].config.d.e = "f" over.toml:6`,
		`transforms[0].config.token = "env:SECRET_A" base.toml:5`,
		`transforms[0].env.TZ = "UTC" over.toml:8`,
		`transforms[0].limits.memory = "0B" default`,
		`transforms[0].limits.files = 0 default`,
		`transforms[0].limits.processes = 0 default`,
		`transforms[0].limits.cpu = "0s" default`,
		`transforms[0].timeout = "10s" default`,
		`transforms[0].on_unavailable = "hold" default`,
	}
	gotText, wantText := strings.Join(got, "\n"), strings.Join(want, "\n")
	if gotText != wantText {
		t.Errorf("got\n%s\nwant\n%s", gotText, wantText)
	}
}

func TestRedacts(t *testing.T) {
	c := loadTransforms(t)
	const want = `testdata/good/transforms.toml:34:1: channels[0].keep_original: consumers would see what transform "T" takes out; leave it out, or send by another channel`
	for _, name := range []string{"mask-card", "enrich"} { // by the route, and by the channel, too
		if got := c.Redacts(name).Error(); got != strings.Replace(want, "T", name, 1) {
			t.Errorf("got %s", got)
		}
	}
	c.Routes[0].Transforms = nil
	if got := c.Redacts("mask-card"); len(got) != 0 {
		t.Errorf("what nothing goes through: %v", got)
	}
	if got := c.Redacts("enrich"); len(got) != 1 {
		t.Errorf("required by the channel: %v", got)
	}
	c.Channels[0].KeepOriginal = false
	if got := c.Redacts("enrich"); len(got) != 0 {
		t.Errorf("nothing is kept: %v", got)
	}
}

func TestUnusedTransform(t *testing.T) {
	c := loadTransforms(t)
	unused := func() (list []string) {
		for _, w := range c.Warnings() {
			if strings.Contains(w, ": transforms[") {
				list = append(list, w)
			}
		}
		return list
	}
	if got := unused(); len(got) != 0 {
		t.Errorf("all are used: %q", got)
	}
	c.Routes[0].Transforms = []string{"enrich"}
	if got := unused(); len(got) != 1 || got[0] != `testdata/good/transforms.toml:2:3: transforms[0]: no route or channel names it: transform "mask-card" never runs` {
		t.Errorf("got %q", got)
	}
	c.Routes[0].Transforms = []string{"mask-card"}
	if got := unused(); len(got) != 0 {
		t.Errorf("a channel requires the other: %q", got)
	}
}
