package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// What the provider publishes has the router take tokens as they are fired.
func TestStaticVouchesForTheIssuer(t *testing.T) {
	from := must(newIssuer("ES256"))
	config := must(json.Marshal(staticConfig{Key: string(must(json.Marshal(from.public)))}))
	p := must(openStatic(t.Context(), sdk.ProviderPolicy{Issuers: []string{issuerName}}, config))
	a := must(trust.NewAuthority(trust.AuthoritySettings{Name: "tokens", Issuers: []string{issuerName}, Audiences: []string{audience}, Algs: []string{from.alg}, UsableFor: time.Hour}))
	ctx, end := context.WithCancel(t.Context())
	err := p.Watch(ctx, func(_ context.Context, b sdk.TrustBundle) error {
		end()
		return a.Take(1, b, time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	snapshot := must(trust.New(trust.Rules{Authorities: []*trust.Authority{a}}))
	s := newShots(order{requests: 3, batch: 1, kind: commanded, tokens: must(from.tokens(2))})
	for n, want := range []string{"sender-0", "sender-1", "sender-0"} {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(s.at(n))))
		if err != nil {
			t.Fatal(err)
		}
		id, err := snapshot.Authenticate(trust.Credential{Authorization: r.Header["Authorization"], WebhookID: r.Header["Webhook-Id"]}, time.Now())
		if err != nil || id.Principal.Subject != want {
			t.Errorf("request %d is of %q, want %q: %v", n, id.Principal.Subject, want, err)
		}
	}
}

func TestStaticNeedsItsKey(t *testing.T) {
	if _, err := openStatic(t.Context(), sdk.ProviderPolicy{}, json.RawMessage("{}")); err == nil {
		t.Error("without a key it opens")
	}
}
