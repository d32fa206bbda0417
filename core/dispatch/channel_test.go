package dispatch_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

var (
	signKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	leaseKey = bytes.Repeat([]byte{2}, 32)
	nextKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
	keys     = delivery.NewKeys(signKey.Public().(ed25519.PublicKey), nextKey.Public().(ed25519.PublicKey))

	asked atomic.Uint64 // how often for the signer
)

// signer gives another one each time it is asked: a batch with parts of two keys
// would verify by neither.
func signer() *delivery.Signer {
	return delivery.NewSigner([]ed25519.PrivateKey{signKey, nextKey}[asked.Add(1)%2])
}

// socket is a fake: what is sent comes out of got.
type socket struct {
	mu      sync.Mutex
	full    bool
	got     chan sent
	refused chan struct{}
}

type sent struct {
	conn   uint64
	frames [][]byte
}

func (s *socket) Send(conn uint64, deliveries [][][]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		select {
		case s.refused <- struct{}{}:
		default: // one is enough
		}
		return false
	}
	for _, d := range deliveries {
		s.got <- sent{conn, d}
	}
	return true
}

func (s *socket) setFull(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = on
}

// flaky is a store whose Settle fails while told so.
type flaky struct {
	outbox.Engine
	mu    sync.Mutex
	fails int
}

func (f *flaky) Settle(ctx context.Context, o []outbox.Outcome) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails > 0 {
		f.fails--
		return errors.New("no disk today")
	}
	return f.Engine.Settle(ctx, o)
}

// rig is a running channel with a desk.
type rig struct {
	*testing.T
	store  *flaky
	socket *socket
	ch     *dispatch.Channel
	desk   *dispatch.Desk
	seq    int
	log    *lockedBuffer
}

// lockedBuffer collects log lines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newRig(t *testing.T, change func(*dispatch.Settings), more ...func(*dispatch.Options)) *rig {
	set := settings()
	set.BackoffMin, set.BackoffMax = time.Millisecond, time.Millisecond
	if change != nil {
		change(&set)
	}
	r := &rig{T: t, socket: &socket{got: make(chan sent, 1000), refused: make(chan struct{}, 1)}, log: new(lockedBuffer)}
	r.store = &flaky{Engine: memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1 << 20, Capacity: 1 << 30,
		MaxPending: map[string]int64{"c": 1 << 30, "d": 1 << 30}})}
	o := dispatch.Options{Settings: set, Store: r.store, Signer: signer, LeaseKey: leaseKey,
		Reply: "tcp://127.0.0.1:1", Log: zerolog.New(r.log)}
	for _, m := range more {
		m(&o)
	}
	r.ch = dispatch.NewChannel(o)
	r.desk = &dispatch.Desk{Asking: r.store, Leases: delivery.NewLeases(leaseKey), Channels: map[string]*dispatch.Channel{"c": r.ch}, Log: zerolog.New(r.log)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.ch.Run(ctx, r.socket) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return r
}

// accept takes n events that go through these transforms.
func (r *rig) accept(n int, transforms ...string) {
	r.Helper()
	for range n {
		r.seq++
		raw := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/rig","type":"t","data":{"n":%d}}`, r.seq, r.seq)
		e, err := sdk.ParseEvent([]byte(raw))
		if err != nil {
			r.Fatal(err)
		}
		entry := &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: time.Now(), Targets: []outbox.Target{{Channel: "c", Transforms: transforms}},
			Principal: sdk.Principal{Provider: "p", Subject: "s"}, Proof: sdk.Proof{Transport: "hmac"}}
		if got := r.store.Append(context.Background(), entry); got[0].Err != nil {
			r.Fatal(got[0].Err)
		}
	}
}

// next opens the next delivery as a consumer does.
func (r *rig) next() (uint64, delivery.Delivery) {
	r.Helper()
	select {
	case s := <-r.socket.got:
		d, err := delivery.NewVerifier(keys, "c").Open(s.frames, time.Now())
		if err != nil {
			r.Fatal(err)
		}
		return s.conn, d
	case <-time.After(10 * time.Second):
		r.Fatalf("no delivery comes: %+v", r.ch.Facts())
		panic("unreachable")
	}
}

func (r *rig) reply(h delivery.Header, rest string) {
	r.desk.Take(context.Background(), 77, "", "consumer:1", fmt.Appendf(nil, `{"id":%q,"source":%q,"lease":%q,%s}`, h.ID, h.Source, h.Lease, rest))
}

