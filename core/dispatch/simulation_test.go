package dispatch_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

var (
	seeds = flag.Int("seeds", 20, "simulated runs")
	steps = flag.Int("steps", 5000, "steps of each")
)

// world simulates a channel with its outbox, consumers that work, fail, fall
// silent, come and go, routers that end and start anew, and a clock. Nothing in it is random but by its seed.
type world struct {
	t     *testing.T
	r     *rand.Rand
	now   time.Time
	store outbox.Engine
	m     *dispatch.Machine

	set       dispatch.Settings
	counts    dispatch.Counts // of the routers before this one
	accepted  int
	conns     map[uint64]int // unsettled deliveries per living connection, as the consumer counts them
	nextConn  uint64
	inHand    []dispatch.Send
	done      map[uint64]bool // by sequence: a done was given that must count
	inFlight  map[string]uint64
	lastOrder map[string]uint64
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	set := dispatch.Settings{Name: "c", Prefetch: 8, AckTimeout: 10 * time.Second, MaxHold: time.Minute, MaxAttempts: 4,
		BackoffMin: time.Second, BackoffMax: 20 * time.Second}
	return &world{t: t, r: r, now: t0, set: set, m: dispatch.NewMachine(set, r.Float64), conns: map[uint64]int{}, done: map[uint64]bool{},
		inFlight: map[string]uint64{}, lastOrder: map[string]uint64{},
		store: memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1 << 20, Capacity: 1 << 40, MaxPending: map[string]int64{"c": 1 << 40}})}
}

func (w *world) accept() {
	w.accepted++
	e := sdk.Event{ID: fmt.Sprint(w.accepted), Source: "/w", Type: "t", SpecVersion: "1.0"}
	target := outbox.Target{Channel: "c"}
	if w.r.IntN(3) == 0 {
		target.Order = fmt.Sprint("k", w.r.IntN(5))
	}
	if got := w.store.Append(context.Background(), &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: w.now, Targets: []outbox.Target{target}}); got[0].Err != nil {
		w.t.Fatal(got[0].Err)
	}
}

// pump settles what was decided and hands out what there is room for.
func (w *world) pump() {
	w.settle(w.m.Take())
	for {
		room := w.m.Room()
		if room == 0 {
			return
		}
		items, _, err := w.store.Ready("c", w.now, room)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(items) == 0 {
			return
		}
		w.m.Offer(w.now, items)
		w.settle(w.m.Take())
	}
}

func (w *world) settle(out dispatch.Output) {
	for _, s := range out.Sends {
		w.sent(s)
	}
	for _, o := range out.Outcomes {
		if key := w.orderOf(o.Seq); key != "" && w.inFlight[key] == o.Seq {
			delete(w.inFlight, key)
		}
	}
	if err := w.store.Settle(context.Background(), out.Outcomes); err != nil {
		w.t.Fatal(err)
	}
	w.m.Settled(out.Outcomes)
}

func (w *world) orderOf(seq uint64) string {
	st, err := w.store.Lookup(context.Background(), outbox.Key{Source: "/w", ID: fmt.Sprint(seq)})
	if err != nil {
		w.t.Fatal(err)
	}
	return st.Channels[0].Order
}

// sent checks what must hold of every single delivery.
func (w *world) sent(s dispatch.Send) {
	if _, alive := w.conns[s.Conn]; !alive {
		w.t.Fatalf("delivery to connection %d, which is gone", s.Conn)
	}
	w.conns[s.Conn]++
	if w.conns[s.Conn] > 8 {
		w.t.Fatalf("connection %d holds %d", s.Conn, w.conns[s.Conn])
	}
	if w.done[s.Item.Seq] {
		w.t.Fatalf("entry %d was done, and is delivered again", s.Item.Seq)
	}
	if key := s.Item.Target.Order; key != "" {
		if other, busy := w.inFlight[key]; busy && other != s.Item.Seq {
			w.t.Fatalf("entry %d of lane %s goes out while %d is", s.Item.Seq, key, other)
		}
		if s.Item.Seq < w.lastOrder[key] {
			w.t.Fatalf("entry %d of lane %s after %d", s.Item.Seq, key, w.lastOrder[key])
		}
		w.inFlight[key], w.lastOrder[key] = s.Item.Seq, s.Item.Seq
	}
	w.inHand = append(w.inHand, s)
}

func (w *world) reply(status string) {
	if len(w.inHand) == 0 {
		return
	}
	at := w.r.IntN(len(w.inHand))
	s := w.inHand[at]
	w.inHand = append(w.inHand[:at], w.inHand[at+1:]...)
	st, err := w.store.Lookup(context.Background(), outbox.Key{Source: "/w", ID: fmt.Sprint(s.Item.Seq)})
	if err != nil {
		w.t.Fatal(err)
	}
	leg := st.Channels[0]
	if _, alive := w.conns[s.Conn]; alive && status != delivery.StatusProgress {
		w.conns[s.Conn]--
	}
	if status == delivery.StatusDone {
		w.done[s.Item.Seq] = leg.State == outbox.StatePending || w.done[s.Item.Seq]
	}
	w.m.Reply(w.now, dispatch.Reply{Seq: s.Item.Seq, Attempt: s.Item.Attempt, Newest: leg.Attempt == s.Item.Attempt,
		Final: leg.State != outbox.StatePending, From: 1000 + s.Conn, Reply: delivery.Reply{Status: status}})
	if status == delivery.StatusProgress {
		w.inHand = append(w.inHand, s)
	}
}

