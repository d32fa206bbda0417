package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

func TestWhatTakesARestart(t *testing.T) {
	for _, tt := range []struct {
		key, was, now string
		want          bool
	}{
		{"data.dir", `dir = "d"`, `dir = "e"`, true},
		{"journal.remember", `"24h"`, `"12h"`, true},
		{"admin.http", `"127.0.0.1:8081"`, `"127.0.0.1:8082"`, true},
		{"admin.http", `"127.0.0.1:8081"`, `""`, true},
		{"admin.tls", `tls = { cert = "adm", key = "adm", client_ca = "adm" }`, ``, true},
		{"admin.tls.cert", `cert = "adm"`, `cert = "other"`, true},
		{"admin.hosts", `hosts = ["a"]`, `hosts = ["b"]`, false},
		{"admin.tokens.t.role", `role = "read"`, `role = "payload"`, false},
		{"ingress.web.tls.cert", `cert = "c"`, `cert = "d"`, false},
		{"ingress.zmq.ipc_mode", "ipc_mode = \"0600\"\ncurve", "ipc_mode = \"0660\"\ncurve", true},
		{"ingress.zmq.ipc_mode", `tcp://127.0.0.1:5550`, `http://127.0.0.1:5550`, false}, // it is another socket
		{"replies.ipc_mode", `advertise =`, "ipc_mode = \"0660\"\nadvertise =", true},
		{"channels.free.ipc_mode", "ipc_mode = \"0600\"\n[[channels", "ipc_mode = \"0660\"\n[[channels", true},
		{"channels.out.high_water_mark", `high_water_mark = 5`, `high_water_mark = 6`, true},
		{"channels.free.high_water_mark", "name = \"free\"\nclass = \"telemetry\"", "name = \"free\"\nclass = \"command\"", false},
		{"channels.cmd.prefetch", `prefetch = 3`, `prefetch = 4`, false},
		{"signing.key", `"file:sign"`, `"file:sign2"`, false},
		{"limits.requests", `requests = 5`, `requests = 6`, false},
		{"limits.batch", `requests = 5`, "requests = 5\nbatch = 6", false},
		{"limits.condition_cost", `requests = 5`, "requests = 5\ncondition_cost = 6", false},
		{"limits.drain", `requests = 5`, "requests = 5\ndrain = \"6s\"", false},
		{"limits.peers", `peers = 5`, `peers = 6`, true},
		{"limits.waiters", `peers = 5`, "peers = 5\nwaiters = 1", true},
		{"log.level", `level = "info"`, `level = "warn"`, true},
		{"log.levels.intake", `intake = "debug"`, `intake = "warn"`, false},
	} {
		t.Run(tt.key+" "+tt.now, func(t *testing.T) {
			if n := strings.Count(everything, tt.was); n != 1 {
				t.Fatalf("%q stands there %d times", tt.was, n)
			}
			was, now := parseUnchecked(t, everything), parseUnchecked(t, strings.Replace(everything, tt.was, tt.now, 1))
			for _, pair := range [][2]*config.Config{{was, now}, {now, was}} {
				found := false
				for _, c := range config.Diff(pair[0], pair[1]) {
					if c.Key == tt.key {
						found = true
						if c.Restart != tt.want {
							t.Errorf("%+v", c)
						}
					}
				}
				if !found {
					t.Error("it is not told")
				}
			}
		})
	}
}

// Every other key counts at once.
func TestAllThatTakesARestart(t *testing.T) {
	whole := []string{"data.", "journal.", "audit.", "replies.listen", "limits.", "admin.http", "admin.tls.", "log.level", "log.format", "trace."}
	ends := []string{".ipc_mode", ".high_water_mark"}
	not := []string{"limits.admission", "limits.work_bytes", "limits.header_bytes", "limits.header_timeout", "limits.body_timeout", "limits.idle_timeout",
		"limits.connections", "limits.requests", "limits.streams", "limits.batch", "limits.condition_cost", "limits.drain", "log.levels.m"}
	for _, other := range []bool{false, true} {
		for _, c := range config.Diff(filled(1, other), filled(2, other)) {
			want := slices.ContainsFunc(whole, func(s string) bool { return strings.HasPrefix(c.Key, s) }) ||
				slices.ContainsFunc(ends, func(s string) bool { return strings.HasSuffix(c.Key, s) })
			if want = want && !slices.Contains(not, c.Key); c.Restart != want {
				t.Errorf("%s: restart %v", c.Key, c.Restart)
			}
		}
	}
}
