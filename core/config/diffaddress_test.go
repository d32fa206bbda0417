package config_test

import (
	"strings"
	"testing"
)

// TestCrowded: an address goes from one to another as it is; any other that is in
// the way has to go first.
func TestCrowded(t *testing.T) {
	const was = `
[[ingress]]
name = "web"
listen = "http://127.0.0.1:80"
[[ingress]]
name = "direct"
listen = "tcp://127.0.0.1:81"
[[channels]]
name = "a"
class = "command"
listen = "tcp://127.0.0.1:82"
[[channels]]
name = "b"
class = "telemetry"
listen = "tcp://[::1]:83"
[[channels]]
name = "c"
class = "command"
listen = "ipc:///c"
[[channels]]
name = "d"
class = "command"
listen = "tcp://127.0.0.1:0"
`
	swapped := strings.NewReplacer("tcp://127.0.0.1:82", "tcp://[::1]:83", "tcp://[::1]:83", "ipc:///c", "ipc:///c", "tcp://127.0.0.1:82")
	for name, tt := range map[string]struct{ old, new, want string }{
		"nothing":           {``, ``, ``},
		"a free one":        {`127.0.0.1:82`, `127.0.0.1:92`, ``},
		"three in a round":  {was, swapped.Replace(was), ``},
		"another's name":    {`name = "a"`, `name = "z"`, ``},
		"any free port":     {`tcp://[::1]:83`, `tcp://127.0.0.1:0`, ``},
		"TLS":               {`http://127.0.0.1:80`, `https://127.0.0.1:80`, ``},
		"wider":             {`127.0.0.1:82`, `0.0.0.0:82`, `x.toml:11:1: channels[0].listen: "tcp://0.0.0.0:82" cannot be opened before "tcp://127.0.0.1:82" is closed, where channels.a listens now; do it in two reloads: `},
		"wider, of another": {`[::1]:83`, `[::]:81`, `where ingress.direct listens now; do it in two reloads: first have ingress.direct listen at another port`},
		"of another kind":   {`http://127.0.0.1:80`, `tcp://127.0.0.1:80`, `ingress[0].listen: "tcp://127.0.0.1:80"`},
		"HTTP, wider":       {`http://127.0.0.1:80`, `http://[::]:80`, `where ingress.web listens now`},
	} {
		t.Run(name, func(t *testing.T) {
			got := parseUnchecked(t, strings.Replace(was, tt.old, tt.new, 1)).Crowded(parseUnchecked(t, was))
			if tt.want == "" && got != nil || !strings.Contains(got.Error(), tt.want) {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}
