package dispatch_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
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

// world simulates a channel with its outbox, transforms that take their time,
// fail, drop, go away and come back, consumers that work, fail, fall silent, come
// and go, an operator who cancels, routers that end and start anew, and a clock. Nothing in it is random but by its seed.
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

	begun     []*dispatch.Passage // at transforms
	away      map[string]bool     // by the names of a chain
	cancelled int
}

// chains are what entries go through: one in four goes as it is.
var chains = [][]string{nil, {"x"}, {"y"}, {"x", "y"}}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	set := dispatch.Settings{Name: "c", Prefetch: 8, AckTimeout: 10 * time.Second, MaxHold: time.Minute, MaxAttempts: 4,
		BackoffMin: time.Second, BackoffMax: 20 * time.Second}
	return &world{t: t, r: r, away: map[string]bool{}, now: t0, set: set, m: dispatch.NewMachine(set, r.Float64), conns: map[uint64]int{}, done: map[uint64]bool{},
		inFlight: map[string]uint64{}, lastOrder: map[string]uint64{},
		store: memory.New(memory.Options{Remember: time.Hour, KeepStatus: time.Hour, MaxIDs: 1 << 20, Capacity: 1 << 40, MaxPending: map[string]int64{"c": 1 << 40}})}
}

func (w *world) accept() {
	w.accepted++
	e := sdk.Event{ID: fmt.Sprint(w.accepted), Source: "/w", Type: "t", SpecVersion: "1.0"}
	target := outbox.Target{Channel: "c", Transforms: chains[w.r.IntN(len(chains))]}
	if w.r.IntN(3) == 0 {
		target.Order = fmt.Sprint("k", w.r.IntN(5))
	}
	entry := &outbox.Entry{Event: e, Digest: e.Digest(), Accepted: w.now, Targets: []outbox.Target{target}}
	if w.r.IntN(30) == 0 {
		entry.Expires = w.now.Add(time.Duration(w.r.IntN(20)) * time.Second)
	}
	if got := w.store.Append(context.Background(), entry); got[0].Err != nil {
		w.t.Fatal(got[0].Err)
	}
}

