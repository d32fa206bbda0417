package host

import (
	"os"
	"time"

	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Options say how the router treats a plugin. The zero value is useful.
type Options struct {
	// Log gets what the plugin logs and prints, one line at a time and never two
	// at once. It must not block for long: the plugin waits for it. Nil discards.
	Log          func(Line)
	Level        string        // least level that the plugin logs: debug, info (when empty), warn or error
	Version      string        // of the router, told to the plugin
	StartTimeout time.Duration // until the plugin has said where it listens and what it is; 10 s when zero
	CallTimeout  time.Duration // for every call, beside the caller's own deadline; 30 s when zero
	MaxBytes     int           // of one request or answer; 16 MiB when zero, which is also the most that plugins take
	TempDir      string        // where socket directories are made; the system's when empty. /tmp when its path is too long for a socket
}

const (
	startTimeout = 10 * time.Second // an interpreter on a busy machine takes two
	callTimeout  = 30 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = func(Line) {}
	}
	if o.Level == "" {
		o.Level = "info"
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = startTimeout
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = callTimeout
	}
	if o.MaxBytes <= 0 || o.MaxBytes > wire.MaxBytes {
		o.MaxBytes = wire.MaxBytes
	}
	if o.TempDir == "" {
		o.TempDir = os.TempDir()
	}
	// A socket's path has 108 bytes on Linux and 104 elsewhere, its end included.
	// What go-plugin appends has at most 40: /plugin-dirN/pluginN with N up to ten digits.
	const longest = 60
	if len(o.TempDir) > longest {
		o.TempDir = "/tmp"
	}
	return o
}