func (r *rig) await(id string, want outbox.State) {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	st, err := r.store.Await(ctx, outbox.Key{Source: "/rig", ID: id})
	if err != nil || st.State() != want {
		r.Fatalf("event %s is %s, %v, want %s", id, st.State(), err, want)
	}
}

func TestChannelDeliversSignedAndSettles(t *testing.T) {
	r := newRig(t, nil)
	r.accept(100)
	r.ch.Joined(1, "", "a")
	for n := 1; n <= 100; n++ {
		conn, d := r.next()
		if conn != 1 || d.Header.Attempt != 1 || d.Header.Reply != "tcp://127.0.0.1:1" || d.Header.Principal.Subject != "s" {
			t.Fatalf("delivery is %+v", d.Header)
		}
		r.reply(d.Header, `"status":"done","result":{"ok":true}`)
		r.await(d.Header.ID, outbox.StateDone)
	}
	if err := r.ch.Quiet(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	if f := r.ch.Facts(); f.Counts.Done != 100 || f.Out != 0 {
		t.Errorf("facts are %+v", f)
	}
}

func TestChannelTakesBackWhatItsSocketCannotTake(t *testing.T) {
	r := newRig(t, nil)
	r.socket.setFull(true)
	r.ch.Joined(1, "", "a")
	r.accept(1)
	<-r.socket.refused
	r.socket.setFull(false)
	_, d := r.next()
	if d.Header.Attempt != 1 {
		t.Errorf("a delivery that never left counts: attempt %d", d.Header.Attempt)
	}
	r.reply(d.Header, `"status":"done"`)
	r.await("1", outbox.StateDone)
}

func TestChannelSettlesOnceTheStoreCanAgain(t *testing.T) {
	r := newRig(t, nil)
	r.ch.Joined(1, "", "a")
	r.accept(1)
	_, d := r.next()
	r.store.mu.Lock()
	r.store.fails = 2
	r.store.mu.Unlock()
	r.reply(d.Header, `"status":"done"`)
	r.await("1", outbox.StateDone)
}

func TestSilenceRedeliversAndFinallyKillsOnce(t *testing.T) {
	r := newRig(t, func(s *dispatch.Settings) { s.AckTimeout, s.MaxAttempts = 20*time.Millisecond, 3 })
	r.accept(1)
	for attempt := 1; attempt <= 3; attempt++ {
		r.ch.Joined(uint64(attempt), "", "a")
		if _, d := r.next(); d.Header.Attempt != attempt {
			t.Fatalf("attempt is %d, want %d", d.Header.Attempt, attempt)
		}
	}
	r.await("1", outbox.StateFailed)
	st, err := r.store.Lookup(context.Background(), outbox.Key{Source: "/rig", ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if h := st.Channels[0].History; len(h) != 3 || h[0].What != "lapsed" || st.Channels[0].Failures != 3 {
		t.Errorf("history is %+v", h)
	}
}

func TestDeskRefusesWhatIsNotLeased(t *testing.T) {
	r := newRig(t, nil)
	r.ch.Joined(1, "", "a")
	r.accept(2)
	_, d := r.next()
	forged := d.Header
	forged.Lease = delivery.NewLeases([]byte("another key")).Lease(delivery.Grant{Channel: "c", Seq: d.Header.Seq, Attempt: 1})
	later := d.Header
	later.Lease = delivery.NewLeases(leaseKey).Lease(delivery.Grant{Channel: "c", Seq: d.Header.Seq, Attempt: 2})
	elsewhere := d.Header
	elsewhere.Lease = delivery.NewLeases(leaseKey).Lease(delivery.Grant{Channel: "d", Seq: d.Header.Seq, Attempt: 1})
	somebody := d.Header
	somebody.Lease = delivery.NewLeases(leaseKey).Lease(delivery.Grant{Channel: "c", Seq: d.Header.Seq, Attempt: 1, Peer: "somebody"})
	another := d.Header
	another.ID = "2"
	unknown := d.Header
	unknown.ID = "none"
	for name, h := range map[string]delivery.Header{"forged": forged, "of an attempt to come": later, "of another channel": elsewhere,
		"of another peer": somebody, "of another event": another, "of an unknown event": unknown} {
		_, before := r.desk.Counts()
		for _, status := range []string{"done", "failed", "retry", "progress"} {
			r.reply(h, `"status":"`+status+`"`)
		}
		if _, bad := r.desk.Counts(); bad != before+4 {
			t.Errorf("a lease %s was taken", name)
		}
	}
	_, before := r.desk.Counts()
	r.desk.Take(context.Background(), 77, "", "consumer:1", []byte("not json"))
	r.desk.Take(context.Background(), 77, "", "consumer:1", []byte("[1,2]"))
	if _, bad := r.desk.Counts(); bad != before+3 {
		t.Errorf("%d bad, want %d", bad, before+3)
	}
	if got := r.log.String(); bytes.Contains([]byte(got), []byte(d.Header.Lease)) {
		t.Error("a lease stands in the log")
	}
	r.reply(d.Header, `"status":"done"`)
	r.await("1", outbox.StateDone)
}

func TestGoodbyeHandsOverAtOnce(t *testing.T) {
	r := newRig(t, func(s *dispatch.Settings) { s.AckTimeout = time.Hour })
	r.accept(1)
	r.ch.Joined(1, "", "a")
	_, d := r.next()
	r.ch.Joined(2, "", "b")
	r.reply(d.Header, `"goodbye":true`)
	conn, again := r.next()
	if conn != 2 || again.Header.Attempt != 2 {
		t.Errorf("went to %d, attempt %d", conn, again.Header.Attempt)
	}
	st, _ := r.store.Lookup(context.Background(), outbox.Key{Source: "/rig", ID: "1"})
	if st.Channels[0].Failures != 0 {
		t.Error("a goodbye counts as a failure")
	}
	// Now 2 settled something, so a bare goodbye on its reply connection is enough.
	r.accept(1)
	r.reply(again.Header, `"status":"done"`)
	_, third := r.next()
	r.ch.Joined(3, "", "c")
	r.desk.Take(context.Background(), 77, "", "consumer:1", []byte(`{"goodbye":true}`))
	if conn, d := r.next(); conn != 3 || d.Header.ID != third.Header.ID {
		t.Errorf("went to %d", conn)
	}
}

func TestAnEndIsCountedOnce(t *testing.T) {
	r := newRig(t, nil)
	r.ch.Joined(1, "", "a")
	r.accept(1)
	_, d := r.next()
	done := fmt.Sprintf(`{"id":%q,"source":%q,"lease":%q,"status":"done"}`, d.Header.ID, d.Header.Source, d.Header.Lease)
	r.desk.Take(context.Background(), 77, "", "consumer:1", []byte("["+done+","+done+","+done+"]"))
	r.await("1", outbox.StateDone)
	if c := r.ch.Facts().Counts; c.Done != 1 || c.Late != 0 || c.Repeated != 2 {
		t.Errorf("counts are %+v", c)
	}
}

func TestDoneAndGoodbyeInOneReply(t *testing.T) {
	r := newRig(t, func(s *dispatch.Settings) { s.AckTimeout = time.Hour })
	r.ch.Joined(1, "", "a")
	r.accept(1)
	_, d := r.next()
	r.reply(d.Header, `"status":"done","goodbye":true`)
	r.await("1", outbox.StateDone)
}

// TestQuietWaitsForNothingThatIsHeld: it does not go, whoever has room for it.
func TestQuietWaitsForNothingThatIsHeld(t *testing.T) {
	r := newRig(t, nil)
	r.accept(1)
	if err := r.store.Settle(context.Background(), []outbox.Outcome{{Seq: 1, Channel: "c", Action: outbox.Hold}}); err != nil {
		t.Fatal(err)
	}
	r.ch.Joined(1, "", "a")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.ch.Quiet(ctx, true); err != nil {
		t.Errorf("waits: %v", err)
	}
}

// lasting is a store that says it is durable, and notes the leases it is given.
type lasting struct {
	outbox.Engine
	out    []outbox.Item // for Resume
	leases []outbox.Outcome
}

func (l *lasting) Stats() outbox.Stats {
	st := l.Engine.Stats()
	st.Durable = true
	return st
}

func (l *lasting) Resume(string) ([]outbox.Item, error) { return l.out, nil }

func (l *lasting) Settle(ctx context.Context, outcomes []outbox.Outcome) error {
	for _, o := range outcomes {
		if o.Action == outbox.Lease {
			l.leases = append(l.leases, o)
		}
	}
	return l.Engine.Settle(ctx, outcomes)
}

// TestWhatIsOutOutlivesTheRouter: of one router's deliveries what is replied to
// ends, and the rest is another's, which takes the replies to it.
func TestWhatIsOutOutlivesTheRouter(t *testing.T) {
	r := newRig(t, nil)
	store := &lasting{Engine: r.store}
	run := func(while func(ch *dispatch.Channel, desk *dispatch.Desk, got <-chan sent)) {
		ch := dispatch.NewChannel(dispatch.Options{Settings: dispatch.Settings{Name: "d", Prefetch: 8, AckTimeout: time.Hour, MaxHold: time.Hour, MaxAttempts: 3},
			Store: store, Signer: signer, LeaseKey: leaseKey, Log: zerolog.Nop()})
		desk := &dispatch.Desk{Asking: store, Leases: delivery.NewLeases(leaseKey), Channels: map[string]*dispatch.Channel{"d": ch}, Log: zerolog.Nop()}
		to := &socket{got: make(chan sent, 10)}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- ch.Run(ctx, to) }()
		while(ch, desk, to.got)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for n := range 2 {
		e := sdk.Event{ID: fmt.Sprintf("d%d", n), Source: "/rig", Type: "t", SpecVersion: "1.0", Raw: []byte(`{}`)}
		if got := store.Append(context.Background(), &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: time.Now(), Targets: []outbox.Target{{Channel: "d"}}}); got[0].Err != nil {
			t.Fatal(got[0].Err)
		}
	}
	reply := func(desk *dispatch.Desk, seq uint64) {
		lease := delivery.NewLeases(leaseKey).Lease(delivery.Grant{Channel: "d", Seq: seq, Attempt: 1})
		desk.Take(context.Background(), 77, "", "consumer:1", fmt.Appendf(nil, `{"id":"d%d","source":"/rig","lease":%q,"status":"done"}`, seq-1, lease))
	}
	run(func(ch *dispatch.Channel, desk *dispatch.Desk, got <-chan sent) {
		ch.Joined(1, "", "a")
		ch.Joined(2, "", "b")
		<-got
		<-got
		reply(desk, 1)
	})
	if len(store.leases) != 1 || store.leases[0].Seq != 2 || store.leases[0].Attempt != 1 || store.leases[0].Due.IsZero() {
		t.Fatalf("leases are %+v", store.leases)
	}
	st, err := store.Lookup(context.Background(), outbox.Key{Source: "/rig", ID: "d1"})
	if err != nil {
		t.Fatal(err)
	}
	store.out = []outbox.Item{{Seq: 2, Target: st.Channels[0].Target, Entry: st.Entry, Attempt: 1, Until: store.leases[0].Due}}
	run(func(ch *dispatch.Channel, desk *dispatch.Desk, got <-chan sent) {
		ch.Joined(1, "", "a")
		reply(desk, 2)
		r.await("d1", outbox.StateDone)
		if c := ch.Facts().Counts; c.Sent != 0 || c.Done != 1 {
			t.Errorf("counts are %+v", c)
		}
	})
	if len(store.leases) != 1 {
		t.Errorf("what ended is leased: %+v", store.leases)
	}
}

func TestWhatIsDecidedAtTheEndIsSettled(t *testing.T) {
	store := &flaky{Engine: memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 100, Capacity: 1 << 20, MaxPending: map[string]int64{"c": 1 << 20}})}
	ch := dispatch.NewChannel(dispatch.Options{Settings: settings(), Store: store, Signer: signer, LeaseKey: leaseKey, Log: zerolog.Nop()})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	store.fails = 2 // the settler may try once itself
	ch.Replied(context.Background(), dispatch.Reply{Seq: 1, Attempt: 1, Newest: true, Reply: delivery.Reply{Status: "done"}})
	if err := ch.Run(ended, &socket{}); err == nil {
		t.Error("nobody is told that the last outcomes are lost")
	}
}

