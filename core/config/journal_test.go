package config_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

func TestJournalBounds(t *testing.T) {
	for _, c := range []struct {
		text  string
		ids   int
		bytes config.Size
	}{
		{``, 50_000_000, 4 << 30},
		{`engine = "embedded"`, 50_000_000, 4 << 30},
		{`engine = "memory"`, 1_000_000, 256 << 20},
		{"engine = \"memory\"\nmax_ids = 7\ncapacity = \"1MiB\"", 7, 1 << 20},
		{"max_ids = 7\ncapacity = \"1MiB\"", 7, 1 << 20},
		{"max_ids = 0\ncapacity = \"0B\"", 50_000_000, 4 << 30},
	} {
		cfg, err := config.Parse([]byte("[journal]\n"+c.text), "x.toml", t.TempDir(), config.Options{Env: []string{}})
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if j := cfg.Journal; j.IDs() != c.ids || j.Bytes() != c.bytes {
			t.Errorf("%q: %d ids, %v, want %d, %v", c.text, j.IDs(), j.Bytes(), c.ids, c.bytes)
		}
	}
}
