package intake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
)

// tank is a store that fills, as events come, and empties, as a test turns the
// clock.
type tank struct {
	outbox.Asking
	holds, most map[string]int64
	capacity    int64
	looks       int
	during      func()              // called by Append before it stores
	has         map[outbox.Key]bool // what is a duplicate; nil for nothing
}

func (k *tank) Append(_ context.Context, entries ...*outbox.Entry) []outbox.Appended {
	out := make([]outbox.Appended, len(entries))
	if k.during != nil {
		k.during()
	}
	for i, e := range entries {
		if k.has[e.Key()] {
			out[i] = outbox.Appended{Verdict: outbox.Duplicate, Durable: true}
			continue
		}
		to, size := e.Targets[0].Channel, int64(len(e.Event.Raw))
		if k.holds[to]+size > k.most[to] {
			out[i].Err = fmt.Errorf("%w: %s", outbox.ErrChannelFull, to)
			continue
		}
		k.holds[to] += size
		out[i].Durable = true
	}
	return out
}

func (k *tank) Stats() outbox.Stats {
	k.looks++
	st := outbox.Stats{Capacity: k.capacity, Channels: make(map[string]outbox.ChannelStats)}
	for name, n := range k.holds {
		st.Channels[name] = outbox.ChannelStats{Bytes: n}
		st.Bytes += n
	}
	return st
}

// town is principals who send, each at its own rate, to a tank.
type town struct {
	*bench
	tank *tank
	sent int
	said map[int]map[string]int // by principal: what became of its events
}

const (
	step      = 10 * time.Millisecond
	eventSize = 1000
)

// newTown has tanks for a and b, of so many events each.
func newTown(t *testing.T, principals, events int, o intake.Options) *town {
	t.Helper()
	g := generation(t, principals, route.Rate{})
	var err error
	g.Table, err = route.New([]route.Rule{
		{Name: "a", Types: []string{"a"}, Channels: []string{"a"}},
		{Name: "b", Types: []string{"b"}, Channels: []string{"b"}},
	}, []route.Channel{{Name: "a", Command: true}, {Name: "b", Command: true}}, route.Options{})
	if err != nil {
		t.Fatal(err)
	}
	most := int64(events) * eventSize
	g.MaxPending = map[string]int64{"a": most, "b": most}
	v := &town{bench: &bench{t: t, now: time.Unix(1767225600, 0)}, tank: &tank{holds: make(map[string]int64), most: g.MaxPending, capacity: 4 * most}, said: make(map[int]map[string]int)}
	o.Store, o.Log, o.Now = v.tank, zerolog.Nop(), func() time.Time { return v.now }
	v.Intake = intake.New(o, g)
	t.Cleanup(v.Drain)
	return v
}

// send has a principal send one event to a channel, and notes what became of it.
func (v *town) send(principal int, to string) string {
	v.t.Helper()
	v.sent++
	return v.sendAs(fmt.Sprintf("e%d", v.sent), principal, to)
}

func (v *town) sendAs(id string, principal int, to string) string {
	v.t.Helper()
	text := fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":%q,"type":%q,"data":""}`, id, source, to)
	text = []byte(strings.Replace(string(text), `""}`, `"`+strings.Repeat("x", eventSize-len(text))+`"}`, 1))
	_, err := v.Accept(v.t.Context(), v.submission(principal, id, text))
	said := "taken"
	var p *intake.Problem
	switch {
	case err == nil:
	case errors.As(err, &p) && p.Code == intake.ChannelFull && p.RetryAfter > 0 && strings.HasPrefix(p.Reason, "share of "):
		said = "held"
	case errors.As(err, &p) && p.Code == intake.ChannelFull:
		said = "full"
	default:
		v.t.Fatal(err)
	}
	if v.said[principal] == nil {
		v.said[principal] = make(map[string]int)
	}
	v.said[principal][said]++
	return said
}

// live goes on for so long: each principal sends so many events a second to a,
// and so many go out of it.
func (v *town) live(for_ time.Duration, out float64, perSecond map[int]float64) {
	due := make(map[int]float64)
	for range int(for_ / step) {
		v.now = v.now.Add(step)
		v.tank.holds["a"] = max(v.tank.holds["a"]-int64(out*eventSize*step.Seconds()), 0)
		for n := 1; n <= len(perSecond); n++ {
			for due[n] += perSecond[n] * step.Seconds(); due[n] >= 1; due[n]-- {
				v.send(n, "a")
			}
		}
	}
}

// TestAFlooderLeavesTheOthersTheirShare: of ten principals one sends ten times
// what goes out, the nine little. They do not notice; it has all that they leave.
func TestAFlooderLeavesTheOthersTheirShare(t *testing.T) {
	v := newTown(t, 10, 400, intake.Options{Rates: 100})
	offered := map[int]float64{1: 200}
	for n := 2; n <= 10; n++ {
		offered[n] = 1
	}
	v.live(time.Minute, 20, offered)
	for n := 2; n <= 10; n++ {
		if got := v.said[n]; got["held"]+got["full"] > 0 {
			t.Errorf("principal %d, who sends little: %v", n, got)
		}
	}
	// 400 fit, and 20 a second go out: 1600, of which 540 are the others'.
	if got := v.said[1]; got["taken"] < 900 || got["full"] > 0 {
		t.Errorf("the flooder: %v", got)
	}
	if held := v.tank.holds["a"]; held < 300*eventSize {
		t.Errorf("%d bytes wait: consumers have too little to do", held)
	}
}

