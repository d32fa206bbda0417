package config_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

// What is broken elsewhere does not hide where the data is; texts that are no
// TOML do.
func TestUncheckedFindsTheData(t *testing.T) {
	const broken = `
[data]
dir = "here"
[replies]
curve = { secret = "file:gone" }
[[ingress]]
name = "a b"
nonsense = 1
`
	c, err := config.Parse([]byte(broken), "x.toml", t.TempDir(), config.Options{Unchecked: true})
	if err != nil || c.Data.Dir != "here" {
		t.Fatal(c, err)
	}
	if _, err := config.Parse([]byte(broken), "x.toml", t.TempDir(), config.Options{}); err == nil {
		t.Error("checked, it passes")
	}
	if _, err := config.Parse([]byte("[data"), "x.toml", t.TempDir(), config.Options{Unchecked: true}); err == nil {
		t.Error("what is no TOML passes")
	}
}
