package python_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
	"github.com/headgate-io/headgate/sdk/python"
)

// TestTheRouterRunsIt has the router's side of the wire run the example, packed
// with the embedded SDK: by an inherited descriptor, isolated from all else.
func TestTheRouterRunsIt(t *testing.T) {
	conn := start(t, example)
	description, err := conn.Describe(t.Context())
	if err != nil || description.Name != "shout" || len(description.Transforms) != 1 {
		t.Errorf("described as %+v: %v", description, err)
	}
	if err := conn.Configure(t.Context(), host.Configuration{Kind: "shout", Config: []byte(`{"mark":1}`)}); err == nil || err.Error() != "/mark: want a string, not such a number" {
		t.Errorf("a wrong configuration: %v", err)
	}
	if err := conn.Configure(t.Context(), host.Configuration{Kind: "shout", Config: []byte(`{"mark":"?"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Health(t.Context()); err != nil {
		t.Error(err)
	}

	shout := conn.Transform("shout")
	texts := map[string]sdk.Verdict{`{"text":"a"}`: sdk.Replace, `{"text":"?"}`: sdk.Replace, `{"text":1}`: sdk.Fail, `{`: sdk.Fail}
	for text, want := range texts {
		event, err := sdk.ParseEvent([]byte(`{"specversion":"1.0","id":"1","source":"/s","type":"t","n":7}`))
		if err != nil {
			t.Fatal(err)
		}
		event.Data, event.DataIsJSON = []byte(text), true
		outcomes, err := shout.Transform(t.Context(), []sdk.Input{{Event: &event}})
		if err != nil || len(outcomes) != 1 || outcomes[0].Verdict != want {
			t.Errorf("%s: %+v, %v", text, outcomes, err)
		}
		if o := outcomes[0]; text == `{"text":"a"}` && string(o.Event.Data) != `{"text":"A?"}` {
			t.Errorf("%s became %s", text, o.Event.Data)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if exit := conn.Exit(); exit.Code != 0 || exit.Signal != "" {
		t.Errorf("it ended with %s: %s", exit, exit.Tail)
	}
}

// TestTheRouterWatchesTrust refuses a bundle, hears of that, and takes the
// last before the instance is replaced.
func TestTheRouterWatchesTrust(t *testing.T) {
	conn := start(t, "tests/every")
	keys := host.Configuration{Kind: "keys", Policy: sdk.ProviderPolicy{Issuers: []string{"https://i"}}}
	if err := conn.Configure(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	var taken []sdk.TrustBundle
	err := conn.WatchTrust(t.Context(), "keys", func(b sdk.TrustBundle) error {
		taken = append(taken, b)
		switch len(taken) {
		case 1:
			return errors.Join(errors.New("too old"), conn.Hint(t.Context(), "keys", "https://i", "k"))
		case 2:
			return conn.Configure(t.Context(), keys)
		}
		return nil
	})
	if !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("the watch ended with %v", err)
	}
	if len(taken) != 2 || taken[0].Version >= taken[1].Version {
		t.Fatalf("took %+v", taken)
	}
	if i := taken[1].Issuers[0]; i.Issuer != "https://i" || i.Audiences[0] != "too old" || string(i.Keys[0]) != `{"kty": "EC"}` {
		t.Errorf("took %+v", i)
	}
}

// start packs a plugin's folder and starts it.
func start(t *testing.T, folder string) *host.Conn {
	t.Helper()
	requirePython(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := host.Command{Interpreter: []string{"/usr/bin/python3", "-I"}, Path: packed(t, folder)}
	conn, err := host.Start(ctx, command, host.Options{StartTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// packed is a plugin's folder with the SDK, as python3 -m zipapp packs them.
func packed(t *testing.T, folder string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, python.SDK); err != nil {
		t.Fatal(err)
	}
	sources, err := fs.Glob(os.DirFS(folder), "*.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "plugin.pyz")
	if out, err := python3(t, ".", "-m", "zipapp", dir, "-o", to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return to
}
