package promise_test

import (
	"context"
	"sync"
	"testing"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// proven is what consumers are told of who sent each event.
type proven struct {
	mu sync.Mutex
	by map[string]delivery.Header // by the event's id
}

// noting is work that is done at once, and noted.
func (p *proven) noting(l *ledger) consumer.Work {
	p.by = make(map[string]delivery.Header)
	return func(_ context.Context, d *delivery.Delivery) (any, error) {
		p.mu.Lock()
		p.by[d.Event.ID] = d.Header
		p.mu.Unlock()
		l.act(l.see(d))
		return nil, nil
	}
}

// want wants an event done, of this principal by this proof.
func (p *proven) want(l *ledger, id string, by sdk.Principal, proof sdk.Proof) {
	l.Helper()
	eventually(l.T, id+" is done", func() bool { return l.did("orders", id) })
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.by[id]
	if h.Principal == nil || *h.Principal != by || h.Proof == nil || *h.Proof != proof {
		l.Errorf("%s is of %v by %v, want %v by %v", id, h.Principal, h.Proof, by, proof)
	}
}

// Tokens of providers that nobody here wrote are accepted over HTTP and ZeroMQ,
// and consumers learn who was proven to have sent an event, and how.
func TestIdentityTokensOfProvidersAreAccepted(t *testing.T) {
	node := nodeIDP(t, nil)
	okta := nodeIDP(t, map[string]any{"okta": true, "alg": "RS256", "path": "/oauth2/default"})
	zitadel := zitadelIDP(t, buildZitadel(t))
	providers := []struct {
		idp     *idp
		auth    tokens
		subject string
		scopes  bool // its tokens carry scopes
	}{
		{node, ofNode("node", node), edgeClient, true},
		{okta, tokens{name: "as-okta", plugin: "okta", issuers: []string{okta.issuer}, alg: "RS256", clients: []string{edgeClient}}, "client:" + edgeClient, true},
		{zitadel, ofZitadel("zitadel", zitadel), zitadelClient, false},
	}
	config := identityRoutes
	for _, p := range providers {
		config += p.auth.String()
	}
	r := newRouter(t, config)
	l := newLedger(t)
	var told proven
	r.take(taking{channel: "orders"}, told.noting(l))
	door := r.dealer()
	for _, p := range providers {
		token := p.idp.token(ask{})
		r.trusts(token)
		kind := "note"
		if p.scopes {
			kind = "order.created"
		}
		who := sdk.Principal{Provider: p.auth.name, Issuer: p.idp.issuer, Subject: p.subject}
		for way, send := range map[string]func(id string) answer{
			"http": func(id string) answer { return r.borne(token, order(kind, id, "")) },
			"zmq":  func(id string) answer { return door.bear(token, order(kind, id, "")) },
		} {
			id := p.auth.name + "-" + way
			if a := send(id); a.says() != accepted {
				t.Errorf("REFUSED: %s: %s", id, a.Body)
				continue
			}
			l.accept(id)
			if a := send(id); a.says() != duplicate {
				t.Errorf("%s again: %s", id, a.Body)
			}
			told.want(l, id, who, sdk.Proof{Transport: "jwt"})
		}
	}
	l.balance(r, never)
}