func (w *world) connect() {
	w.nextConn++
	w.conns[w.nextConn] = 0
	w.m.Connect(w.now, dispatch.Peer{ID: w.nextConn})
}

// disconnect ends a connection; half the time its consumer loses what it held.
func (w *world) disconnect() {
	for id := range w.conns {
		delete(w.conns, id)
		w.m.Disconnect(w.now, id)
		if w.r.IntN(2) == 0 {
			kept := w.inHand[:0]
			for _, s := range w.inHand {
				if s.Conn != id {
					kept = append(kept, s)
				}
			}
			w.inHand = kept
		}
		return
	}
}

// restart ends the router, by a word or by a blow, and starts another one over
// the same store. What a killed router had out comes back as another attempt, as
// a store does that was opened again. Half the consumers go on with their work.
func (w *world) restart(killed bool) {
	w.m.Suspend(w.now)
	leases := w.m.Take().Outcomes
	w.counts.Done += w.m.Facts().Counts.Done
	w.counts.Dead += w.m.Facts().Counts.Dead
	w.conns = map[uint64]int{}
	if w.r.IntN(2) == 0 {
		w.inHand = nil
	}
	w.m = dispatch.NewMachine(w.set, w.r.Float64)
	var resumed []outbox.Item
	for _, o := range leases {
		st, err := w.store.Lookup(context.Background(), outbox.Key{Source: "/w", ID: fmt.Sprint(o.Seq)})
		if err != nil {
			w.t.Fatal(err)
		}
		c := st.Channels[0]
		if !c.Out || c.Attempt != o.Attempt || c.Failures != o.Failures {
			w.t.Fatalf("entry %d is leased as %+v, and in the store %+v", o.Seq, o, c)
		}
		if !killed {
			resumed = append(resumed, outbox.Item{Seq: o.Seq, Target: c.Target, Entry: st.Entry, Attempt: c.Attempt, Failures: c.Failures, Since: st.Accepted, Until: o.Due})
			continue
		}
		o.Action, o.Due = outbox.Retry, time.Time{}
		w.settle(dispatch.Output{Outcomes: []outbox.Outcome{o}})
	}
	w.m.Adopt(w.now, resumed)
}

func (w *world) step() {
	switch n := w.r.IntN(100); {
	case n < 25:
		w.accept()
	case n < 65:
		w.reply(delivery.StatusDone)
	case n < 70:
		w.reply(delivery.StatusRetry)
	case n < 72:
		w.reply(delivery.StatusFailed)
	case n < 75:
		w.reply(delivery.StatusProgress)
	case n < 79 && len(w.conns) < 6:
		w.connect()
	case n < 81:
		w.disconnect()
	case n < 82:
		for id := range w.conns {
			w.m.Goodbye(w.now, 0, 0, 1000+id)
			break
		}
	case n < 83 && w.r.IntN(5) == 0:
		w.restart(w.r.IntN(2) == 0)
	default:
		w.now = w.now.Add(time.Duration(w.r.IntN(3000)) * time.Millisecond)
		w.m.Tick(w.now)
	}
	w.pump()
}

// heal lets everything that is still pending come to its end.
func (w *world) heal() {
	for range 100_000 {
		if w.store.Stats().Channels["c"].Pending == 0 {
			return
		}
		if len(w.conns) == 0 || w.m.Room() == 0 && len(w.inHand) == 0 {
			w.connect()
		}
		w.reply(delivery.StatusDone)
		w.now = w.now.Add(500 * time.Millisecond)
		w.m.Tick(w.now)
		w.pump()
	}
	w.t.Fatalf("still pending: %+v, %+v", w.store.Stats(), w.m.Facts())
}

func TestSimulation(t *testing.T) {
	for seed := range uint64(*seeds) {
		w := newWorld(t, seed)
		w.connect()
		for range *steps {
			w.step()
		}
		w.heal()
		done, dead := 0, 0
		all, err := w.store.List(context.Background(), outbox.Filter{Limit: w.accepted + 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range all {
			switch st.State() {
			case outbox.StateDone:
				done++
			case outbox.StateFailed:
				dead++
			default:
				t.Fatalf("seed %d: entry %d is %s", seed, st.Seq, st.State())
			}
		}
		// Ended entries are forgotten after an hour of simulated time; what is
		// still kept must be all that ended within it.
		c := w.m.Facts().Counts
		if c.Done, c.Dead = c.Done+w.counts.Done, c.Dead+w.counts.Dead; c.Done+c.Dead < w.accepted {
			t.Fatalf("seed %d: accepted %d, done %d, dead %d", seed, w.accepted, c.Done, c.Dead)
		}
		if st := w.store.Stats().Channels["c"]; st.Pending != 0 || st.Dead != dead {
			t.Fatalf("seed %d: %+v, %d dead in the list", seed, st, dead)
		}
	}
}
