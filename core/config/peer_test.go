package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
)

func TestAdmitted(t *testing.T) {
	for state, want := range map[string]bool{"pending": false, "active": true, "retiring": true, "revoked": false, "": false} {
		if p := (config.Peer{State: state}); p.Admitted() != want {
			t.Errorf("%q: %v", state, p.Admitted())
		}
	}
}

// TestPeersMerge changes a peer by its name and adds another.
func TestPeersMerge(t *testing.T) {
	over := `[[peers]]
name = "depot"
curve = "cj:K6!+sYii}2{#BBW7CzTm@@g)yb)?QV=xVYEd]"

[[peers]]
name = "shop"
state = "retiring"
topics = ["com.example."]
`
	_, paths := write(t, "headgate.toml", withCurve, "over.toml", over, "router.key", curveA)
	c, err := load(paths[:2]...)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Peers) != 2 || c.Peers[0].Name != "shop" || c.Peers[1].Name != "depot" || c.Peers[1].State != "active" {
		t.Fatalf("peers: %+v", c.Peers)
	}
	shop := c.Peers[0]
	if shop.State != "retiring" || shop.Curve != public(t, curvePeer) || !slices.Equal(shop.Channels, []string{"out"}) || !slices.Equal(shop.Topics, []string{"com.example."}) {
		t.Errorf("merged peer: %+v", shop)
	}
	key := config.Setting{Key: "peers[0].curve", Value: `"eqk:.fS:!hVL>#ZC#YQ-zAyPMpopCd57FRt+^4i."`, Origin: paths[0] + ":9"}
	if !slices.Contains(c.Effective(), key) {
		t.Errorf("%+v is missing in %+v", key, c.Effective())
	}
}

func TestCurveWarnings(t *testing.T) {
	text := `[[ingress]]
name = "direct"
listen = "tcp://127.0.0.1:5550"
allow_plain_zmq = true

[[ingress]]
name = "second"
listen = "tcp://127.0.0.1:5551"
curve = { secret = "env:CURVE_A" }

[replies]
listen = "ipc://replies.sock"
curve = { secret = "env:CURVE_A" }

[[channels]]
name = "plain"
class = "command"
listen = "ipc://plain.sock"
ipc_mode = "0660"
allow_plain_zmq = true

[[channels]]
name = "telemetry"
class = "telemetry"
listen = "tcp://127.0.0.1:5556"
curve = { secret = "env:CURVE_A" }

[[channels]]
name = "quiet"
class = "telemetry"
listen = "tcp://127.0.0.1:5558"
curve = { secret = "env:CURVE_A" }

[[peers]]
name = "blind"
curve = "eqk:.fS:!hVL>#ZC#YQ-zAyPMpopCd57FRt+^4i."
channels = ["telemetry"]

[[peers]]
name = "nowhere"
curve = "c>xMH1Z/&$gVDnEl8tedw]q7qRxqriB+pwFrdY9@"

[[peers]]
name = "pending"
curve = "cj:K6!+sYii}2{#BBW7CzTm@@g)yb)?QV=xVYEd]"
state = "pending"
channels = ["plain", "quiet"]
ingress = ["second"]

[[routes]]
name = "all"
type = ["**"]
channels = ["plain", "telemetry", "quiet"]
`
	c, err := config.Parse([]byte(text), "x.toml", ".", config.Options{Env: env()})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		"x.toml:4:1: ingress[0].allow_plain_zmq: override: plain ZeroMQ off loopback; whoever sees the traffic sees events and tokens",
		"x.toml:9:1: ingress[1].curve: admits nobody: no active peer of [[peers]] may connect",
		"x.toml:13:1: replies.curve: admits nobody: no active peer of [[peers]] may connect",
		"x.toml:20:1: channels[0].allow_plain_zmq: override: plain ZeroMQ off loopback; whoever reaches the address is taken for a consumer",
		"x.toml:19:1: channels[0].ipc_mode: override: 0660 without curve; whoever is in the group of the file may connect",
		"x.toml:32:1: channels[2].curve: admits nobody: no active peer of [[peers]] may connect",
		`x.toml:15:3: channels[0]: no curve, but [replies] has: consumers of "plain" need a key of [[peers]] to reply`,
		`x.toml:34:3: peers[0].topics: empty: peer "blind" sees nothing of its telemetry channels`,
		`x.toml:39:3: peers[1]: neither channels nor ingress: peer "nowhere" can connect nowhere`,
	}, "\n")
	if got := strings.Join(c.Warnings(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	text = strings.Replace(text, `"pending"
channels`, `"retiring"
channels`, 1)
	c, err = config.Parse([]byte(text), "x.toml", ".", config.Options{Env: env()})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Warnings(), "\n"); strings.Contains(got, "admits nobody") || !strings.Contains(got, `peers[2].topics: empty: peer "pending"`) {
		t.Errorf("with a peer for each socket\n%s", got)
	}
}
