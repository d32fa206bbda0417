package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk/webhook"
)

const source = "//shop.example/till"

// bench is an intake with a clock that a test turns.
type bench struct {
	*intake.Intake
	t     *testing.T
	store *scripted
	now   time.Time
	log   bytes.Buffer
}

// scripted is a store that notes its appends, and answers as a test wants.
type scripted struct {
	*memory.Store
	mu      sync.Mutex
	appends [][]*outbox.Entry
	answer  func(i int, a outbox.Appended) outbox.Appended // nil for as it comes
}

func (s *scripted) Append(ctx context.Context, entries ...*outbox.Entry) []outbox.Appended {
	s.mu.Lock()
	s.appends = append(s.appends, entries)
	s.mu.Unlock()
	out := s.Store.Append(ctx, entries...)
	for i := range out {
		if s.answer != nil {
			out[i] = s.answer(i, out[i])
		}
	}
	return out
}

// last is the id of the entry that came last.
func (s *scripted) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appends[len(s.appends)-1][0].Event.ID
}

// generation has keys k1.. of principals p1.., and a route with that rate.
func generation(t *testing.T, keys int, rate route.Rate) *intake.Generation {
	t.Helper()
	auth := trust.Auth{Name: "edge-keys", Kind: trust.KindHMAC}
	for n := 1; n <= keys; n++ {
		auth.Keys = append(auth.Keys, trust.Key{ID: fmt.Sprintf("k%d", n), Principal: fmt.Sprintf("p%d", n), State: trust.StateActive, Material: secret(n),
			Sources: []string{"//shop.example/**"}, Types: []string{"**"}})
	}
	snapshot, err := trust.New(trust.Rules{Auths: []trust.Auth{auth}})
	if err != nil {
		t.Fatal(err)
	}
	table, err := route.New([]route.Rule{{Name: "orders", Types: []string{"order"}, Channels: []string{"commands"}, Rate: rate}},
		[]route.Channel{{Name: "commands", Command: true}}, route.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &intake.Generation{Trust: snapshot, Table: table, Batch: 10}
}

func secret(n int) []byte { return bytes.Repeat([]byte{byte(n)}, webhook.MinSecret) }

func newBench(t *testing.T, o intake.Options, g *intake.Generation) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Unix(1767225600, 0)}
	b.store = &scripted{Store: memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1000, Capacity: 1 << 20, MaxPending: map[string]int64{"commands": 1 << 20}})}
	o.Store, o.Log = b.store, zerolog.New(&b.log)
	o.Now = func() time.Time { return b.now }
	b.Intake = intake.New(o, g)
	t.Cleanup(func() { b.Drain(); _ = b.store.Close() })
	return b
}

func event(id, more string) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":%q,"type":"order"%s}`, id, source, more)
}

// submission is one event, signed with the n-th key.
func (b *bench) submission(n int, id string, body []byte) intake.Submission {
	b.t.Helper()
	return intake.Submission{RequestID: "r", Ingress: "edge", Addr: "127.0.0.1:1", Credential: b.credential(n, id, body), Body: body}
}

func (b *bench) credential(n int, id string, signed []byte) trust.Credential {
	b.t.Helper()
	signer, err := webhook.NewHMACSigner(secret(n))
	if err != nil {
		b.t.Fatal(err)
	}
	return trust.Credential{KeyID: []string{fmt.Sprintf("k%d", n)}, WebhookID: []string{id}, Timestamp: []string{webhook.Timestamp(b.now)},
		Signature: []string{signer.Sign(id, b.now, signed)}, Signed: signed}
}

// code is what an event of the n-th key gets, empty when it is taken.
func (b *bench) code(n int, id, more string) intake.Code {
	b.t.Helper()
	_, err := b.Accept(context.Background(), b.submission(n, id, event(id, more)))
	var p *intake.Problem
	if err != nil && !errors.As(err, &p) {
		b.t.Fatalf("%v is no problem", err)
	}
	if p == nil {
		return ""
	}
	return p.Code
}

func (b *bench) want(got, want intake.Code) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("got %q, want %q", got, want)
	}
}

func TestRateIsPerPrincipal(t *testing.T) {
	b := newBench(t, intake.Options{Rates: 10}, generation(t, 2, route.Rate{PerSecond: 2, Burst: 3}))
	for n := range 3 {
		b.want(b.code(1, fmt.Sprintf("e%d", n), ""), "")
	}
	b.want(b.code(1, "e3", ""), intake.RateLimited)
	b.want(b.code(2, "e4", ""), "") // another principal's is another bucket
	b.now = b.now.Add(500 * time.Millisecond)
	b.want(b.code(1, "e3", ""), "") // the same id: refused, it was not remembered
	b.want(b.code(1, "e5", ""), intake.RateLimited)
}

func TestRateOfNewRulesCounts(t *testing.T) {
	b := newBench(t, intake.Options{Rates: 10}, generation(t, 1, route.Rate{PerSecond: 1, Burst: 1}))
	b.want(b.code(1, "e1", ""), "")
	b.want(b.code(1, "e2", ""), intake.RateLimited)
	b.Use(generation(t, 1, route.Rate{PerSecond: 100, Burst: 100}))
	b.want(b.code(1, "e2", ""), intake.RateLimited) // no new burst by a reload
	b.now = b.now.Add(20 * time.Millisecond)
	b.want(b.code(1, "e2", ""), "")
}

