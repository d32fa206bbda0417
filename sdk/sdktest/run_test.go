package sdktest_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

// stamp is a plugin as an author writes one.
type stampConfig struct {
	With  string `json:"with" required:"true" doc:"what to stamp"`
	Token string `json:"token" secret:"true"`
	Times int    `json:"times" default:"1" min:"1"`
}

func stamp(_ context.Context, c stampConfig, e *sdk.Event) error {
	var object map[string]any
	switch {
	case e.Subject == "drop":
		return sdk.Dropped("as asked")
	case e.Subject == "panic":
		panic("as asked")
	case !e.DataIsJSON:
		return nil
	case json.Unmarshal(e.Data, &object) != nil:
		return sdk.Permanent(errors.New("data is no object"))
	}
	object["stamp"] = c.With
	text, err := json.Marshal(object)
	if err != nil {
		return sdk.Permanent(err)
	}
	e.Data = text
	return nil
}

func stampPlugin() sdk.Plugin { return sdk.TransformFunc("stamp", "1.0.0", stamp) }

// once publishes one snapshot, and again what is asked for.
type once struct{ version uint64 }

func (o *once) Watch(ctx context.Context, publish func(context.Context, sdk.TrustBundle) error) error {
	o.version++
	now := time.Now()
	_ = publish(ctx, sdk.TrustBundle{
		Version: o.version, FetchedAt: now, FreshUntil: now.Add(time.Minute), UsableUntil: now.Add(time.Hour),
		Issuers: []sdk.IssuerTrust{{
			Issuer: "https://issuer.example", Audiences: []string{"headgate"}, Algs: []string{"EdDSA"}, MaxLifetime: time.Hour,
			Keys: []json.RawMessage{json.RawMessage(`{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)},
		}},
	})
	<-ctx.Done()
	return ctx.Err()
}

func TestRunTransform(t *testing.T) {
	sdktest.Run(t, stampPlugin(), sdktest.Options{
		Config: map[string]string{"stamp": `{"with":"ink"}`},
		Events: []string{sdktest.Event(`{"a":1}`)},
		Cycles: 3,
	})
}

func TestRunProvider(t *testing.T) {
	t.Run("of keys", func(t *testing.T) {
		sdktest.Run(t, sdk.Plugin{Name: "keys", Version: "1.0.0", Providers: []sdk.ProviderKind{{
			Name: "keys", Schema: json.RawMessage(`{"type":"object","additionalProperties":false}`),
			Open: func(_ context.Context, _ sdk.ProviderPolicy, config json.RawMessage) (sdk.Provider, error) {
				_, err := sdk.DecodeConfig[struct{}](config)
				return new(once), err
			},
		}}}, sdktest.Options{
			Policy: map[string]sdk.ProviderPolicy{"keys": {Issuers: []string{"https://issuer.example"}, Audiences: []string{"headgate"}, Algs: []string{"EdDSA"}}},
			Cycles: 3,
		})
	})
}

// runBad makes TestRunBad run.
const runBad = "SDKTEST_RUN_BAD"

// TestRunBad is what TestRunTellsFaults starts: a plugin whose transform changes
// what it may not.
func TestRunBad(t *testing.T) {
	if os.Getenv(runBad) == "" && os.Getenv(sdktest.ServeEnv) == "" {
		t.Skip("started by TestRunTellsFaults")
	}
	bad := sdk.TransformFunc("bad", "1.0.0", func(_ context.Context, _ struct{}, e *sdk.Event) error {
		e.Type = "another"
		return nil
	})
	sdktest.Run(t, bad, sdktest.Options{Cycles: 1})
}

func TestRunTellsFaults(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), own, "-test.run=^TestRunBad$")
	cmd.Env = append(os.Environ(), runBad+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: TestRunBad/core") || !strings.Contains(string(out), `the type of a replaced event went from`) || strings.Count(string(out), "--- FAIL") != 2 {
		t.Errorf("%v:\n%s", err, out)
	}
}
