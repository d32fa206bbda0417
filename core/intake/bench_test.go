package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
)

// bottomless takes everything and keeps nothing. It is as full as it says.
type bottomless struct {
	outbox.Asking
	stats outbox.Stats
}

func (b *bottomless) Append(_ context.Context, entries ...*outbox.Entry) []outbox.Appended {
	return make([]outbox.Appended, len(entries))
}

func (b *bottomless) Stats() outbox.Stats { return b.stats }

// BenchmarkAccept is what limits cost an event, from its admission to its answer.
func BenchmarkAccept(b *testing.B) {
	key := trust.Key{ID: "k1", Principal: "p1", State: trust.StateActive, Material: secret(1), Sources: []string{"**"}, Types: []string{"**"}}
	snapshot, err := trust.New(trust.Rules{Auths: []trust.Auth{{Name: "edge-keys", Kind: trust.KindHMAC, Keys: []trust.Key{key}}}})
	if err != nil {
		b.Fatal(err)
	}
	table, err := route.New([]route.Rule{{Name: "orders", Types: []string{"order"}, Channels: []string{"commands"}}},
		[]route.Channel{{Name: "commands", Command: true}}, route.Options{})
	if err != nil {
		b.Fatal(err)
	}
	signer, err := webhook.NewHMACSigner(secret(1))
	if err != nil {
		b.Fatal(err)
	}
	const fast = 1e9
	at := time.Unix(1767225600, 0)
	all := intake.Generation{Trust: snapshot, Table: table, Batch: 10, Admission: intake.Admission{PerSecond: fast, Bytes: 1 << 30},
		Rates: map[string]route.Rate{"edge": {PerSecond: fast}}, MaxPending: map[string]int64{"commands": 100}}
	for _, c := range []struct {
		name string
		g    intake.Generation
		held int64
	}{
		{"limits=off", intake.Generation{Trust: snapshot, Table: table, Batch: 10}, 0},
		{"limits=on", all, 0},
		{"limits=on,full=90%", all, 90},
	} {
		b.Run(c.name, func(b *testing.B) {
			store := &bottomless{stats: outbox.Stats{Capacity: 1 << 40, Channels: map[string]outbox.ChannelStats{"commands": {Bytes: c.held}}}}
			in := intake.New(intake.Options{Store: store, Rates: 1000, Log: zerolog.Nop(), Wall: func() time.Time { return at }}, &c.g)
			defer in.Drain()
			body := event("e1", fmt.Sprintf(`,"data":{"text":"%0900d"}`, 1))
			s := intake.Submission{Ingress: "edge", Body: body, Credential: trust.Credential{KeyID: []string{"k1"}, WebhookID: []string{"e1"},
				Timestamp: []string{webhook.Timestamp(at)}, Signature: []string{signer.Sign("e1", at, body)}, Signed: body}}
			b.ReportAllocs()
			for b.Loop() {
				w, err := in.Admit("edge", int64(len(s.Body)), int64(len(s.Body)))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := in.Accept(b.Context(), s); err != nil {
					b.Fatal(err)
				}
				w.Done()
			}
		})
	}
}
