package main

import (
	"github.com/headgate-io/headgate/plugins/awsiam"
	"github.com/headgate-io/headgate/plugins/jq"
	"github.com/headgate-io/headgate/plugins/jsonschema"
	"github.com/headgate-io/headgate/plugins/mask"
	"github.com/headgate-io/headgate/plugins/oidc"
	"github.com/headgate-io/headgate/plugins/okta"
	"github.com/headgate-io/headgate/sdk"
)

// bundled are the shipped plugins. The router runs them like any others: as
// processes of their own, of this very binary.
func bundled() []sdk.Plugin {
	return []sdk.Plugin{
		awsiam.Plugin(), jq.Plugin(), jsonschema.Plugin(), mask.Plugin(), oidc.Plugin(), okta.Plugin(),
	}
}

// bundledNamed finds a shipped plugin.
func bundledNamed(name string) (sdk.Plugin, bool) {
	for _, p := range bundled() {
		if p.Name == name {
			return p, true
		}
	}
	return sdk.Plugin{}, false
}

func bundledNames() []string {
	var names []string
	for _, p := range bundled() {
		names = append(names, p.Name)
	}
	return names
}
