package wire

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// revocationKinds are the kinds of revocation in the words of the sdk.
var revocationKinds = map[string]pb.Revocation_Type{
	"kid": pb.Revocation_TYPE_KEY, "jti": pb.Revocation_TYPE_TOKEN, "subject": pb.Revocation_TYPE_SUBJECT,
}

// ToTrust gives a snapshot. It errs with ErrBreach for one that cannot be told.
func ToTrust(b sdk.TrustBundle) (*pb.WatchTrustResponse, error) {
	m := &pb.WatchTrustResponse{
		Version: b.Version, FetchedAt: b.FetchedAt.UnixMilli(), FreshUntil: b.FreshUntil.UnixMilli(), UsableUntil: b.UsableUntil.UnixMilli(),
	}
	for _, i := range b.Issuers {
		leeway, ok := seconds(i.Leeway)
		lifetime, ok2 := seconds(i.MaxLifetime)
		if !ok || !ok2 {
			return nil, breach("the leeway or the lifetime of issuer %q is negative, or beyond a century", i.Issuer)
		}
		x := &pb.Issuer{Issuer: i.Issuer, Audiences: i.Audiences, Algs: i.Algs, LeewaySeconds: leeway, MaxLifetimeSeconds: lifetime,
			FetchedAt: unixMillis(i.FetchedAt), FreshUntil: unixMillis(i.FreshUntil), UsableUntil: unixMillis(i.UsableUntil)}
		var err error
		if x.Rules, err = toRules(i.Rules); err != nil {
			return nil, fmt.Errorf("issuer %q: %w", i.Issuer, err)
		}
		for _, k := range i.Keys {
			x.Keys = append(x.Keys, k)
		}
		m.Issuers = append(m.Issuers, x)
	}
	for _, r := range b.Revoked {
		kind, ok := revocationKinds[r.Kind]
		if !ok {
			return nil, breach("the provider revokes something of the unknown kind %q", r.Kind)
		}
		m.Revoked = append(m.Revoked, &pb.Revocation{Type: kind, Issuer: r.Issuer, Value: r.Value, Before: unixMillis(r.Before), Expires: instant(r.Expires)})
	}
	return m, nil
}

// unixMillis gives a time that may be zero, which is absent then.
func unixMillis(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	return proto.Int64(t.UnixMilli())
}

func moment(millis *int64) time.Time {
	if millis == nil {
		return time.Time{}
	}
	return time.UnixMilli(*millis)
}

// instant gives a time that nobody leaves out: zero is what is wrong.
func instant(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at is the zero time for one that was left out: not 1970.
func at(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis)
}

// seconds of a duration, and whether the wire can tell them.
func seconds(d time.Duration) (uint32, bool) {
	const century = 100 * 365 * 24 * time.Hour
	return uint32(max(0, d) / time.Second), 0 <= d && d <= century
}

// FromTrust reads a snapshot, strictly: a field that is not known here might
// have said less than what is taken without it.
func FromTrust(m *pb.WatchTrustResponse) (sdk.TrustBundle, error) {
	if unknown(m.ProtoReflect()) {
		return sdk.TrustBundle{}, breach("the bundle has a field that this router does not know: a newer router is needed")
	}
	b := sdk.TrustBundle{
		Version: m.GetVersion(), FetchedAt: time.UnixMilli(m.GetFetchedAt()), FreshUntil: time.UnixMilli(m.GetFreshUntil()), UsableUntil: time.UnixMilli(m.GetUsableUntil()),
	}
	for _, i := range m.GetIssuers() {
		x := sdk.IssuerTrust{
			Issuer: i.GetIssuer(), Audiences: i.GetAudiences(), Algs: i.GetAlgs(),
			Leeway: time.Duration(i.GetLeewaySeconds()) * time.Second, MaxLifetime: time.Duration(i.GetMaxLifetimeSeconds()) * time.Second,
			FetchedAt: moment(i.FetchedAt), FreshUntil: moment(i.FreshUntil), UsableUntil: moment(i.UsableUntil),
		}
		var err error
		if x.Rules, err = fromRules(i.GetRules()); err != nil {
			return b, fmt.Errorf("issuer %q: %w", i.GetIssuer(), err)
		}
		for _, k := range i.GetKeys() {
			if !json.Valid(k) {
				return b, breach("a key of issuer %q is no JSON", i.GetIssuer())
			}
			x.Keys = append(x.Keys, k)
		}
		b.Issuers = append(b.Issuers, x)
	}
	for _, r := range m.GetRevoked() {
		kind, ok := nameOf(revocationKinds, r.GetType())
		if !ok {
			return b, breach("a revocation is of the unknown type %d", r.GetType())
		}
		b.Revoked = append(b.Revoked, sdk.Revocation{Kind: kind, Issuer: r.GetIssuer(), Value: r.GetValue(), Before: moment(r.Before), Expires: at(r.GetExpires())})
	}
	return b, nil
}