// pump settles what was decided and hands out what there is room for.
func (w *world) pump() {
	w.m.Advance(w.now)
	w.settle(w.m.Take())
	defer w.checkMemory()
	for {
		w.m.Advance(w.now)
		w.settle(w.m.Take())
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

// checkMemory holds what is in hand against its bound: all credit there can be,
// and the lookahead.
func (w *world) checkMemory() {
	f := w.m.Facts()
	at := 0
	for _, c := range f.Chains {
		at += c.At
	}
	if at+f.Waiting > 6*8+64 || f.Waiting > 64 {
		w.t.Fatalf("%d at transforms, %d wait", at, f.Waiting)
	}
}

func (w *world) settle(out dispatch.Output) {
	w.begun = append(w.begun, out.Begun...)
	for _, s := range out.Shelve {
		w.store.Shelve("c", s.Shelf, s.Items)
	}
	for _, shelf := range out.Unshelve {
		w.store.Unshelve("c", shelf)
	}
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
	w.checkTransformed(s)
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

// checkTransformed refuses what did not go through all its transforms.
func (w *world) checkTransformed(s dispatch.Send) {
	var applied []string
	if s.Passage != nil {
		if s.Passage.Item.Seq != s.Item.Seq || s.Passage.Item.Attempt != s.Item.Attempt {
			w.t.Fatalf("entry %d is sent as %d", s.Item.Seq, s.Passage.Item.Seq)
		}
		for _, a := range s.Passage.Applied {
			applied = append(applied, a.Name)
		}
	}
	if !slices.Equal(applied, s.Item.Target.Transforms) {
		w.t.Fatalf("entry %d leaves by %q, not %q", s.Item.Seq, applied, s.Item.Target.Transforms)
	}
}

// transform lets a chain that is there finish some of what it has; mostly well,
// unless it is healed: then always.
func (w *world) transform(healed bool) {
	if len(w.begun) == 0 {
		return
	}
	names := w.begun[w.r.IntN(len(w.begun))].Item.Target.Transforms
	if w.away[fmt.Sprint(names)] {
		return
	}
	w.take(names, w.r.IntN(40)+1, func(p *dispatch.Passage) {
		if w.r.IntN(4) > 0 && !w.m.Wanted(w.now, p) {
			return // else it may be of no interest any more when it comes through
		}
		o := sdk.Outcome{}
		if n := w.r.IntN(100); healed || n < 88 {
			for _, name := range names {
				p.Applied = append(p.Applied, delivery.Transform{Name: name})
			}
		} else if n < 91 {
			o.Verdict = sdk.Drop
		} else if n < 93 {
			o.Verdict = sdk.Fail
		} else {
			o = sdk.Outcome{Verdict: sdk.Fail, Retry: true, After: time.Duration(w.r.IntN(3)) * time.Second}
		}
		w.m.Transformed(w.now, p, o)
	})
}

// take takes up to most passages of a chain out of what is at transforms.
func (w *world) take(names []string, most int, each func(*dispatch.Passage)) {
	kept := w.begun[:0]
	for _, p := range w.begun {
		if most == 0 || !slices.Equal(p.Item.Target.Transforms, names) {
			kept = append(kept, p)
			continue
		}
		most--
		each(p)
	}
	w.begun = kept
}

// vanish takes a chain away; some of what is under way may still come through.
func (w *world) vanish() {
	names := chains[1+w.r.IntN(len(chains)-1)]
	w.away[fmt.Sprint(names)] = true
	var stuck []*dispatch.Passage
	w.take(names, w.r.IntN(200), func(p *dispatch.Passage) { stuck = append(stuck, p) })
	w.m.Away(names, stuck)
	if w.r.IntN(2) == 0 {
		w.away[fmt.Sprint(names)] = false // in the machine's eyes only it is away
	}
}

func (w *world) comeBack() {
	names := chains[1+w.r.IntN(len(chains)-1)]
	w.away[fmt.Sprint(names)] = false
	w.m.Back(names)
}

// cancel ends an entry that no consumer has.
func (w *world) cancel() {
	if w.accepted == 0 {
		return
	}
	seq := uint64(w.r.IntN(w.accepted) + 1)
	st, err := w.store.Lookup(context.Background(), outbox.Key{Source: "/w", ID: fmt.Sprint(seq)})
	if err != nil || st.State() != outbox.StatePending || slices.ContainsFunc(w.inHand, func(s dispatch.Send) bool { return s.Item.Seq == seq }) {
		return
	}
	w.cancelled++
	w.settle(dispatch.Output{Outcomes: []outbox.Outcome{{Seq: seq, Channel: "c", Action: outbox.Dropped, At: w.now}}})
	w.m.Forget(seq)
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
	w.m.Recall(w.now)
	back := w.m.Take()
	if killed {
		for i := range back.Outcomes {
			back.Outcomes[i].Unsent = false // what was in hand may have been out
		}
	}
	w.settle(back)
	w.begun, w.away = nil, map[string]bool{}
	w.m.Suspend(w.now)
	leases := w.m.Take().Outcomes
	w.counts.Done += w.m.Facts().Counts.Done
	w.counts.Dead += w.m.Facts().Counts.Dead
	w.counts.Dropped += w.m.Facts().Counts.Dropped
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
		if c.State != outbox.StatePending {
			continue // cancelled while it was out
		}
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
	case n < 40:
		w.transform(false)
	case n < 42:
		w.vanish()
	case n < 45:
		w.comeBack()
	case n < 46:
		w.cancel()
	case n < 47:
		w.m.Pause(w.r.IntN(3) == 0)
	}
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
	w.m.Pause(false)
	for range 100_000 {
		if w.store.Stats().Channels["c"].Pending == 0 {
			return
		}
		if len(w.conns) == 0 || (w.m.Room() == 0 || w.m.Facts().Waiting > 0) && len(w.inHand) == 0 {
			w.connect()
		}
		w.comeBack()
		w.transform(true)
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
		done, dead, dropped := 0, 0, 0
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
			case outbox.StateDropped:
				dropped++
			default:
				t.Fatalf("seed %d: entry %d is %s", seed, st.Seq, st.State())
			}
		}
		// Ended entries are forgotten after an hour of simulated time; what is
		// still kept must be all that ended within it.
		c := w.m.Facts().Counts
		c.Done, c.Dead, c.Dropped = c.Done+w.counts.Done, c.Dead+w.counts.Dead, c.Dropped+w.counts.Dropped+w.cancelled
		if c.Done+c.Dead+c.Dropped < w.accepted || c.Transformed == 0 || c.Dropped < dropped {
			t.Fatalf("seed %d: accepted %d, %+v", seed, w.accepted, c)
		}
		if st := w.store.Stats().Channels["c"]; st.Pending != 0 || st.Dead != dead {
			t.Fatalf("seed %d: %+v, %d dead in the list", seed, st, dead)
		}
	}
}