// TestRatesTrackedAreBounded: beyond the bound a principal is told to come
// back, never let through uncounted; full buckets are forgotten to make room.
func TestRatesTrackedAreBounded(t *testing.T) {
	b := newBench(t, intake.Options{Rates: 2}, generation(t, 3, route.Rate{PerSecond: 1, Burst: 1}))
	b.want(b.code(1, "e1", ""), "")
	b.want(b.code(2, "e2", ""), "")
	b.want(b.code(3, "e3", ""), intake.Overloaded)
	b.now = b.now.Add(time.Second)
	b.want(b.code(3, "e3", ""), "")
}

func TestExpiryTime(t *testing.T) {
	b := newBench(t, intake.Options{}, generation(t, 1, route.Rate{}))
	for _, bad := range []string{`"soon"`, `"2026-01-01"`, `"2026-01-01 00:00:00Z"`, `1767225600`} {
		b.want(b.code(1, "e1", `,"expirytime":`+bad), intake.Malformed)
	}
	b.want(b.code(1, "e1", `,"expirytime":"2026-01-01T00:00:30.5+01:00"`), "")
	st, err := b.store.Lookup(context.Background(), outbox.Key{Source: source, ID: "e1"})
	if want := time.Date(2025, 12, 31, 23, 0, 30, 5e8, time.UTC); err != nil || !st.Entry.Expires.Equal(want) {
		t.Errorf("expires %v, %v; want %v", st.Entry.Expires, err, want)
	}
}

// TestWaitersAreBounded: who finds too many waiting is answered at once.
func TestWaitersAreBounded(t *testing.T) {
	b := newBench(t, intake.Options{Waiters: 0}, generation(t, 1, route.Rate{}))
	s := b.submission(1, "e1", event("e1", ""))
	s.Wait = time.Hour
	r, err := b.Accept(context.Background(), s)
	if err != nil || r.Final != nil || r.Results[0].Status != intake.Queued {
		t.Fatalf("got %+v, %v", r, err)
	}
	q := intake.Question{Credential: b.credential(1, "ask", nil), Key: outbox.Key{Source: source, ID: "e1"}, Wait: time.Hour}
	if d, err := b.Ask(context.Background(), q); err != nil || d.State != outbox.StatePending {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestDrainEndsWaiting(t *testing.T) {
	b := newBench(t, intake.Options{Waiters: 1}, generation(t, 1, route.Rate{}))
	s := b.submission(1, "e1", event("e1", ""))
	s.Wait = time.Hour
	b.Drain()
	if _, err := b.Accept(context.Background(), s); err == nil || !strings.HasPrefix(err.Error(), "draining") {
		t.Errorf("got %v", err)
	}
}

// TestWaitEndsWithTheSender: nobody waits for a sender that has left.
func TestWaitEndsWithTheSender(t *testing.T) {
	b := newBench(t, intake.Options{Waiters: 1}, generation(t, 1, route.Rate{}))
	s := b.submission(1, "e1", event("e1", ""))
	s.Wait = time.Hour
	ctx, leave := context.WithCancel(context.Background())
	leave()
	if r, err := b.Accept(ctx, s); err != nil || r.Final != nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestLogHoldsNothingUnproven: before its credential has verified, what a sender
// wrote is in the log only as unverified, and the event not at all.
func TestLogHoldsNothingUnproven(t *testing.T) {
	b := newBench(t, intake.Options{}, generation(t, 1, route.Rate{}))
	s := b.submission(1, "e1", event("e1", ""))
	s.Body = event("FORGED", "")
	s.Credential.Signed = s.Body
	if _, err := b.Accept(context.Background(), s); err == nil {
		t.Fatal("taken")
	}
	if log := b.log.String(); strings.Contains(log, "FORGED") || !strings.Contains(log, `"reason":"signature_mismatch","unverified":{"key":"`+s.Credential.KeyID[0]+`"}`) {
		t.Errorf("log is %s", log)
	}
	if c := b.Counts(); c.Refused != 1 || c.Accepted != 0 {
		t.Errorf("counts are %+v", c)
	}
}

// An event key beside a credential that is bound to none is no second credential, and
// the answer says what it is.
func TestEventKeyUnboundIsExplained(t *testing.T) {
	refusal := error(&trust.Refusal{Code: trust.CodeAmbiguousCredential, Reason: trust.ReasonEventKeyUnbound})
	if p := intake.ProblemOf(refusal); p.Code != intake.AmbiguousCredential || !strings.Contains(p.Detail, "headgate-event-key") {
		t.Errorf("got %+v", p)
	}
}

func TestEveryCodeHasStatusAndTitle(t *testing.T) {
	for code, status := range intake.Codes() {
		if p := (&intake.Problem{Code: code}); p.Status() != status || status < 400 || p.Title() == "" {
			t.Errorf("%s: %d %q", code, status, p.Title())
		}
	}
}
