package wire

import (
	"time"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// ToPolicy gives a provider what the router's own configuration says.
func ToPolicy(p sdk.ProviderPolicy) *pb.Policy {
	usable, _ := seconds(p.UsableFor) // the router's configuration bounds it
	return &pb.Policy{Issuers: p.Issuers, Audiences: p.Audiences, Algs: p.Algs, UsableForSeconds: usable}
}

// FromPolicy reads it.
func FromPolicy(p *pb.Policy) sdk.ProviderPolicy {
	return sdk.ProviderPolicy{Issuers: p.GetIssuers(), Audiences: p.GetAudiences(), Algs: p.GetAlgs(), UsableFor: time.Duration(p.GetUsableForSeconds()) * time.Second}
}

// ToDiagnostics gives the faults of a configuration.
func ToDiagnostics(faults sdk.Diagnostics) []*pb.Diagnostic {
	list := make([]*pb.Diagnostic, len(faults))
	for i, d := range faults {
		list[i] = &pb.Diagnostic{Path: Text(d.Path), Text: Text(d.Text)}
	}
	return list
}

// FromDiagnostics is the error that ToDiagnostics was given, nil for none.
func FromDiagnostics(list []*pb.Diagnostic) error {
	if len(list) == 0 {
		return nil
	}
	faults := make(sdk.Diagnostics, len(list))
	for i, d := range list {
		faults[i] = sdk.Diagnostic{Path: Text(d.GetPath()), Text: Text(d.GetText())}
	}
	return faults
}
