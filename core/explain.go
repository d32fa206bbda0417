package core

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// OpenAPI gives the description of the HTTP door, OpenAPI 3.1 in JSON.
func OpenAPI() []byte { return ingress.OpenAPI() }

// Explanation is what a router would do with one event, decision by decision.
// Of an event that cannot be read there is a refusal and nothing else.
type Explanation struct {
	ID       string         `json:"id,omitempty"`
	Source   string         `json:"source,omitempty"`
	Type     string         `json:"type,omitempty"`
	Digest   string         `json:"digest,omitempty"` // hex of sdk.Event.Digest
	Routes   []RouteVerdict `json:"routes,omitempty"` // every route, in file order
	Targets  []Target       `json:"targets,omitempty"`
	Requires []Requirement  `json:"requires,omitempty"` // all of them bind
	Schema   []SchemaCheck  `json:"schema,omitempty"`
	Keys     []KeyVerdict   `json:"keys,omitempty"`    // every key that was asked about
	Token    *TokenVerdict  `json:"token,omitempty"`   // the one that was asked about
	Grants   []GrantVerdict `json:"grants,omitempty"`  // every grant that was asked about: those that the token fits, none with a key
	Refusal  *Refusal       `json:"refusal,omitempty"` // none of those keys can send it, nor anybody by those grants
}

// RouteVerdict tells why a route applies or does not.
type RouteVerdict struct {
	Route   string `json:"route"`
	Verdict string `json:"verdict"`
	Fault   string `json:"fault,omitempty"` // of its condition
}

// Target is one channel the event goes to.
type Target struct {
	Channel string `json:"channel"`
	Class   string `json:"class"`
	Route   string `json:"route"`
	Order   string `json:"order,omitempty"`

	Transforms []string `json:"transforms,omitempty"` // in the order in which they run
}

// Requirement is what a matched route, or the floor of a channel it leads to,
// asks of a sender.
type Requirement struct {
	Route  string   `json:"route"`
	Auth   []string `json:"auth,omitempty"` // any of these
	Scopes []string `json:"scopes,omitempty"`

	EventSignature bool `json:"event_signature,omitempty"`
}

// GrantVerdict tells what somebody gets for the event whose token fits the grant,
// has all its scopes and is bound to no key.
type GrantVerdict struct {
	Grant   string   `json:"grant"` // as in grants[0]
	Auth    string   `json:"auth"`
	Covers  bool     `json:"covers"`            // the event is taken
	Refusal *Refusal `json:"refusal,omitempty"` // why it is not
}

// SchemaCheck tells whether the data meets a matched route's schema.
type SchemaCheck struct {
	Route   string `json:"route"`
	Met     bool   `json:"met"`
	Pointer string `json:"pointer,omitempty"`
	Fault   string `json:"fault,omitempty"`
}

// KeyVerdict tells what the holder of a key gets for the event.
type KeyVerdict struct {
	ID        string   `json:"id"`
	Auth      string   `json:"auth"`
	Principal string   `json:"principal"`
	State     string   `json:"state"`
	Refusal   *Refusal `json:"refusal,omitempty"` // nil: the event is taken
}

