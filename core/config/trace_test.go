package config_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

func TestTrace(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "auth"), []byte("Bearer never-be-shown\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const text = `[trace]
endpoint = "http://[::1]:4318/otlp"
sample = "0.5%"
headers = { authorization = "file:auth", x-team = "env:TEAM" }
`
	c, err := config.Parse([]byte(text), "x.toml", dir, config.Options{Env: []string{"TEAM=never-be-shown-either"}})
	if err != nil {
		t.Fatal(err)
	}
	headers, err := c.TraceHeaders()
	if want := map[string]string{"authorization": "Bearer never-be-shown", "x-team": "never-be-shown-either"}; err != nil || !maps.Equal(headers, want) {
		t.Error(headers, err)
	}
	if !c.Trace.On() || c.Trace.Sample.Fraction() != 0.005 || len(c.Warnings()) != 2 { // no ingress, no routes
		t.Error(c.Trace, c.Warnings())
	}
	if shown := fmt.Sprintf("%+v %v", c.Trace, c.Effective()); strings.Contains(shown, "never-be-shown") {
		t.Error(shown)
	}
	for _, spoilt := range []string{"two\nlines\n", "", "caf\xc3\xa9"} {
		if err := os.WriteFile(filepath.Join(dir, "auth"), []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := c.TraceHeaders(); err == nil || !strings.Contains(err.Error(), "authorization") || strings.Contains(err.Error(), "lines") {
			t.Errorf("%q: %v", spoilt, err)
		}
	}
}

func TestTraceWarning(t *testing.T) {
	for text, want := range map[string]string{
		"headers = { a = \"env:ADMIN_A\" }": "x.toml:1:2: trace.endpoint: empty: headers and tls of [trace] serve nothing",
		"endpoint = \"http://collector.example:4318\"\nallow_plain_http = true": "x.toml:3:1: trace.allow_plain_http: override: plain HTTP to a collector off loopback; " +
			"whoever sees the traffic sees traces and their headers",
	} {
		c, err := config.Parse([]byte("[trace]\n"+text), "x.toml", ".", config.Options{Env: env()})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Warnings(); len(got) == 0 || got[0] != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
