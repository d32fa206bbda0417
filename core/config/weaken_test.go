package config_test

import (
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

// everything has a key of every kind. Its pieces are what the tests replace.
const everything = `
[data]
dir = "d"
[[ingress]]
name = "web"
listen = "https://127.0.0.1:8080"
tls = { cert = "c", key = "k", client_ca = "ca" }
behind = ["10.0.0.0/8"]
allow_plain_http = false
max_body = "1MiB"
default_key_ids = []
[[ingress]]
name = "zmq"
listen = "tcp://127.0.0.1:5550"
ipc_mode = "0600"
curve = { secret = "file:in" }
allow_plain_zmq = false
[replies]
listen = "tcp://127.0.0.1:5557"
advertise = "tcp://r:1"
curve = { secret = "file:replies" }
[admin]
http = "127.0.0.1:8081"
hosts = ["a"]
tls = { cert = "adm", key = "adm", client_ca = "adm" }
[[admin.tokens]]
name = "t"
secret = "file:t"
role = "read"
[[admin.clients]]
name = "spiffe://x/t"
role = "operate"
[[auth]]
name = "keys"
kind = "hmac"
[[auth.keys]]
id = "k.1"
principal = "p"
state = "active"
secret = "file:k1"
sources = ["//a/*"]
types = ["a.b.*"]
scopes = ["s"]
[[auth]]
name = "more"
kind = "ed25519"
keys = "dir:x"
[[auth]]
name = "okta"
plugin = "oidc"
kind = "one"
path = "p"
sha256 = "00"
command = ["python3", "-I"]
user = "u"
issuers = ["i"]
audiences = ["u"]
algs = ["RS256"]
usable_for = "1h"
max_token_lifetime = "1h"
config = { claim = "x" }
env = { A = "b" }
limits = { files = 5 }
[[grants]]
auth = "okta"
sources = ["//g/**"]
types = ["g.*"]
scopes = ["gs"]
match = { issuer = ["i"], client = ["c"], subject = ["s"], groups = ["g"], when = "token.a" }
[[grants]]
auth = "okta"
sources = ["//second"]
types = ["second"]
[[event_keys]]
id = "ek"
source = "//e/*"
state = "active"
public = "file:e"
[[transforms]]
name = "mask"
plugin = "mask"
kind = "mask"
timeout = "1s"
on_unavailable = "hold"
config = { fields = ["/a"] }
[[transforms]]
name = "enrich"
plugin = "jq"
[[channels]]
name = "cmd"
class = "command"
listen = "tcp://127.0.0.1:5555"
curve = { secret = "file:cmd" }
prefetch = 3
keep_original = false
require = { scopes = ["cs"], auth = ["keys"], event_signature = true, transforms = ["mask", "enrich"] }
[[channels]]
name = "out"
class = "telemetry"
connect = ["tcp://c:1"]
high_water_mark = 5
tls = { ca = "ca" }
[[channels]]
name = "free"
class = "telemetry"
listen = "ipc://free"
ipc_mode = "0600"
[[channels]]
name = "public"
class = "telemetry"
listen = "tcp://192.0.2.1:1"
[[channels]]
name = "dial"
class = "command"
connect = ["tcp://d:1"]
curve = { secret = "file:dial", server_key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf8" }
[[peers]]
name = "billing"
curve = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
state = "active"
channels = ["cmd"]
ingress = ["zmq"]
topics = ["a.b."]
[[routes]]
name = "orders"
type = ["o.*"]
source = ["//o/*"]
when = "event.id != ''"
auth = ["keys"]
require = { scopes = ["rs"], auth = ["keys", "okta"], event_signature = true }
schema = "s.json"
channels = ["cmd"]
rate = { per_principal = "10/s", burst = 20 }
transforms = ["mask", "enrich"]
[[routes]]
name = "open"
type = ["f.*"]
channels = ["free", "out"]
[[routes]]
name = "floored"
type = ["fl.*"]
channels = ["cmd", "free"]
[signing]
key = "file:sign"
[journal]
remember = "24h"
[limits]
requests = 5
peers = 5
admission = "5/s"
[audit]
mode = "best_effort"
max_file = "64MiB"
retain = "100d"
checkpoint = "10s"
export = ["stdout:"]
key = "file:audit"
origin = "o"
[log]
level = "info"
levels = { intake = "debug" }
[trace]
endpoint = "https://traces.example"
sample = "5%"
headers = { authorization = "file:trace" }
tls = { ca = "traces" }
allow_plain_http = false
`

func parseUnchecked(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(text), "x.toml", t.TempDir(), config.Options{Unchecked: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatWeakens(t *testing.T) {
	type effect struct{ there, back bool }
	var (
		weakens = effect{true, false} // one way
		same    = effect{false, false}
		either  = effect{true, true} // nobody can tell
	)
	for _, tt := range []struct {
		key, was, now string // was is found once in everything
		effect        effect
	}{
		{"audit.mode", `mode = "best_effort"`, `mode = "off"`, weakens},
		{"audit.mode", `mode = "best_effort"`, `mode = "required"`, effect{false, true}},
		{"audit.max_file", `"64MiB"`, `"65MiB"`, same},
		{"audit.retain", `"100d"`, `"99d"`, weakens},
		{"audit.checkpoint", `"10s"`, `"11s"`, weakens},
		{"audit.export", `["stdout:"]`, `[]`, weakens},
		{"audit.key", `"file:audit"`, `"file:audit2"`, either},
		{"audit.origin", `origin = "o"`, `origin = "p"`, same},
		{"trace.endpoint", `"https://traces.example"`, `"https://other.example"`, either},
		{"trace.endpoint", `"https://traces.example"`, `""`, effect{false, true}},
		{"trace.sample", `"5%"`, `"50%"`, same},
		{"trace.headers.authorization", `"file:trace"`, `"file:trace2"`, same},
		{"trace.tls", `tls = { ca = "traces" }`, ``, weakens},
		{"trace.allow_plain_http", "tls = { ca = \"traces\" }\nallow_plain_http = false", "tls = { ca = \"traces\" }\nallow_plain_http = true", weakens},
		{"trace.tls.ca", `ca = "traces"`, `ca = "other"`, either},
		{"data.dir", `dir = "d"`, `dir = "e"`, either},

		{"ingress.web.listen", `https://127.0.0.1:8080`, `https://192.0.2.1:8080`, weakens},
		{"ingress.web.listen", `https://127.0.0.1:8080`, `https://[::1]:8081`, same},
		{"ingress.web.listen", `https://127.0.0.1:8080`, `https://router:8080`, weakens},
		{"ingress.zmq.listen", `tcp://127.0.0.1:5550`, `tcp://0.0.0.0:5550`, weakens},
		{"ingress.zmq.listen", `"tcp://127.0.0.1:5550"`, `"ipc://in"`, effect{false, true}},
		{"ingress.web.tls", `tls = { cert = "c", key = "k", client_ca = "ca" }`, ``, weakens},
		{"ingress.web.tls.client_ca", `, client_ca = "ca" }`, `}`, weakens},
		{"ingress.web.tls.client_ca", `client_ca = "ca" }`, `client_ca = "other" }`, either},
		{"ingress.web.tls.cert", `cert = "c"`, `cert = "d"`, same},
		{"ingress.web.tls.key", `key = "k"`, `key = "d"`, same},
		{"ingress.web.behind", `["10.0.0.0/8"]`, `["10.0.0.0/8", "192.0.2.0/24"]`, weakens},
		{"ingress.web.behind", `["10.0.0.0/8"]`, `["10.1.0.0/16"]`, effect{false, true}},
		{"ingress.web.behind", `["10.0.0.0/8"]`, `["10.0.0.0/7"]`, weakens},
		{"ingress.web.behind", `behind = ["10.0.0.0/8"]`, ``, weakens},
		{"ingress.web.behind", `behind = ["10.0.0.0/8"]`, `behind = []`, weakens},
		{"ingress.web.allow_plain_http", "allow_plain_http = false\nmax_body", "allow_plain_http = true\nmax_body", weakens},
		{"ingress.web.max_body", `"1MiB"`, `"2MiB"`, same},
		{"ingress.web.default_key_ids", `default_key_ids = []`, `default_key_ids = ["k.1"]`, same},
		{"ingress.zmq.ipc_mode", "ipc_mode = \"0600\"\ncurve", "ipc_mode = \"0660\"\ncurve", weakens},
		{"ingress.zmq.curve", `curve = { secret = "file:in" }`, ``, weakens},
		{"ingress.zmq.curve.secret", `"file:in"`, `"file:other"`, either},
		{"ingress.zmq.allow_plain_zmq", `allow_plain_zmq = false`, `allow_plain_zmq = true`, weakens},
		{"ingress.web", "[[ingress]]\nname = \"web\"\nlisten = \"https://127.0.0.1:8080\"\ntls = { cert = \"c\", key = \"k\", client_ca = \"ca\" }\nbehind = [\"10.0.0.0/8\"]\nallow_plain_http = false\nmax_body = \"1MiB\"\ndefault_key_ids = []\n", "", effect{false, true}},

		{"replies.listen", `tcp://127.0.0.1:5557`, `tcp://192.0.2.1:5557`, weakens},
		{"channels.public.listen", `tcp://192.0.2.1:1`, `tcp://0.0.0.0:1`, weakens},
		{"replies.advertise", `tcp://r:1`, `tcp://r:2`, same},
		{"replies.curve", `curve = { secret = "file:replies" }`, ``, weakens},
		{"replies.ipc_mode", `advertise =`, "ipc_mode = \"0660\"\nadvertise =", weakens},
		{"replies.allow_plain_zmq", `advertise =`, "allow_plain_zmq = true\nadvertise =", weakens},
		{"replies.tls", `advertise =`, "tls = { cert = \"x\", key = \"x\" }\nadvertise =", effect{false, true}},

		{"admin.http", `"127.0.0.1:8081"`, `"0.0.0.0:8081"`, weakens},
		{"admin.http", `"127.0.0.1:8081"`, `""`, effect{false, true}},
		{"admin.hosts", `hosts = ["a"]`, `hosts = ["a", "b"]`, weakens},
		{"admin.hosts", `hosts = ["a"]`, `hosts = ["b"]`, either},
		{"admin.tls", `tls = { cert = "adm", key = "adm", client_ca = "adm" }`, ``, weakens},
		{"admin.tokens.t", "[[admin.tokens]]\nname = \"t\"\nsecret = \"file:t\"\nrole = \"read\"\n", "", effect{false, true}},
		{"admin.tokens.t.secret", `"file:t"`, `"file:u"`, either},
		{"admin.tokens.t.role", `role = "read"`, `role = "operate"`, weakens},
		{"admin.tokens.t.role", `role = "read"`, `role = "payload"`, weakens},
		{`admin.clients."spiffe://x/t".role`, `role = "operate"`, `role = "payload"`, weakens},
		{`admin.clients."spiffe://x/t"`, "[[admin.clients]]\nname = \"spiffe://x/t\"\nrole = \"operate\"\n", "", effect{false, true}},

		{"auth.keys.kind", `kind = "hmac"`, `kind = "ed25519"`, either},
		{`auth.keys.keys."k.1"`, "[[auth.keys]]\nid = \"k.1\"\nprincipal = \"p\"\nstate = \"active\"\nsecret = \"file:k1\"\nsources = [\"//a/*\"]\ntypes = [\"a.b.*\"]\nscopes = [\"s\"]\n", "", effect{false, true}},
		{`auth.keys.keys."k.1".principal`, `principal = "p"`, `principal = "q"`, either},
		{`auth.keys.keys."k.1".secret`, `"file:k1"`, `"file:k2"`, either},
		{`auth.keys.keys."k.1".public`, `secret = "file:k1"`, "secret = \"file:k1\"\npublic = \"p\"", either},
		{`auth.keys.keys."k.1".state`, "state = \"active\"\nsecret", "state = \"revoked\"\nsecret", effect{false, true}},
		{`auth.keys.keys."k.1".state`, "state = \"active\"\nsecret", "state = \"pending\"\nsecret", effect{false, true}},
		{`auth.keys.keys."k.1".state`, "state = \"active\"\nsecret", "state = \"retiring\"\nsecret", same},
		{`auth.keys.keys."k.1".sources`, `["//a/*"]`, `["//a/*", "//b/*"]`, weakens},
		{`auth.keys.keys."k.1".sources`, `["//a/*"]`, `["//a/x", "//a/y"]`, effect{false, true}},
		{`auth.keys.keys."k.1".sources`, `["//a/*"]`, `[]`, effect{false, true}},
		{`auth.keys.keys."k.1".types`, `["a.b.*"]`, `["a.**"]`, weakens},
		{`auth.keys.keys."k.1".scopes`, `scopes = ["s"]`, `scopes = ["s", "t"]`, weakens},
		{"auth.more.keys", `"dir:x"`, `"dir:y"`, same},
		{"auth.more.keys", `keys = "dir:x"`, ``, same},
		{"auth.okta.plugin", `plugin = "oidc"`, `plugin = "other"`, either},
		{"auth.okta.kind", `kind = "one"`, `kind = "two"`, either},
		{"auth.okta.path", `path = "p"`, `path = "q"`, either},
		{"auth.okta.sha256", `"00"`, `"01"`, either},
		{"auth.okta.command", `["python3", "-I"]`, `["python3"]`, either},
		{"auth.okta.user", `user = "u"`, ``, either},
		{"auth.okta.issuers", `issuers = ["i"]`, `issuers = ["i", "j"]`, weakens},
		{"auth.okta.issuers", `issuers = ["i"]`, `issuers = ["j"]`, either},
		{"auth.okta.audiences", `audiences = ["u"]`, `audiences = ["u", "v"]`, weakens},
		{"auth.okta.algs", `["RS256"]`, `["RS256", "ES256"]`, weakens},
		{"auth.okta.usable_for", `usable_for = "1h"`, `usable_for = "2h"`, weakens},
		{"auth.okta.max_token_lifetime", `max_token_lifetime = "1h"`, `max_token_lifetime = "2h"`, weakens},
		{"auth.okta.config.claim", `claim = "x"`, `claim = "y"`, either},
		{"auth.okta.env.A", `A = "b"`, `A = "c"`, either},
		{"auth.okta.limits.files", `files = 5`, `files = 6`, same},

		{"auth.more", "[[auth]]\nname = \"more\"\nkind = \"ed25519\"\nkeys = \"dir:x\"\n", "", effect{false, true}},
		{"grants[0].auth", "auth = \"okta\"\nsources = [\"//g/**\"]", "auth = \"o2\"\nsources = [\"//g/**\"]", either},
		{"grants[0].sources", `["//g/**"]`, `["//g/**", "//h/**"]`, weakens},
		{"grants[0].sources", `["//g/**"]`, `["//g/a"]`, effect{false, true}},
		{"grants[0].types", `["g.*"]`, `["g.*", "h.*"]`, weakens},
		{"grants[0].scopes", `["gs"]`, `["gs", "ht"]`, weakens},
		{"grants[0].match.client", `client = ["c"], `, ``, weakens},
		{"grants[0].match.client", `client = ["c"]`, `client = ["c", "d"]`, weakens},
		{"grants[0].match.issuer", `issuer = ["i"], `, ``, weakens},
		{"grants[0].match.subject", `subject = ["s"], `, ``, weakens},
		{"grants[0].match.groups", `groups = ["g"], `, ``, weakens},
		{"grants[0].match.when", `, when = "token.a"`, ``, weakens},
		{"grants[0].match.when", `token.a`, `token.b`, either},
		{"grants[1]", "[[grants]]\nauth = \"okta\"\nsources = [\"//second\"]\ntypes = [\"second\"]\n", "", effect{false, true}},

		{"event_keys.ek", "[[event_keys]]\nid = \"ek\"\nsource = \"//e/*\"\nstate = \"active\"\npublic = \"file:e\"\n", "", effect{false, true}},
		{"event_keys.ek.source", `"//e/*"`, `"//e/**"`, weakens},
		{"event_keys.ek.state", "state = \"active\"\npublic", "state = \"pending\"\npublic", effect{false, true}},
		{"event_keys.ek.public", `"file:e"`, `"file:f"`, either},

		{"transforms.mask.plugin", "plugin = \"mask\"", "plugin = \"jq2\"", either},
		{"transforms.mask.kind", "kind = \"mask\"", "kind = \"other\"", either},
		{"transforms.mask.timeout", `timeout = "1s"`, `timeout = "2s"`, same},
		{"transforms.mask.on_unavailable", `"hold"`, `"dead_letter"`, weakens},
		{"transforms.mask.config.fields", `fields = ["/a"]`, `fields = ["/a", "/b"]`, either},
		{"transforms.enrich", "[[transforms]]\nname = \"enrich\"\nplugin = \"jq\"\n", "", effect{false, true}},

		{"channels.free", "[[channels]]\nname = \"free\"\nclass = \"telemetry\"\nlisten = \"ipc://free\"\nipc_mode = \"0600\"\n", "", effect{false, true}},
		{"channels.free.class", "name = \"free\"\nclass = \"telemetry\"", "name = \"free\"\nclass = \"command\"", either},
		{"channels.free.ipc_mode", "ipc_mode = \"0600\"\n[[channels", "ipc_mode = \"0660\"\n[[channels", weakens},
		{"channels.free.listen", `"ipc://free"`, `"tcp://127.0.0.1:1"`, weakens},
		{"channels.out.connect", `["tcp://c:1"]`, `["tcp://c:1", "tcp://d:1"]`, weakens},
		{"channels.out.tls", `tls = { ca = "ca" }`, ``, weakens},
		{"channels.out.tls.ca", `tls = { ca = "ca" }`, `tls = {}`, weakens},
		{"channels.dial.curve.server_key", `yf8"`, `yf9"`, either},
		{"channels.out.high_water_mark", `high_water_mark = 5`, `high_water_mark = 6`, same},
		{"channels.out.allow_plain_zmq", `high_water_mark = 5`, "high_water_mark = 5\nallow_plain_zmq = true", weakens},
		{"channels.cmd.curve", `curve = { secret = "file:cmd" }`, ``, weakens},
		{"channels.cmd.prefetch", `prefetch = 3`, `prefetch = 4`, same},
		{"channels.cmd.keep_original", `keep_original = false`, `keep_original = true`, weakens},
		{"channels.cmd.require.scopes", `scopes = ["cs"], `, ``, weakens},
		{"channels.cmd.require.auth", `auth = ["keys"], `, ``, weakens},
		{"channels.cmd.require.auth", `auth = ["keys"], `, `auth = ["keys", "okta"], `, weakens},
		{"channels.cmd.require.event_signature", `event_signature = true, `, ``, weakens},
		{"channels.cmd.require.transforms", `true, transforms = ["mask", "enrich"] }`, `true, transforms = ["mask"] }`, weakens},

		{"peers.billing", "[[peers]]\nname = \"billing\"\ncurve = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\nstate = \"active\"\nchannels = [\"cmd\"]\ningress = [\"zmq\"]\ntopics = [\"a.b.\"]\n", "", effect{false, true}},
		{"peers.billing.curve", `yf7"`, `yf9"`, either},
		{"peers.billing.state", "state = \"active\"\nchannels", "state = \"revoked\"\nchannels", effect{false, true}},
		{"peers.billing.channels", "channels = [\"cmd\"]\ningress", "channels = [\"cmd\", \"free\"]\ningress", weakens},
		{"peers.billing.ingress", `ingress = ["zmq"]`, `ingress = []`, effect{false, true}},
		{"peers.billing.topics", `["a.b."]`, `["a.b.", "c."]`, weakens},
		{"peers.billing.topics", `["a.b."]`, `["a.b.c"]`, effect{false, true}},
		{"peers.billing.topics", `["a.b."]`, `[""]`, weakens},

		{"routes.orders.type", `["o.*"]`, `["o.*", "p.*"]`, either}, // back, it asks no more of p.*
		{"routes.open.type", `["f.*"]`, `["f.*", "g.*"]`, weakens},
		{"routes.open.type", `["f.*"]`, `["f.a"]`, effect{false, true}},
		{"routes.orders.source", `source = ["//o/*"]`, ``, either},
		{"routes.open.source", `type = ["f.*"]`, "type = [\"f.*\"]\nsource = [\"//f\"]", effect{false, true}},
		{"routes.floored.source", `type = ["fl.*"]`, "type = [\"fl.*\"]\nsource = [\"//f\"]", either},
		{"routes.orders.when", `event.id != ''`, `event.id != 'x'`, either},
		{"routes.orders.when", `when = "event.id != ''"`, ``, either},
		{"routes.orders.auth", "auth = [\"keys\"]\nrequire", "require", weakens},
		{"routes.orders.auth", "auth = [\"keys\"]\nrequire", "auth = [\"keys\", \"okta\"]\nrequire", weakens},
		{"routes.orders.require.scopes", `["rs"]`, `["rs", "rt"]`, effect{false, true}},
		{"routes.orders.require.auth", `["keys", "okta"]`, `["keys"]`, effect{false, true}},
		{"routes.orders.require.event_signature", `event_signature = true }`, `event_signature = false }`, weakens},
		{"routes.orders.schema", `schema = "s.json"`, ``, weakens},
		{"routes.orders.schema", `"s.json"`, `"t.json"`, either},
		{"routes.open.channels", `["free", "out"]`, `["free"]`, effect{false, true}},
		{"routes.floored.channels", `["cmd", "free"]`, `["free"]`, either}, // what cmd requires
		{"routes.orders.rate.per_principal", `"10/s"`, `"20/s"`, weakens},
		{"routes.orders.rate.per_principal", `"10/s"`, `"0/s"`, weakens},
		{"routes.orders.rate.burst", `burst = 20`, `burst = 30`, weakens},
		{"routes.orders.rate.burst", `burst = 20`, `burst = 0`, effect{false, true}}, // 10
		{"routes.orders.rate.burst", `"10/s", burst = 20`, `"30/s"`, weakens},        // 30
		{"routes.orders.rate.burst", `"10/s", burst = 20`, `"0/s", burst = 2`, weakens},
		{"routes.orders.transforms", "transforms = [\"mask\", \"enrich\"]\n[[routes", "transforms = [\"mask\"]\n[[routes", weakens},
		{"routes.orders.transforms", "transforms = [\"mask\", \"enrich\"]\n[[routes", "transforms = [\"enrich\", \"mask\"]\n[[routes", either},
		{"routes.open", "[[routes]]\nname = \"open\"\ntype = [\"f.*\"]\nchannels = [\"free\", \"out\"]\n", "", effect{false, true}},
		{"routes.floored", "[[routes]]\nname = \"floored\"\ntype = [\"fl.*\"]\nchannels = [\"cmd\", \"free\"]\n", "", either},

		{"signing.key", `"file:sign"`, `"file:sign2"`, either},
		{"journal.remember", `"24h"`, `"12h"`, weakens},
		{"limits.admission", `admission = "5/s"`, `admission = "6/s"`, weakens},
		{"limits.admission", `admission = "5/s"`, `admission = "0/s"`, weakens},
		{"log.levels.intake", `intake = "debug"`, `intake = "info"`, same},
	} {
		t.Run(tt.key+" "+tt.now, func(t *testing.T) {
			if n := strings.Count(everything, tt.was); n != 1 {
				t.Fatalf("%q stands there %d times", tt.was, n)
			}
			was, now := parseUnchecked(t, everything), parseUnchecked(t, strings.Replace(everything, tt.was, tt.now, 1))
			if got := weakening(t, was, now, tt.key); got != tt.effect.there {
				t.Errorf("there: weakens %v", got)
			}
			if got := weakening(t, now, was, tt.key); got != tt.effect.back {
				t.Errorf("back: weakens %v", got)
			}
		})
	}
}

// What bounds, times, orders or tells weakens nothing, whichever way it changes.
func TestWhatWeakensNothing(t *testing.T) {
	was, now := filled(1, false), filled(2, false)
	nothing := []string{"limits.", "journal.", "log.", "reload.", "auth.x.limits.", "transforms.x.limits.", "channels.x.backoff.",
		"channels.x.ack_timeout", "channels.x.max_hold", "channels.x.max_attempts", "channels.x.order_by", "channels.x.on_dead", "channels.x.max_pending", "channels.x.max_age"}
	found := make(map[string]bool)
	for _, c := range append(config.Diff(was, now), config.Diff(now, was)...) {
		for _, beginning := range nothing {
			if !strings.HasPrefix(c.Key, beginning) || c.Key == "limits.admission" || c.Key == "journal.remember" {
				continue
			}
			found[beginning] = true
			if c.Weakens {
				t.Errorf("%+v", c)
			}
		}
	}
	if len(found) < len(nothing) {
		t.Errorf("only %v differ", found)
	}
}

// weakening tells whether the change of key does.
func weakening(t *testing.T, was, now *config.Config, key string) bool {
	t.Helper()
	changes := config.Diff(was, now)
	for _, c := range changes {
		if c.Key == key {
			return c.Weakens
		}
	}
	t.Fatalf("%s is not among %+v", key, changes)
	return false
}

// A list of globs may be longer and let nothing more in.
func TestGlobsCover(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a.b", "a.b", true},
		{"a.b", "a.c", false},
		{"a.*", "a.b", true},
		{"a.b", "a.*", false},
		{"*.b", "a.b", true},
		{"a.*", "a.*", true},
		{"a.*", "a.b.c", false},
		{"a.*", "a", false},
		{"a.*", "a.**", false},
		{"a.*", "a.b.**", false},
		{"a.**", "a.*", true},
		{"a.**", "a.b.c", true},
		{"a.**", "a.b.**", true},
		{"a.**", "a", false},
		{"a.b.**", "a.**", false},
		{"a.*.**", "a.**", false},
		{"a.**", "a.*.**", true},
		{"**", "a", true},
		{"**", "**", true},
		{"a.*.c", "a.**", false},
		{"bad**", "bad", false},
	} {
		if got := config.Covers(tt.a, tt.b); got != tt.want {
			t.Errorf("%s covers %s: %v", tt.a, tt.b, got)
		}
	}
}
