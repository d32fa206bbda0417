package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/configs"
	"github.com/headgate-io/headgate/core/config"
)

func TestFreeQuickstartHasNoFixedPort(t *testing.T) {
	text, door, err := freeQuickstart()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), "127.0.0.1:") != strings.Count(string(configs.Quickstart), "127.0.0.1:") || !strings.Contains(string(text), "http://"+door+`"`) {
		t.Errorf("door %s is not in\n%s", door, text)
	}
	for _, port := range []string{`:5555"`, `:5556"`, `:5557"`, `:8080"`} {
		if strings.Contains(string(text), port) {
			t.Errorf("port %s is still there", port)
		}
	}
}

// The event that is waited for goes through both plugins.
func TestWithPluginsPutsTwoOnTheRoute(t *testing.T) {
	path, _, _, err := layQuickstart(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load([]string{path}, config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Routes[0]; !slices.Equal(got.Transforms, []string{"mask", "jq"}) || !slices.Contains(got.Channels, "commands") || len(cfg.Transforms) != 2 {
		t.Errorf("the route is %+v, of %d transforms", got, len(cfg.Transforms))
	}
	if _, err := withPlugins([]byte("[data]")); err == nil {
		t.Error("a quickstart without the route will do")
	}
}