// TestWhoSendsMoreThanMostIsNotYetAFlooder: what is below the bound that the
// flooder finds is let be, whatever the others send.
func TestWhoSendsMoreThanMostIsNotYetAFlooder(t *testing.T) {
	v := newTown(t, 8, 400, intake.Options{Rates: 100})
	offered := map[int]float64{1: 200, 2: 6}
	for n := 3; n <= 8; n++ {
		offered[n] = 0.3
	}
	v.live(time.Minute, 20, offered)
	if got := v.said[2]; got["held"]+got["full"] > 3 { // 1 %
		t.Errorf("a third of what goes out is sent by one who gets %v", got)
	}
}

func TestALoneSenderMayFillAll(t *testing.T) {
	v := newTown(t, 2, 100, intake.Options{Rates: 100})
	for range 100 {
		if said := v.send(1, "a"); said != "taken" {
			t.Fatalf("%s after %v", said, v.said[1])
		}
		v.now = v.now.Add(step)
	}
	if said := v.send(1, "a"); said != "full" {
		t.Errorf("beyond: %s", said)
	}
}

// TestEqualSendersMayFillAll: nobody is a flooder among them.
func TestEqualSendersMayFillAll(t *testing.T) {
	v := newTown(t, 4, 100, intake.Options{Rates: 100})
	v.live(5*time.Second, 0, map[int]float64{1: 10, 2: 10, 3: 10, 4: 10})
	if v.tank.holds["a"] != 100*eventSize {
		t.Errorf("%v wait: %v", v.tank.holds, v.said)
	}
}

// TestWhoIsGoneHasNoShare: where nothing goes out, what one sender of little
// might have had is the other's once it does not come any more.
func TestWhoIsGoneHasNoShare(t *testing.T) {
	v := newTown(t, 4, 100, intake.Options{Rates: 100})
	v.live(time.Second, 0, map[int]float64{1: 70, 2: 1, 3: 2, 4: 3})
	v.live(time.Second, 0, map[int]float64{1: 200})
	if got := v.said[1]; got["held"] == 0 || v.tank.holds["a"] > 90*eventSize {
		t.Errorf("before: %v, %v", got, v.tank.holds)
	}
	v.live(35*time.Second, 0, map[int]float64{1: 5})
	if v.tank.holds["a"] != 100*eventSize {
		t.Errorf("after: %v, %v", v.said[1], v.tank.holds)
	}
}

// TestWhatIsNotStoredIsNotTaken: a sender that repeats itself has no less for it.
func TestWhatIsNotStoredIsNotTaken(t *testing.T) {
	v := newTown(t, 2, 100, intake.Options{Rates: 100})
	v.live(time.Second, 0, map[int]float64{1: 80, 2: 5})
	v.tank.has = map[outbox.Key]bool{{Source: source, ID: "again"}: true}
	for n := range 500 {
		if said := v.sendAs("again", 2, "a"); said != "taken" {
			t.Fatalf("the %d. time: %s", n, said)
		}
		v.now = v.now.Add(step)
	}
	if said := v.send(1, "a"); said != "held" {
		t.Errorf("who sends most: %s", said)
	}
}

// TestSharesCountWhatIsNotSeenYet: what came since the last look, and what is at the
// store now.
func TestSharesCountWhatIsNotSeenYet(t *testing.T) {
	v := newTown(t, 2, 100, intake.Options{Rates: 100})
	v.live(time.Second, 0, map[int]float64{1: 50, 2: 5})
	v.now = v.now.Add(step)
	v.send(2, "a")
	for range 20 { // one moment: there is no other look
		v.send(1, "a")
	}
	v.tank.during = func() {
		if v.sent < 200 {
			v.send(1, "a")
		}
	}
	v.send(1, "a")
	v.tank.during = nil
	if got := v.said[1]; got["held"] != 1 || v.tank.holds["a"] > 95*eventSize || v.sent == 200 {
		t.Errorf("in one moment: %v of %d, %v", got, v.sent, v.tank.holds)
	}
}

// TestSharesAreOfEachChannel: who is held on one goes on on another.
func TestSharesAreOfEachChannel(t *testing.T) {
	v := newTown(t, 2, 100, intake.Options{Rates: 100})
	v.live(time.Second, 0, map[int]float64{1: 200, 2: 10})
	if v.said[1]["held"] == 0 {
		t.Fatalf("nobody is held: %v", v.said[1])
	}
	if said := v.send(1, "b"); said != "taken" {
		t.Errorf("on another channel: %s", said)
	}
}

// TestSharesAreBounded: whom there is no room to keep in mind is held where there
// are shares, never let through uncounted.
func TestSharesAreBounded(t *testing.T) {
	v := newTown(t, 3, 100, intake.Options{Rates: 2})
	v.live(time.Second, 0, map[int]float64{1: 40, 2: 41})
	v.now = v.now.Add(step)
	if said := v.send(3, "a"); said != "held" {
		t.Errorf("the third of two: %s", said)
	}
	v.tank.holds["a"] = 60 * eventSize
	v.now = v.now.Add(step)
	if said := v.send(3, "a"); said != "taken" {
		t.Errorf("the third of two, when there is room: %s", said)
	}
}

// TestTheStoreIsLookedAtRarely: a look takes its lock.
func TestTheStoreIsLookedAtRarely(t *testing.T) {
	v := newTown(t, 1, 1000, intake.Options{Rates: 2})
	for range 900 {
		v.send(1, "a")
	}
	if v.tank.looks != 1 {
		t.Errorf("%d looks at one time", v.tank.looks)
	}
}
