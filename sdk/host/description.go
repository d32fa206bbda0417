package host

import (
	"encoding/json"
	"strings"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// Description is what a plugin says it is.
type Description struct {
	Name         string
	Version      string // of the plugin
	SDK          string // what it was built with, such as go/1.2.0
	Transforms   []Transform
	Providers    []Provider
	Capabilities []string // names of additions to the wire that it knows
}

// Transform describes one kind of transform.
type Transform struct {
	Name, Doc string
	Schema    json.RawMessage // JSON Schema 2020-12 of its configuration
	Needs     sdk.Needs
	Redacts   bool // its original never travels beside its result
}

// Transform finds the transform of that name. The empty name is that of the only
// one there is.
func (d *Description) Transform(name string) (Transform, bool) {
	return kindOf(d.Transforms, name, func(t Transform) string { return t.Name })
}

// Provider is Transform for the plugin's providers.
func (d *Description) Provider(name string) (Provider, bool) {
	return kindOf(d.Providers, name, func(p Provider) string { return p.Name })
}

func kindOf[K any](kinds []K, name string, nameOf func(K) string) (K, bool) {
	for _, k := range kinds {
		if nameOf(k) == name || name == "" && len(kinds) == 1 {
			return k, true
		}
	}
	var none K
	return none, false
}

// TransformNames names the transforms, for those who have to choose.
func (d *Description) TransformNames() string {
	return namesOf(d.Transforms, func(t Transform) string { return t.Name })
}

// ProviderNames names the providers, for those who have to choose.
func (d *Description) ProviderNames() string {
	return namesOf(d.Providers, func(p Provider) string { return p.Name })
}

func namesOf[K any](kinds []K, nameOf func(K) string) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = nameOf(k)
	}
	return strings.Join(names, ", ")
}

// Provider describes one kind of identity provider.
type Provider struct {
	Name, Doc string
	Schema    json.RawMessage // JSON Schema 2020-12 of its configuration
}

// Configuration is what one kind is opened with.
type Configuration struct {
	Kind   string
	Config json.RawMessage    // a JSON object, secrets resolved
	Policy sdk.ProviderPolicy // of a provider
	DryRun bool               // check only: nothing is kept
}

// newDescription reads what a plugin says, strictly.
func newDescription(r *pb.DescribeResponse) (Description, error) {
	p, err := wire.FromDescription(r)
	if err != nil {
		return Description{}, err
	}
	d := Description{Name: p.Name, Version: p.Version, SDK: r.GetSdk(), Capabilities: r.GetCapabilities()}
	for _, k := range p.Transforms {
		d.Transforms = append(d.Transforms, Transform{Name: k.Name, Doc: k.Doc, Schema: k.Schema, Needs: k.Needs, Redacts: k.Redacts})
	}
	for _, k := range p.Providers {
		d.Providers = append(d.Providers, Provider{Name: k.Name, Doc: k.Doc, Schema: k.Schema})
	}
	return d, nil
}
