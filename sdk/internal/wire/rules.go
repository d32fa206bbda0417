package wire

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// shapes are those of claims in the words of the sdk.
var shapes = map[string]pb.ClaimRule_Shape{
	"": pb.ClaimRule_SHAPE_UNSPECIFIED, "string": pb.ClaimRule_SHAPE_STRING, "integer": pb.ClaimRule_SHAPE_INTEGER, "array": pb.ClaimRule_SHAPE_ARRAY,
}

// toRules gives rules for tokens. It errs with ErrBreach for what cannot be told.
func toRules(r sdk.TokenRules) (*pb.TokenRules, error) {
	m := &pb.TokenRules{Types: r.Types, Audience: r.Audience, Forbid: r.Forbid, Client: r.Client, Groups: r.Groups, Scopes: r.Scopes, Confirmation: r.Confirmation}
	for _, c := range r.Require {
		shape, ok := shapes[c.Shape]
		if !ok {
			return nil, breach("the claim %s has the unknown shape %q", c.Claim, c.Shape)
		}
		m.Require = append(m.Require, &pb.ClaimRule{Claim: c.Claim, Shape: shape, OneOf: c.OneOf, Prefixes: c.Prefixes, Differs: c.Differs})
	}
	for _, s := range r.Subject {
		m.Subject = append(m.Subject, &pb.SubjectRule{Claim: s.Claim, Prefix: s.Prefix})
	}
	return m, nil
}

func fromRules(m *pb.TokenRules) (sdk.TokenRules, error) {
	r := sdk.TokenRules{Types: m.GetTypes(), Audience: m.GetAudience(), Forbid: m.GetForbid(), Client: m.GetClient(), Groups: m.GetGroups(), Scopes: m.GetScopes(), Confirmation: m.GetConfirmation()}
	for _, c := range m.GetRequire() {
		shape, ok := nameOf(shapes, c.GetShape())
		if !ok {
			return r, breach("the claim %s has the unknown shape %d", c.GetClaim(), c.GetShape())
		}
		r.Require = append(r.Require, sdk.ClaimRule{Claim: c.GetClaim(), Shape: shape, OneOf: c.GetOneOf(), Prefixes: c.GetPrefixes(), Differs: c.GetDiffers()})
	}
	for _, s := range m.GetSubject() {
		r.Subject = append(r.Subject, sdk.SubjectRule{Claim: s.GetClaim(), Prefix: s.GetPrefix()})
	}
	return r, nil
}

// nameOf finds the word for a value of the wire.
func nameOf[V comparable](words map[string]V, v V) (string, bool) {
	for name, x := range words {
		if x == v {
			return name, true
		}
	}
	return "", false
}

// unknown reports whether a message, or one in it, has fields that this build
// does not know.
func unknown(m protoreflect.Message) bool {
	if len(m.GetUnknown()) > 0 {
		return true
	}
	found := false
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				found = found || unknown(v.List().Get(i).Message())
			}
		default:
			found = found || unknown(v.Message())
		}
		return !found
	})
	return found
}
