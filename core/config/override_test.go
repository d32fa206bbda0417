package config_test

import (
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

func TestPrecedence(t *testing.T) {
	file := "[log]\nlevel = \"warn\"\n"
	env := []string{"HEADGATE_LOG__LEVEL=error", "HEADGATE_LIMITS__PEERS=7", "HEADGATE_LIMITS__FRAME_BYTES=2MiB", "HOME=/nowhere", "HEADGATE_HOME=/nowhere"}
	set := map[string]string{"log.level": "debug", "data.dir": "elsewhere"}
	for _, c := range []struct {
		name, file string
		env        []string
		set        map[string]string
		want       string
	}{
		{"default", "", []string{}, nil, "info"},
		{"file over default", file, []string{}, nil, "warn"},
		{"variable over file", file, env, nil, "error"},
		{"flag over variable", file, env, set, "debug"},
	} {
		got, err := config.Parse([]byte(c.file), "x.toml", ".", config.Options{Env: c.env, Set: c.set})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got.Log.Level != c.want {
			t.Errorf("%s: %s", c.name, got.Log.Level)
		}
		if len(c.env) > 0 && (got.Limits.Peers != 7 || got.Limits.FrameBytes.String() != "2MiB") {
			t.Errorf("%s: limits %+v", c.name, got.Limits)
		}
		if c.set != nil && got.Data.Dir != "elsewhere" {
			t.Errorf("%s: data.dir %s", c.name, got.Data.Dir)
		}
	}
}

func TestOverrideRefuses(t *testing.T) {
	for _, c := range []struct {
		env, flag, value, want string
	}{
		{env: "HEADGATE_LOG__LEVL", value: "info", want: `env HEADGATE_LOG__LEVL: log.levl: unknown key; did you mean "level"?`},
		{env: "HEADGATE_LOG__LEVEL", value: "loud", want: `env HEADGATE_LOG__LEVEL: log.level: "loud" must be one of debug, info, warn, error`},
		{env: "HEADGATE_LOG__LEVEL", value: "", want: `env HEADGATE_LOG__LEVEL: log.level: "" must be one of debug, info, warn, error`},
		{env: "HEADGATE_LIMITS__PEERS", value: "many", want: `env HEADGATE_LIMITS__PEERS: limits.peers: "many" is no whole number`},
		{env: "HEADGATE_LIMITS__PEERS", value: "0", want: `env HEADGATE_LIMITS__PEERS: limits.peers: 0 must be at least 1`},
		{env: "HEADGATE_LIMITS__DRAIN", value: "5", want: `env HEADGATE_LIMITS__DRAIN: limits.drain: "5" is no duration: write a number with its unit, as in "30s", "1h30m" or "7d"`},
		{env: "HEADGATE_ADMIN__HTTP", value: "x", want: `env HEADGATE_ADMIN__HTTP: admin.http: "x" must be HOST:PORT and nothing more; as in "127.0.0.1:8081"`},
		{env: "HEADGATE_ADMIN__TLS", value: "x", want: `env HEADGATE_ADMIN__TLS: admin.tls: a ptr cannot be written as one text`},
		{env: "HEADGATE_ADMIN__TOKENS", value: "x", want: `env HEADGATE_ADMIN__TOKENS: admin.tokens: a slice cannot be written as one text`},
		{env: "HEADGATE_LOG__LEVELS", value: "x", want: `env HEADGATE_LOG__LEVELS: log.levels: a map cannot be written as one text`},
		{env: "HEADGATE_REPLIES__ALLOW_PLAIN_ZMQ", value: "true", want: `env HEADGATE_REPLIES__ALLOW_PLAIN_ZMQ: replies.allow_plain_zmq: variables and flags set keys of [data], [admin], [log] and [limits] only; put it in the file`},
		{env: "HEADGATE_SIGNING__KEY", value: "file:x", want: `env HEADGATE_SIGNING__KEY: signing.key: variables and flags set keys of [data], [admin], [log] and [limits] only; put it in the file`},
		{env: "HEADGATE_NO__SUCH", value: "x", want: `env HEADGATE_NO__SUCH: no.such: variables and flags set keys of [data], [admin], [log] and [limits] only; put it in the file`},
		{flag: "log.level", value: "loud", want: `flag log.level: log.level: "loud" must be one of debug, info, warn, error`},
		{flag: "level", value: "info", want: `flag level: level."": variables and flags set keys of [data], [admin], [log] and [limits] only; put it in the file`},
		{flag: "journal.max_ids", value: "1", want: `flag journal.max_ids: journal.max_ids: variables and flags set keys of [data], [admin], [log] and [limits] only; put it in the file`},
	} {
		opts := config.Options{Env: []string{}, Set: map[string]string{}}
		if c.env != "" {
			opts.Env = append(opts.Env, c.env+"="+c.value)
		} else {
			opts.Set[c.flag] = c.value
		}
		_, err := config.Parse(nil, "x.toml", ".", opts)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s%s=%s:\n got %v\nwant %s", c.env, c.flag, c.value, err, c.want)
		}
	}
}

func TestEffective(t *testing.T) {
	text := `[replies]
advertise = "tcp://127.0.0.1:5557"

[[auth]]
name = "edge-keys"
kind = "hmac"

[[auth.keys]]
id = "edge-1"
principal = "edge"
secret = "env:SECRET_A"
types = ["a.*", "b.**"]

[[channels]]
name = "out"
class = "telemetry"
listen = "tcp://127.0.0.1:5556"

[[routes]]
name = "all"
type = ["**"]
channels = ["out"]
rate = { per_principal = "5/s" }
`
	c, err := config.Parse([]byte(text), "x.toml", ".", config.Options{
		Env: append(env(), "HEADGATE_LIMITS__PEERS=7"), Set: map[string]string{"log.level": "debug"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]config.Setting{}
	for _, s := range c.Effective() {
		if _, twice := got[s.Key]; twice {
			t.Errorf("%s is listed twice", s.Key)
		}
		got[s.Key] = s
	}
	for _, want := range []config.Setting{
		{"data.dir", `"headgate-data"`, "default"},
		{"replies.listen", `"tcp://127.0.0.1:5557"`, "default"},
		{"replies.advertise", `"tcp://127.0.0.1:5557"`, "x.toml:2"},
		{"auth[0].keys[0].state", `"active"`, "default"},
		{"auth[0].keys[0].secret", `"env:SECRET_A"`, "x.toml:11"},
		{"auth[0].keys[0].types", `["a.*", "b.**"]`, "x.toml:12"},
		{"channels[0].high_water_mark", "10000", "default"},
		{"routes[0].rate.per_principal", `"5/s"`, "x.toml:23"},
		{"limits.peers", "7", "env HEADGATE_LIMITS__PEERS"},
		{"limits.frame_bytes", `"1MiB"`, "default"},
		{"log.level", `"debug"`, "flag log.level"},
	} {
		if got[want.Key] != want {
			t.Errorf("got %+v, want %+v", got[want.Key], want)
		}
	}
	for _, key := range []string{"grants", "channels[0].prefetch", "channels[0].backoff.min", "auth[0].keys", "admin.http"} {
		if _, found := got[key]; found {
			t.Errorf("%s is listed", key)
		}
	}
}