func TestAStrangersGoodbyeIsRefused(t *testing.T) {
	r := newRig(t, nil)
	r.ch.Joined(1, "", "a")
	r.accept(1)
	_, d := r.next()
	r.desk.Take(context.Background(), 77, "", "consumer:1", []byte(`{"goodbye":true}`))
	if _, bad := r.desk.Counts(); bad != 1 {
		t.Errorf("%d bad", bad)
	}
	r.reply(d.Header, `"status":"done"`)
	r.await("1", outbox.StateDone)
}

func TestGoodbyeComesAfterWhatWasSaidBeforeIt(t *testing.T) {
	r := newRig(t, func(s *dispatch.Settings) { s.AckTimeout = time.Hour })
	r.ch.Joined(1, "", "a")
	r.accept(1)
	_, d := r.next()
	r.reply(d.Header, `"status":"done"`)
	r.accept(1)
	_, d = r.next()
	r.desk.Take(context.Background(), 77, "", "consumer:1", fmt.Appendf(nil,
		`[{"id":%q,"source":%q,"lease":%q,"status":"done"},{"goodbye":true}]`, d.Header.ID, d.Header.Source, d.Header.Lease))
	r.await("2", outbox.StateDone)
	if c := r.ch.Facts().Counts; c.Done != 2 || c.Returned != 0 {
		t.Errorf("counts are %+v", c)
	}
}

