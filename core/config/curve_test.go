package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/curve"
)

// withCurve is a telemetry channel with the secrets of router.key.
const withCurve = `[[channels]]
name = "out"
class = "telemetry"
listen = "tcp://127.0.0.1:5556"
curve = { secret = "file:router.key" }

[[peers]]
name = "shop"
curve = "eqk:.fS:!hVL>#ZC#YQ-zAyPMpopCd57FRt+^4i."
channels = ["out"]

[[routes]]
name = "all"
type = ["**"]
channels = ["out"]
`

// curvePeer is the secret half of the peer's key.
const curvePeer = "this.curve.secret.must.never.be.shown..C"

func public(t *testing.T, secret string) curve.Public {
	t.Helper()
	s, err := curve.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return s.Public()
}

func sameKeys(t *testing.T, got []*curve.Secret, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d keys, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Public() != public(t, want[i]) {
			t.Errorf("key %d is another", i)
		}
	}
}

func TestCurveFile(t *testing.T) {
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       []string // empty for a refusal
		problem    string
	}{
		{name: "one", text: curveA, mode: 0o600, want: []string{curveA}},
		{name: "newest first", text: curveB + "\r\n" + curveA + "\r\n", mode: 0o400, want: []string{curveB, curveA}},
		{name: "four", text: curveA + "\n" + curveB + "\n" + string(curveA[1:]) + "D\n" + string(curveA[1:]) + "E", mode: 0o600,
			want: []string{curveA, curveB, curveA[1:] + "D", curveA[1:] + "E"}},
		{name: "open to the group", text: curveA, mode: 0o640, problem: "router.key: file is open to group or others, mode 0640: run chmod 600 on it"},
		{name: "empty", mode: 0o600, problem: "file:router.key: line 1: curve: a key has 40 characters of Z85, this has 0"},
		{name: "empty line", text: curveA + "\n\n" + curveB, mode: 0o600, problem: "file:router.key: line 2: curve: a key has 40 characters of Z85, this has 0"},
		{name: "of the peer", text: curveA + "\n" + curvePeer, mode: 0o600, problem: `file:router.key: line 2 is the secret of peer "shop": make one that the router alone has`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, paths := write(t, "headgate.toml", withCurve, "router.key", c.text)
			if err := os.Chmod(paths[1], c.mode); err != nil {
				t.Fatal(err)
			}
			got, err := load(paths[0])
			if c.want == nil {
				if want := paths[0] + ":5:11: channels[0].curve.secret: " + c.problem; err == nil || err.Error() != want {
					t.Errorf("got\n%v\nwant\n%s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sameKeys(t, got.Channels[0].Curve.Secrets, c.want...)
		})
	}
}

// TestReadCurve changes the keys beneath a loaded configuration.
func TestReadCurve(t *testing.T) {
	_, paths := write(t, "headgate.toml", withCurve, "router.key", curveA)
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	of := c.Channels[0].Curve
	replace := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(paths[1], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(paths[1], mode); err != nil {
			t.Fatal(err)
		}
	}

	replace(curveB+"\n"+curveA+"\n", 0o600)
	got, err := c.ReadCurve(of)
	if err != nil {
		t.Fatal(err)
	}
	sameKeys(t, got, curveB, curveA)
	sameKeys(t, of.Secrets, curveA)

	for _, bad := range []struct {
		text string
		mode os.FileMode
	}{{curveA + "\n" + curveA, 0o600}, {curvePeer, 0o600}, {"never.be.shown", 0o600}, {curveA, 0o604}} {
		replace(bad.text, bad.mode)
		got, err := c.ReadCurve(of)
		if err == nil || got != nil || strings.Contains(err.Error(), "never.be.shown") {
			t.Errorf("mode %04o: %v, %v", bad.mode, got, err)
		}
	}
}

func TestReadCurveOfVariable(t *testing.T) {
	text := strings.Replace(withCurve, "file:router.key", "env:CURVE_AB", 1)
	c, err := config.Parse([]byte(text), "x.toml", ".", config.Options{Env: env()})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.ReadCurve(c.Channels[0].Curve)
	if err != nil {
		t.Fatal(err)
	}
	sameKeys(t, got, curveA, curveB)
}

// TestCurveNeverPrints looks for secret keys in all that a configuration
// prints as.
func TestCurveNeverPrints(t *testing.T) {
	_, paths := write(t, "headgate.toml", withCurve, "router.key", curveA)
	c, err := load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	of := c.Channels[0].Curve
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out := string(text) + fmt.Sprintf("%v %+v %#v %x", *of, *of, *of, *of) + fmt.Sprint(c.Effective(), c.Warnings())
	for _, shown := range []string{"never.be.shown", fmt.Sprintf("%x", "never.be.shown")} {
		if strings.Contains(out, shown) {
			t.Errorf("a secret is shown:\n%s", out)
		}
	}
}