// Refusal is the answer a sender gets, with the reason that the log has.
type Refusal struct {
	Code    string `json:"code"`
	Status  int    `json:"status"` // of HTTP
	Detail  string `json:"detail,omitempty"`
	Pointer string `json:"pointer,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// String gives code, status and what else is known, in one line.
func (r *Refusal) String() string {
	s := fmt.Sprintf("%s (%d)", r.Code, r.Status)
	for _, more := range []string{r.Pointer, r.Detail, r.Reason} {
		if more != "" {
			s += ": " + more
		}
	}
	return s
}

// Explain takes an event, one in structured mode, through every decision of a
// router with that configuration and sends nothing. The error says that there is no
// such key, that a token cannot be explained, or that the rules do not compile.
func Explain(ctx context.Context, cfg *config.Config, body []byte, ask Asking) (*Explanation, error) {
	if ask.KeyID != "" && !hasKey(cfg, ask.KeyID) {
		return nil, fmt.Errorf("key %q: no [[auth]] has it: without a key id every key is asked about", ask.KeyID)
	}
	rules, err := Rules(cfg)
	if err != nil {
		return nil, err
	}
	x := new(Explanation)
	event, err := sdk.ParseEvent(body)
	if err == nil {
		x.read(cfg, rules.Table, &event)
	}
	_, signed := event.Extension(dsse.Attribute)
	if ask.Token != "" {
		if x.Token, err = readToken(cfg, rules, ask); err != nil {
			return nil, err
		}
		if x.Token.Bound && signed {
			return nil, errBound
		}
	}
	// What refuses a sender without any right refuses for the event's own sake,
	// unless it is just that.
	rightless := config.Key{ID: "none", Principal: "nobody", State: trust.StateActive}
	x.Refusal, err = rehearse(ctx, cfg, rules.Table, "none", rightless, event.ID, body)
	if err != nil || x.Refusal.Code != string(intake.Forbidden) {
		return x, err
	}
	if x.Token == nil {
		err = x.keys(ctx, cfg, rules.Table, body, ask.KeyID)
	}
	if err == nil && ask.KeyID == "" {
		err = x.grants(ctx, cfg, rules.Table, body)
	}
	if err != nil {
		return nil, err
	}
	x.Refusal = x.verdict()
	if x.Token != nil {
		if missing := x.Token.missing(signed); missing != nil {
			x.Refusal = missing
		}
	}
	return x, nil
}

// errBound is for an event whose signature counts by a key of which a token has the
// thumbprint alone.
var errBound = errors.New("the token is bound to a key (cnf), and it does not say which: whether that key signed the event a router alone can tell, with headgate send --bound")

// keys asks about every key, or the one.
func (x *Explanation) keys(ctx context.Context, cfg *config.Config, table *route.Table, body []byte, only string) (err error) {
	for _, a := range cfg.Auth {
		for _, k := range a.Keys {
			if only != "" && k.ID != only {
				continue
			}
			v := KeyVerdict{ID: k.ID, Auth: a.Name, Principal: k.Principal, State: k.State}
			if v.Refusal, err = rehearse(ctx, cfg, table, a.Name, k, x.ID, body); err != nil {
				return err
			}
			x.Keys = append(x.Keys, v)
		}
	}
	return nil
}

// grants asks for each grant as for a key that has its rights: an intake makes no
// other difference between the two once the sender is known.
func (x *Explanation) grants(ctx context.Context, cfg *config.Config, table *route.Table, body []byte) (err error) {
	for i, g := range cfg.Grants {
		v := GrantVerdict{Grant: fmt.Sprintf("grants[%d]", i), Auth: g.Auth}
		holder := config.Key{ID: "token", Principal: "anybody", State: trust.StateActive, Sources: g.Sources, Types: g.Types, Scopes: g.Scopes}
		if x.Token != nil {
			if !slices.Contains(x.Token.Fits, v.Grant) {
				continue
			}
			holder.Scopes = x.Token.scopes(g.Scopes)
		}
		if v.Refusal, err = rehearse(ctx, cfg, table, g.Auth, holder, x.ID, body); err != nil {
			return err
		}
		v.Covers = v.Refusal == nil
		x.Grants = append(x.Grants, v)
	}
	return nil
}

func hasKey(cfg *config.Config, id string) bool {
	return slices.ContainsFunc(cfg.Auth, func(a config.Auth) bool {
		return slices.ContainsFunc(a.Keys, func(k config.Key) bool { return k.ID == id })
	})
}

// read fills in what does not depend on the sender.
func (x *Explanation) read(cfg *config.Config, table *route.Table, e *sdk.Event) {
	digest := e.Digest()
	x.ID, x.Source, x.Type, x.Digest = e.ID, e.Source, e.Type, hex.EncodeToString(digest[:])
	for _, r := range table.Explain(e) {
		v := RouteVerdict{Route: r.Route, Verdict: string(r.Verdict)}
		if r.Err != nil {
			v.Fault = r.Err.Error()
		}
		x.Routes = append(x.Routes, v)
	}
	match, err := table.Match(e)
	if err != nil {
		return // the refusal tells
	}
	for _, t := range match.Targets {
		class := "telemetry"
		if t.Command {
			class = "command"
		}
		x.Targets = append(x.Targets, Target{Channel: t.Channel, Class: class, Route: t.Route, Order: t.Order, Transforms: t.Transforms})
	}
	for _, m := range match.Routes {
		for _, q := range m.Requirements {
			x.Requires = append(x.Requires, Requirement{Route: m.Name, Auth: q.Auth, Scopes: q.Scopes, EventSignature: q.EventSignature})
		}
	}
	x.Schema = schemas(cfg, table, e, match)
}

// schemas checks each matched route by itself, so that every fault is told.
func schemas(cfg *config.Config, table *route.Table, e *sdk.Event, match route.Match) []SchemaCheck {
	has := make(map[string]bool)
	for _, r := range cfg.Routes {
		has[r.Name] = len(r.SchemaJSON) > 0
	}
	var out []SchemaCheck
	for i, m := range match.Routes {
		if !has[m.Name] {
			continue
		}
		one := match
		one.Routes = match.Routes[i : i+1]
		check := SchemaCheck{Route: m.Name, Met: true}
		var broken *route.SchemaError
		if err := table.Validate(e, one); errors.As(err, &broken) {
			check = SchemaCheck{Route: m.Name, Pointer: broken.Pointer, Fault: broken.Text}
		}
		out = append(out, check)
	}
	return out
}

// verdict is nil when the event is taken by any key or grant. Of several refusals,
// one that an entitled sender gets tells most.
func (x *Explanation) verdict() *Refusal {
	all := make([]*Refusal, 0, len(x.Keys)+len(x.Grants))
	for _, k := range x.Keys {
		all = append(all, k.Refusal)
	}
	for _, g := range x.Grants {
		all = append(all, g.Refusal)
	}
	if len(all) == 0 {
		return &Refusal{Code: string(intake.Unauthenticated), Status: (&intake.Problem{Code: intake.Unauthenticated}).Status(),
			Reason: "no key is configured: headgate key new makes one"}
	}
	said := all[0]
	for _, r := range all {
		switch {
		case r == nil:
			return nil
		case entitled(r) && !entitled(said):
			said = r
		}
	}
	return said
}

func entitled(r *Refusal) bool {
	return r.Code != string(intake.Unauthenticated) && r.Code != string(intake.Forbidden)
}

// rehearse gives what the holder of k gets. It asks a real intake with an
// outbox of its own, so that the checks, their order and their answers are the
// router's and no copy of them. The key has new material there: of some keys
// the router holds the public half alone.
func rehearse(ctx context.Context, cfg *config.Config, table *route.Table, auth string, k config.Key, id string, body []byte) (*Refusal, error) {
	if over(cfg, body) {
		return refusal(&intake.Problem{Code: intake.TooLarge, Reason: "over max_body of every ingress"}), nil
	}
	secret := webhook.NewSecret()
	signer, err := webhook.NewHMACSigner(secret)
	if err != nil {
		return nil, err
	}
	snapshot, err := trust.New(trust.Rules{EventKeys: eventKeys(cfg), Auths: []trust.Auth{{Name: auth, Kind: trust.KindHMAC, Keys: []trust.Key{{
		ID: k.ID, Principal: k.Principal, State: k.State, Material: secret, Sources: k.Sources, Types: k.Types, Scopes: k.Scopes}}}}})
	if err != nil {
		return nil, err
	}
	store := memoryOutbox(cfg)
	defer store.Close()
	nowhere := make(map[string]intake.Publisher)
	for _, c := range cfg.Channels {
		nowhere[c.Name] = discard{}
	}
	in := intake.New(intake.Options{Store: store, Rates: cfg.Limits.Rates, Log: zerolog.Nop()},
		&intake.Generation{Trust: snapshot, Table: table, Telemetry: nowhere, Batch: 1})
	now := time.Now()
	if id == "" { // it cannot be read, and that is what will be said
		id = "unread"
	}
	_, err = in.Accept(ctx, intake.Submission{Body: body, Credential: trust.Credential{
		KeyID: []string{k.ID}, WebhookID: []string{id}, Timestamp: []string{webhook.Timestamp(now)},
		Signature: []string{signer.Sign(id, now, body)}, Signed: body}})
	var p *intake.Problem
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &p):
		return refusal(p), nil
	}
	return nil, err
}

// over tells whether no door lets so much in.
func over(cfg *config.Config, body []byte) bool {
	var most config.Size
	for _, in := range cfg.Ingress {
		most = max(most, in.MaxBody)
	}
	return most > 0 && config.Size(len(body)) > most
}

func refusal(p *intake.Problem) *Refusal {
	return &Refusal{Code: string(p.Code), Status: p.Status(), Detail: p.Detail, Pointer: p.Pointer, Reason: p.Reason}
}

// discard is a telemetry channel that leads nowhere.
type discard struct{}

// Publish implements intake.Publisher.
func (discard) Publish(*outbox.Entry, []string) {}