// publisher is a fake that can be held back.
type publisher struct {
	hold chan struct{}
	got  chan int
}

func (p *publisher) Publish(d [][][]byte) {
	<-p.hold
	p.got <- len(d)
}

func TestTelemetryIsCountedExactly(t *testing.T) {
	p := &publisher{hold: make(chan struct{}), got: make(chan int, 1000)}
	tm := dispatch.NewTelemetry(dispatch.TelemetryOptions{Name: "t", Ring: 10, Signer: signer, To: p, Log: zerolog.Nop()})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tm.Run(ctx) }()
	e, err := sdk.ParseEvent([]byte(`{"specversion":"1.0","id":"1","source":"/rig","type":"t"}`))
	if err != nil {
		t.Fatal(err)
	}
	const published = 100
	for range published {
		tm.Publish(&outbox.Entry{Event: e, Accepted: time.Now()}, nil)
	}
	close(p.hold)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	sent, dropped := tm.Counts()
	if sent+dropped != published || dropped == 0 {
		t.Errorf("sent %d, dropped %d", sent, dropped)
	}
	close(p.got)
	total := 0
	for n := range p.got {
		total += n
	}
	if uint64(total) != sent {
		t.Errorf("handed over %d, counted %d", total, sent)
	}
}

func TestExpiredEntriesDoNotHoldUpWhatIsBehindThem(t *testing.T) {
	r := newRig(t, func(s *dispatch.Settings) { s.MaxAge = time.Hour })
	for n := range 300 { // more than one taking
		r.seq++
		e, err := sdk.ParseEvent(fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"/rig","type":"t"}`, r.seq))
		if err != nil {
			t.Fatal(err)
		}
		entry := &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: time.Now(), Expires: time.Now().Add(-time.Second), Targets: []outbox.Target{{Channel: "c"}}}
		if got := r.store.Append(context.Background(), entry); got[0].Err != nil {
			t.Fatalf("%d: %v", n, got[0].Err)
		}
	}
	r.accept(1)
	r.ch.Joined(1, "", "a")
	if _, d := r.next(); d.Header.ID != "301" {
		t.Errorf("got %s", d.Header.ID)
	}
	r.await("1", outbox.StateFailed)
}

// A lease that was given to the holder of a key is of no use to another; one
// that was given to nobody by name is whose who has it.
func TestLeasesAreBoundToNames(t *testing.T) {
	for _, c := range []struct {
		given, shown string
		counts       bool
	}{
		{"billing", "billing", true},
		{"billing", "shop", false},
		{"billing", "", false},
		{"", "shop", true},
		{"", "", true},
	} {
		t.Run(fmt.Sprintf("%q by %q", c.given, c.shown), func(t *testing.T) {
			r := newRig(t, nil)
			r.accept(1)
			r.ch.Joined(1, c.given, "a")
			_, d := r.next()
			reply := func(name string) {
				r.desk.Take(context.Background(), 77, name, "consumer:1", fmt.Appendf(nil, `{"id":%q,"source":%q,"lease":%q,"status":"done"}`, d.Header.ID, d.Header.Source, d.Header.Lease))
			}
			reply(c.shown)
			if taken, bad := r.desk.Counts(); (taken == 1) != c.counts || (bad == 1) == c.counts {
				t.Fatalf("%d taken, %d bad", taken, bad)
			}
			reply(c.given)
			r.await(d.Header.ID, outbox.StateDone)
		})
	}
}
