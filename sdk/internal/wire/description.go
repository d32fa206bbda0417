package wire

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// ToDescription tells what a plugin is.
func ToDescription(p *sdk.Plugin) *pb.DescribeResponse {
	r := &pb.DescribeResponse{Name: p.Name, Version: Text(p.Version), Sdk: "go/" + sdk.Version}
	for _, k := range p.Transforms {
		r.Kinds = append(r.Kinds, &pb.Kind{
			Type: pb.Kind_TYPE_TRANSFORM, Name: k.Name, Doc: Text(k.Doc), ConfigSchema: k.Schema, Redacts: k.Redacts,
			Needs: &pb.Needs{Data: k.Needs.Data, Extensions: k.Needs.Extensions, Principal: k.Needs.Principal},
		})
	}
	for _, k := range p.Providers {
		r.Kinds = append(r.Kinds, &pb.Kind{Type: pb.Kind_TYPE_PROVIDER, Name: k.Name, Doc: Text(k.Doc), ConfigSchema: k.Schema})
	}
	return r
}

var errElsewhere = errors.New("the plugin runs in another process")

// FromDescription reads what a plugin is. Its kinds cannot be opened here.
func FromDescription(r *pb.DescribeResponse) (sdk.Plugin, error) {
	p := sdk.Plugin{Name: r.GetName(), Version: r.GetVersion()}
	for _, k := range r.GetKinds() {
		switch k.GetType() {
		case pb.Kind_TYPE_TRANSFORM:
			if k.GetNeeds() == nil {
				return p, breach("transform %q does not say what it needs", k.GetName())
			}
			p.Transforms = append(p.Transforms, sdk.TransformKind{
				Name: k.Name, Doc: k.Doc, Schema: k.ConfigSchema, Redacts: k.Redacts,
				Needs: sdk.Needs{Data: k.Needs.Data, Extensions: k.Needs.Extensions, Principal: k.Needs.Principal},
				Open:  func(context.Context, json.RawMessage) (sdk.Transform, error) { return nil, errElsewhere },
			})
		case pb.Kind_TYPE_PROVIDER:
			p.Providers = append(p.Providers, sdk.ProviderKind{
				Name: k.Name, Doc: k.Doc, Schema: k.ConfigSchema,
				Open: func(context.Context, sdk.ProviderPolicy, json.RawMessage) (sdk.Provider, error) {
					return nil, errElsewhere
				},
			})
		default:
			return p, breach("kind %q is of the unknown type %d", k.GetName(), k.GetType())
		}
	}
	if err := p.Check(); err != nil {
		return p, breach("the plugin describes itself wrongly: %v", err)
	}
	return p, nil
}
