package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/webhook"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"headgate": main, "contained": contained})
}

// TestScript runs the stories in testdata/script, each with real processes in a
// directory of its own.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":  await,
			"ready":  ready,
			"post":   post,
			"keep":   keep,
			"expand": expand,
			"flip":   flip,
			"newer":  newer,
		},
	})
}

// patience is how long a story waits for what must come.
const patience = 30 * time.Second

// await PATTERN COMMAND.. runs the command until its standard output matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await PATTERN COMMAND..")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%q did not come; last: %v", args[0], err)
		}
	}
}

// ready [CONFIG] waits for the router of a configuration, and sets a variable
// to the address of each of its doors, channels and of its replies, by name.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	command := []string{"top", "--once", "--json"}
	if len(args) > 0 {
		command = append(command, "-c", args[0])
	}
	await(ts, neg, append([]string{`"replies"`, "headgate"}, command...))
	var top admin.Top
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &top))
	ts.Setenv("replies", top.Replies.Address)
	for _, d := range top.Doors {
		ts.Setenv(d.Name, d.Address)
	}
	for _, c := range top.Commands {
		ts.Setenv(c.Name, c.Address)
	}
	for _, c := range top.Telemetry {
		ts.Setenv(c.Name, c.Address)
	}
}

// keep VARIABLE remembers what the last command printed.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keep VARIABLE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// expand FILE puts variables in the place of each ${NAME} in a file.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: expand FILE")
	}
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, []byte(os.Expand(string(text), ts.Getenv)), 0o600))
}

// flip FILE TEXT turns one bit of the first byte of a text in a file.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE TEXT")
	}
	alter(ts, args[0], bytes.Index([]byte(ts.ReadFile(args[0])), []byte(args[1])), func(b byte) byte { return b ^ 1 })
}

// newer SEGMENT makes a segment one of the format after the present one.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: newer SEGMENT")
	}
	alter(ts, args[0], 8, func(b byte) byte { return b + 1 })
}

func alter(ts *testscript.TestScript, file string, at int, to func(byte) byte) {
	text := []byte(ts.ReadFile(file))
	if at < 0 || at >= len(text) {
		ts.Fatalf("%s has no such place", file)
	}
	text[at] = to(text[at])
	ts.Check(os.WriteFile(ts.MkAbs(file), text, 0o600))
}

// post STATUS FILE sends one event to $edge, signed with the key edge-1 whose
// secret is in the file secret, and wants that status.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: post STATUS FILE")
	}
	secret, err := webhook.ParseSecret(strings.TrimSpace(ts.ReadFile("secret")))
	ts.Check(err)
	p := producer{to: ts.Getenv("edge"), key: signingKey{id: "edge-1"}, client: &http.Client{Timeout: patience}}
	p.key.signer, err = webhook.NewHMACSigner(secret)
	ts.Check(err)
	raw := []byte(ts.ReadFile(args[1]))
	event, err := sdk.ParseEvent(raw)
	ts.Check(err)
	got, err := p.post(context.Background(), "application/cloudevents+json", event.ID, raw)
	ts.Check(err)
	if strconv.Itoa(got.status) != args[0] {
		ts.Fatalf("answer is %d %s, want %s", got.status, got.body, args[0])
	}
}
