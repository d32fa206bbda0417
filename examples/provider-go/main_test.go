package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/jwks/jwkstest"
	"github.com/headgate-io/headgate/sdk/sdktest"
)

func policy(issuer string) sdk.ProviderPolicy {
	return sdk.ProviderPolicy{Issuers: []string{issuer}, Audiences: []string{"api://headgate"}, Algs: []string{"ES256"}}
}

func config(t *testing.T, idp *jwkstest.Issuer) string {
	return fmt.Sprintf(`{"tenant":"shop","allow_private":true,"ca_file":%q}`, idp.CAFile(t))
}

// What the router is told to check tokens with.
func TestBundle(t *testing.T) {
	idp := jwkstest.Start(t, "", "ES256")
	i := jwkstest.Bundle(t, describe(), policy(idp.URL()), config(t, idp)).Issuers[0]
	if len(i.Keys) != 1 || i.Rules.Require[0].OneOf[0] != "shop" {
		t.Errorf("got %+v", i)
	}
}

// Every rule that a router relies on.
func TestConformance(t *testing.T) {
	var o sdktest.Options
	if os.Getenv("HEADGATE_PLUGIN") == "" { // not in the plugin's own process, which this test starts
		idp := jwkstest.Start(t, "", "ES256")
		o = sdktest.Options{
			Config: map[string]string{"tenant": config(t, idp)},
			Policy: map[string]sdk.ProviderPolicy{"tenant": policy(idp.URL())},
			Cycles: 3,
		}
	}
	sdktest.Run(t, describe(), o)
}

// The SDK's page shows main.go as it is.
func TestPage(t *testing.T) {
	code, err := os.ReadFile("main.go")
	page, pageErr := os.ReadFile("../../sdk/plugin/README.md")
	if err != nil || pageErr != nil {
		t.Fatal(err, pageErr)
	}
	if !strings.Contains(string(page), "```go\n"+string(code)+"```\n") {
		t.Error("sdk/plugin/README.md has another main.go")
	}
}
