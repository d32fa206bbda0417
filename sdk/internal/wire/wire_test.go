package wire_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// sent encodes and decodes a message, as gRPC does.
func sent[M proto.Message](t *testing.T, m, empty M) M {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(b, empty); err != nil {
		t.Fatal(err)
	}
	return empty
}

func full() *sdk.Event {
	return &sdk.Event{
		ID: "1", Source: "/s", SpecVersion: "1.0", Type: "t", Subject: "sub", Time: "2026-01-02T03:04:05Z", DataContentType: "application/json", DataSchema: "/schema",
		Extensions: []sdk.Extension{{Name: "a", Value: "x"}, {Name: "b", Value: "-7", Kind: sdk.KindInteger}, {Name: "c", Value: "true", Kind: sdk.KindBoolean}},
		Data:       []byte(`{"x":1}`), DataIsJSON: true,
	}
}

// TestEvents sends events with all that is needed, and less.
func TestEvents(t *testing.T) {
	everything := sdk.Needs{Data: true, Extensions: true, Principal: true}
	bare, empty := &sdk.Event{ID: "2", Source: "/s", SpecVersion: "1.0", Type: "t"}, full()
	empty.Data, empty.DataIsJSON = []byte{}, false
	noData, nothing := full(), full()
	noData.Data, noData.DataIsJSON = nil, false
	nothing.Data, nothing.DataIsJSON, nothing.Extensions = nil, false, nil
	sender := &sdk.Principal{Provider: "p", Issuer: "i", Subject: "s"}
	for name, test := range map[string]struct {
		needs    sdk.Needs
		in, want sdk.Input
	}{
		"everything": {everything, sdk.Input{Event: full(), Principal: sender}, sdk.Input{Event: full(), Principal: sender}},
		"bare":       {everything, sdk.Input{Event: bare}, sdk.Input{Event: bare}},
		"empty data": {everything, sdk.Input{Event: empty}, sdk.Input{Event: empty}},
		"no data":    {sdk.Needs{Extensions: true}, sdk.Input{Event: full(), Principal: sender}, sdk.Input{Event: noData}},
		"nothing":    {sdk.Needs{}, sdk.Input{Event: full(), Principal: sender}, sdk.Input{Event: nothing}},
	} {
		r := sent(t, &pb.TransformRequest{Events: wire.ToEvents([]sdk.Input{test.in}, test.needs)}, &pb.TransformRequest{})
		got, err := wire.FromEvents(r.Events)
		if err != nil || !reflect.DeepEqual(got, []sdk.Input{test.want}) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, got[0].Event, test.want.Event)
		}
	}
}

func TestEventsAreReadStrictly(t *testing.T) {
	for says, m := range map[string]*pb.Event{
		"nil":                 nil,
		"unknown type 0":      {Extensions: []*pb.Extension{{Name: "a"}}},
		"unknown type 4":      {Extensions: []*pb.Extension{{Name: "a", Type: 4}}},
		`extension "a" twice`: {Extensions: []*pb.Extension{{Name: "a", Type: 1}, {Name: "b", Type: 1}, {Name: "a", Type: 1}}},
		"has no data":         {DataIsJson: true},
	} {
		if _, err := wire.FromEvents([]*pb.Event{m}); !errors.Is(err, wire.ErrBreach) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

func TestOutcomes(t *testing.T) {
	for _, o := range []sdk.Outcome{
		{},
		{Verdict: sdk.Replace, Event: full()},
		{Verdict: sdk.Drop, Reason: "r"},
		{Verdict: sdk.Fail, Reason: "r", Stack: "s"},
		{Verdict: sdk.Fail, Reason: "r", Retry: true},
		{Verdict: sdk.Fail, Reason: "r", Retry: true, After: 1500 * time.Millisecond},
	} {
		out, err := wire.ToOutcomes([]sdk.Outcome{o}, 1)
		if err != nil {
			t.Fatal(err)
		}
		r := sent(t, &pb.TransformResponse{Outcomes: out}, &pb.TransformResponse{})
		got, err := wire.FromOutcomes(r.Outcomes, 1)
		if err != nil || !reflect.DeepEqual(got, []sdk.Outcome{o}) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, o)
		}
	}
}

