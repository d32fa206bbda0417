package jwks_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks"
)

type kindConfig struct {
	Tenant string `json:"tenant" required:"true" doc:"whose tokens"`
	jwks.Terms
}

func TestKind(t *testing.T) {
	kind := jwks.NewKind("example", "Takes tokens.", func(p sdk.ProviderPolicy, c kindConfig) (jwks.Options, error) {
		if c.Tenant == "nobody" {
			return jwks.Options{}, errors.New("tenant nobody has no tokens")
		}
		var sources []jwks.Source
		for _, issuer := range p.Issuers {
			sources = append(sources, jwks.Source{Trust: sdk.IssuerTrust{Issuer: issuer}})
		}
		return c.Options(p, sources)
	})
	if kind.Name != "example" || kind.Doc != "Takes tokens." || !strings.Contains(string(kind.Schema), `"whose tokens"`) {
		t.Errorf("%+v", kind)
	}
	policy := sdk.ProviderPolicy{Issuers: []string{"https://example.com"}, Audiences: []string{"a"}, Algs: []string{"RS256"}}
	if v, err := kind.Open(t.Context(), policy, json.RawMessage(`{"tenant":"one"}`)); err != nil {
		t.Error(err)
	} else if _, ok := v.(sdk.Hinter); !ok {
		t.Error("it takes no hints")
	}
	for config, want := range map[string]string{
		`{}`:                                   "/tenant: is required: whose tokens",
		`{"tenant":"nobody"}`:                  "tenant nobody has no tokens",
		`{"tenant":"one","leeway":"3m"}`:       "/leeway: want 0s to 2m0s",
		`{"tenant":"one","leeway":"1m","x":1}`: "/x: is not known: there are tenant, leeway, usable_for, ca_file, allow_private",
		`{"tenant":"one","audiences":["a"]}`:   "/audiences: is not known: it is a key of [[auth]] itself, and stands above [auth.config]",
	} {
		v, err := kind.Open(t.Context(), policy, json.RawMessage(config))
		if _, ok := errors.AsType[sdk.Diagnostics](err); !ok || v != nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, %v", config, v, err)
		}
	}
	policy.Algs = []string{"HS256"}
	if v, err := kind.Open(t.Context(), policy, json.RawMessage(`{"tenant":"one"}`)); v != nil || err == nil {
		t.Errorf("HS256 is taken: %v", v)
	}
	defer func() {
		if recover() == nil {
			t.Error("a configuration without a schema is taken")
		}
	}()
	jwks.NewKind("bad", "", func(sdk.ProviderPolicy, func()) (jwks.Options, error) { return jwks.Options{}, nil })
}
