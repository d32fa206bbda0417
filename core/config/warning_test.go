package config_test

import (
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

func TestWarnings(t *testing.T) {
	text := `[[ingress]]
name = "edge"
listen = "http://0.0.0.0:8080"
allow_plain_http = true

[replies]
allow_plain_zmq = true

[[auth]]
name = "none"
kind = "hmac"

[[auth]]
name = "edge-keys"
kind = "hmac"

[[auth.keys]]
id = "edge-1"
principal = "edge"
secret = "env:SECRET_A"
types = ["**"]

[[auth.keys]]
id = "edge-2"
principal = "edge"
secret = "env:SECRET_B"
sources = ["**"]

[[auth.keys]]
id = "edge-0"
principal = "edge"
state = "revoked"

[[channels]]
name = "out"
class = "telemetry"
listen = "tcp://127.0.0.1:5556"
allow_plain_zmq = true

[[routes]]
name = "all"
type = ["**"]
channels = ["out"]
`
	c, err := config.Parse([]byte(text), "x.toml", ".", config.Options{Env: env()})
	if err != nil {
		t.Fatal(err)
	}
	const plainZMQ = "override: plain ZeroMQ off loopback; whoever reaches the address is taken for a consumer"
	want := strings.Join([]string{
		"x.toml:4:1: ingress[0].allow_plain_http: override: plain HTTP off loopback; whoever sees the traffic sees events and tokens",
		"x.toml:7:1: replies.allow_plain_zmq: " + plainZMQ,
		"x.toml:38:1: channels[0].allow_plain_zmq: " + plainZMQ,
		"x.toml:9:3: auth[0]: no keys: nobody can send by it; headgate key new makes one",
		`x.toml:17:8: auth[1].keys[0].sources: empty: key "edge-1" can send for no source`,
		`x.toml:23:8: auth[1].keys[1].types: empty: key "edge-2" can send no type`,
	}, "\n")
	if got := strings.Join(c.Warnings(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	c, err = config.Parse(nil, "x.toml", ".", config.Options{Env: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	want = "x.toml: ingress: none: no event comes in\nx.toml: routes: none: every event is refused as no_route"
	if got := strings.Join(c.Warnings(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWarningsOfTokens(t *testing.T) {
	text := `[[auth]]
name = "okta"
plugin = "okta"
issuers = ["https://10.1.2.3/oauth2/default"]
audiences = ["a"]
algs = ["RS256"]

[[auth]]
name = "house"
plugin = "oidc"
issuers = ["https://[::1]:8443/"]
audiences = ["a"]
algs = ["RS256"]
config = { allow_private = true }

[[grants]]
auth = "okta"
sources = ["**"]
types = ["**"]

[[grants]]
auth = "house"
match = { issuer = ["https://[::1]:8443/"] }
sources = ["**"]
types = ["**"]

[[grants]]
auth = "house"
match = { client = ["c"] }
sources = ["**"]
types = ["**"]
`
	c, err := config.Parse([]byte(text), "x.toml", ".", config.Options{Env: env()})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`x.toml:4:12: auth[0].issuers[0]: a private address, which plugin "okta" does not ask: config = { allow_private = true } lets it`,
		`x.toml:16:3: grants[0]: no match: everybody whom auth "okta" proves may send`,
		`x.toml:21:3: grants[1]: match has issuers alone: everybody whom they vouch for to auth "house" may send`,
		"x.toml: ingress: none: no event comes in",
		"x.toml: routes: none: every event is refused as no_route",
	}, "\n")
	if got := strings.Join(c.Warnings(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