func TestOutcomesAreGivenStrictly(t *testing.T) {
	for says, o := range map[string][]sdk.Outcome{
		"0 outcomes for 1 events": nil,
		"2 outcomes for 1 events": {{}, {}},
		"without an event":        {{Verdict: sdk.Replace}},
		"retry after -1s":         {{Verdict: sdk.Fail, Retry: true, After: -time.Second}},
		"unknown verdict 9":       {{Verdict: 9}},
	} {
		if _, err := wire.ToOutcomes(o, 1); !errors.Is(err, wire.ErrBreach) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	out, err := wire.ToOutcomes([]sdk.Outcome{{Verdict: sdk.Fail, Retry: true, After: 1000 * 24 * time.Hour}, {Verdict: sdk.Fail, Retry: true, After: 1}}, 2)
	if err != nil || out[0].GetFailure().AfterMillis != 1<<32-1 || out[1].GetFailure().AfterMillis != 1 {
		t.Errorf("%v, %v", err, out)
	}
}

func TestOutcomesAreReadStrictly(t *testing.T) {
	for says, out := range map[string][]*pb.Outcome{
		"0 outcomes for 1 events": nil,
		"2 outcomes for 1 events": {{}, {}},
		"says nothing":            {{}},
		"has 0 events":            {{Is: &pb.Outcome_Replace{Replace: &pb.Replace{}}}},
		"has 2 events":            {{Is: &pb.Outcome_Replace{Replace: &pb.Replace{Events: []*pb.Event{{}, {}}}}}},
		"not to be retried":       {{Is: &pb.Outcome_Failure{Failure: &pb.Failure{AfterMillis: 1}}}},
		"unknown type":            {{Is: &pb.Outcome_Replace{Replace: &pb.Replace{Events: []*pb.Event{{Extensions: []*pb.Extension{{Name: "a"}}}}}}}},
	} {
		if _, err := wire.FromOutcomes(out, 1); !errors.Is(err, wire.ErrBreach) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	if _, err := wire.FromOutcomes([]*pb.Outcome{nil}, 1); !errors.Is(err, wire.ErrBreach) {
		t.Errorf("got %v", err)
	}
}

// TestErrors shows that errors.Is works across the border.
func TestErrors(t *testing.T) {
	for _, is := range []error{sdk.ErrUnavailable, wire.ErrNotConfigured, wire.ErrTooLarge, wire.ErrBreach, context.DeadlineExceeded, context.Canceled} {
		err := wire.FromStatus(wire.ToStatus(fmt.Errorf("idp: %w: now", is)))
		if !errors.Is(err, is) || err.Error() != fmt.Sprintf("idp: %v: now", is) {
			t.Errorf("%v became %v", is, err)
		}
	}
	if err := wire.FromStatus(wire.ToStatus(errors.New("x \xff"))); err.Error() != "x \uFFFD" || errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := wire.FromStatus(status.Error(codes.Unavailable, "EOF")); !errors.Is(err, sdk.ErrUnavailable) || err.Error() != "plugin unavailable: EOF" {
		t.Errorf("got %v", err)
	}
	if err := wire.FromStatus(status.Error(codes.Unimplemented, "x")); !errors.Is(err, wire.ErrBreach) {
		t.Errorf("got %v", err)
	}
	for _, code := range []codes.Code{codes.Unavailable, codes.Unimplemented, codes.Internal} {
		if err := wire.FromStatus(status.Error(code, strings.Repeat("x", 4<<20))); len(err.Error()) > 16<<10 {
			t.Errorf("%v: a plugin has %d bytes said in its name", code, len(err.Error()))
		}
	}
	if wire.ToStatus(nil) != nil || wire.FromStatus(nil) != nil {
		t.Error("nil became an error")
	}
	long := wire.FromStatus(wire.ToStatus(errors.New(strings.Repeat("é", 1<<20))))
	if len(long.Error()) > 8<<10 || !strings.HasSuffix(long.Error(), "é") {
		t.Errorf("%d bytes", len(long.Error()))
	}
}

func TestDiagnostics(t *testing.T) {
	want := sdk.Diagnostics{{Path: "/a/0", Text: "x"}, {Text: "y"}}
	if got := wire.FromDiagnostics(wire.ToDiagnostics(want)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	if err := wire.FromDiagnostics(nil); err != nil {
		t.Errorf("got %v", err)
	}
	p := sdk.ProviderPolicy{Issuers: []string{"i"}, Audiences: []string{"a"}, Algs: []string{"ES256"}}
	if got := wire.FromPolicy(wire.ToPolicy(p)); !reflect.DeepEqual(got, p) {
		t.Errorf("got %v", got)
	}
}

func TestDescriptions(t *testing.T) {
	schema := json.RawMessage(`{}`)
	p := sdk.Plugin{Name: "n", Version: "1", Transforms: []sdk.TransformKind{{Name: "t", Doc: "d", Schema: schema, Needs: sdk.Needs{Principal: true}, Redacts: true}}, Providers: []sdk.ProviderKind{{Name: "v", Doc: "e", Schema: schema}}}
	got, err := wire.FromDescription(sent(t, wire.ToDescription(&p), &pb.DescribeResponse{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := got.Transforms[0].Open(t.Context(), nil); err == nil {
		t.Error("a kind of elsewhere was opened")
	}
	if _, err := got.Providers[0].Open(t.Context(), sdk.ProviderPolicy{}, nil); err == nil {
		t.Error("a kind of elsewhere was opened")
	}
	got.Transforms[0].Open, got.Providers[0].Open = nil, nil
	if !reflect.DeepEqual(got, p) {
		t.Errorf("got %+v", got)
	}
	kind := func(x *pb.Kind) *pb.DescribeResponse {
		return &pb.DescribeResponse{Name: "n", Version: "1", Kinds: []*pb.Kind{x}}
	}
	for says, r := range map[string]*pb.DescribeResponse{
		"plugin name":     {},
		"neither":         {Name: "n", Version: "1"},
		"unknown type 0":  kind(&pb.Kind{Name: "t"}),
		"what it needs":   kind(&pb.Kind{Name: "t", Type: pb.Kind_TYPE_TRANSFORM}),
		"is no JSON":      kind(&pb.Kind{Name: "t", Type: pb.Kind_TYPE_PROVIDER}),
		`name "T"`:        kind(&pb.Kind{Name: "T", Type: pb.Kind_TYPE_PROVIDER, ConfigSchema: schema}),
		"unknown type 77": kind(&pb.Kind{Name: "t", Type: 77}),
	} {
		if _, err := wire.FromDescription(r); !errors.Is(err, wire.ErrBreach) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// strange are rules with a field of a later wire.
func strange(t *testing.T) *pb.TokenRules {
	t.Helper()
	r := &pb.TokenRules{}
	if err := proto.Unmarshal(protowire.AppendVarint(protowire.AppendTag(nil, 9999, protowire.VarintType), 1), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTrust(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	b := sdk.TrustBundle{Version: 7, FetchedAt: at, FreshUntil: at.Add(1), UsableUntil: at.Add(2), Issuers: []sdk.IssuerTrust{
		{Issuer: "i", Audiences: []string{"a"}, Algs: []string{"ES256"}, Keys: []json.RawMessage{[]byte(`{}`)}, Leeway: time.Minute, MaxLifetime: time.Hour, FetchedAt: at, UsableUntil: at,
			Rules: sdk.TokenRules{Types: []string{"", "at+jwt"}, Audience: "/client_id", Forbid: []string{"/nonce"}, Client: "/cid", Groups: "/groups", Scopes: "/scp", Confirmation: "/x/jkt",
				Require: []sdk.ClaimRule{{Claim: "/scp", Shape: "array"}, {Claim: "/ver", Shape: "integer"}, {Claim: "/use", Shape: "string", OneOf: []string{"access"}, Prefixes: []string{"a"}, Differs: "/aud"}},
				Subject: []sdk.SubjectRule{{Claim: "/uid", Prefix: "user:"}, {Claim: "/cid", Prefix: "client:"}}}},
	}, Revoked: []sdk.Revocation{{Kind: "kid", Value: "k", Before: at, Expires: at}, {Kind: "jti", Value: "j", Expires: at}, {Kind: "subject", Issuer: "i", Value: "s", Expires: at}}}
	b.FreshUntil, b.UsableUntil = at.Add(time.Second), at.Add(time.Hour)
	m, err := wire.ToTrust(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := wire.FromTrust(sent(t, m, &pb.WatchTrustResponse{})); err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, b)
	}
	// What a provider leaves out is absent on the other side, and no time in 1970.
	endless := sdk.TrustBundle{FetchedAt: at, FreshUntil: at, UsableUntil: at, Revoked: []sdk.Revocation{{Kind: "jti", Issuer: "i", Value: "j"}}}
	if m, err = wire.ToTrust(endless); err != nil || m.Revoked[0].Expires != 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	if got, err := wire.FromTrust(sent(t, m, &pb.WatchTrustResponse{})); err != nil || !got.Revoked[0].Expires.IsZero() {
		t.Errorf("%v, %v", got.Revoked, err)
	}
	for says, b := range map[string]sdk.TrustBundle{
		`unknown kind "x"`: {Revoked: []sdk.Revocation{{Kind: "x"}}},
		"is negative":      {Issuers: []sdk.IssuerTrust{{Leeway: -1}}},
		"lifetime":         {Issuers: []sdk.IssuerTrust{{MaxLifetime: 1 << 62}}},
		`shape "round"`:    {Issuers: []sdk.IssuerTrust{{Rules: sdk.TokenRules{Require: []sdk.ClaimRule{{Claim: "/a", Shape: "round"}}}}}},
	} {
		if _, err := wire.ToTrust(b); !errors.Is(err, wire.ErrBreach) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	for says, m := range map[string]*pb.WatchTrustResponse{
		"no JSON":      {Issuers: []*pb.Issuer{{Keys: [][]byte{[]byte("x")}}}},
		"unknown type": {Revoked: []*pb.Revocation{{}}},
		"shape 99":     {Issuers: []*pb.Issuer{{Rules: &pb.TokenRules{Require: []*pb.ClaimRule{{Claim: "/a", Shape: 99}}}}}},
		"not know":     {Issuers: []*pb.Issuer{{Rules: strange(t)}}},
	} {
		if _, err := wire.FromTrust(m); !errors.Is(err, wire.ErrBreach) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
