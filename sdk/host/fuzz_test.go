package host_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk/host"
)

// FuzzHandshake reads any first line: what is taken is what go-plugin can use.
func FuzzHandshake(f *testing.F) {
	for _, line := range []string{"1|1|unix|/d/s|grpc|", "1|1|unix|/d/../s|grpc|AAAA", "1|2|unix|/d/s|grpc|AAAA", "||||||", "hello"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if host.CheckHandshake(line, "/d") != nil {
			return
		}
		parts := strings.Split(line, "|")
		if parts[2] != "unix" || !strings.HasPrefix(parts[3], "/d/") || strings.Contains(parts[3], "/../") || parts[4] != "grpc" || len(parts[5]) < 50 {
			t.Errorf("took %q", line)
		}
	})
}

// FuzzLine reads any line of a log.
func FuzzLine(f *testing.F) {
	for _, line := range []string{`{"@level":"warn","@message":"x","@timestamp":"t","@module":"m","a":{"b":1}}`, `{"@level":5}`, `{"@message":7}`, "panic: x", "text\r", "{", ""} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		x := host.ParseLine(text)
		switch x.Level {
		case "debug", "info", "warn", "error":
		default:
			t.Errorf("level %q", x.Level)
		}
		if x.Fields != nil {
			if _, err := json.Marshal(x.Fields); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestParseLine(t *testing.T) {
	for _, test := range []struct {
		text string
		want host.Line
	}{
		{"hello", host.Line{Level: "info", Text: "hello"}},
		{"hello\r", host.Line{Level: "info", Text: "hello"}},
		{"panic: x", host.Line{Level: "error", Text: "panic: x"}},
		{"fatal error: x", host.Line{Level: "error", Text: "fatal error: x"}},
		{"\xff", host.Line{Level: "info", Text: "\uFFFD"}},
		{`{"@level":"trace","@message":"m"}`, host.Line{Level: "debug", Text: "m"}},
		{`{"@level":"error","@message":"m","@timestamp":"t"}`, host.Line{Level: "error", Text: "m"}},
		{`{"@level":"loud","@message":"m"}`, host.Line{Level: "info", Text: `{"@level":"loud","@message":"m"}`}},
		{`{"@level":"info","@message":7}`, host.Line{Level: "info", Text: `{"@level":"info","@message":7}`}},
		{`{"a":`, host.Line{Level: "info", Text: `{"a":`}},
	} {
		if got := host.ParseLine([]byte(test.text)); got.Level != test.want.Level || got.Text != test.want.Text {
			t.Errorf("%s: got %+v", test.text, got)
		}
	}
}
