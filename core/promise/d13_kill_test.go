package promise_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
)

// herd is how many transforms are killed in turn. Each may be killed bearable
// times before a router tries it only once a minute.
const herd, bearable = 4, 4

// maxRounds is how often it is tried, at most, to kill a process while events run
// alone in it.
const maxRounds = 8

// killedConfig has a route for each transform, one without any on the same
// channel, and one on another channel.
func killedConfig(t *testing.T) string {
	text := new(strings.Builder)
	for i := range herd {
		text.WriteString(transform(t, fmt.Sprintf("beast-%d", i), `timeout = "5s"`))
		fmt.Fprintf(text, "[[routes]]\nname = \"tame-%d\"\ntype = [\"com.example.tame.%d\"]\ntransforms = [\"beast-%d\"]\nchannels = [\"orders\"]\n", i, i, i)
	}
	return text.String() + `
[[routes]]
name = "plain"
type = ["com.example.plain"]
channels = ["orders"]
[[routes]]
name = "stock"
type = ["com.example.stock"]
channels = ["stock"]
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
max_pending = "90%"
[[channels]]
name = "stock"
class = "command"
listen = "tcp://127.0.0.1:0"
`
}

// hunt kills plugins of a router.
type hunt struct {
	*router
	l       *ledger
	dice    *rand.Rand
	kills   int
	scratch int // of these, processes in which events ran alone
	others  int // events that went another way meanwhile
}

// D13: plugins that are killed over and over, whatever they have in hand, lose
// nothing, and whoever does not need them does not notice.
func TestD13KilledPluginsLoseNothing(t *testing.T) {
	r := newRouter(t, killedConfig(t))
	h := &hunt{router: r, l: newLedger(t), dice: chance(t)}
	for range 2 {
		r.take(taking{channel: "orders"}, taming(h.l))
		r.take(taking{channel: "stock"}, taming(h.l))
	}
	producers := r.produce(h.l, 2*herd, 2*time.Millisecond, func(producer, n int) (string, []byte) {
		id := fmt.Sprintf("p%d-%d", producer, n)
		slow := ""
		if n%4 == 0 { // so that batches gather
			slow = `,"beast":"slow"`
		}
		return id, marked(fmt.Sprintf("tame.%d", producer%herd), id, "", slow)
	})
	isolated, quarantines := 0, 0
	for more := true; more; {
		for range bearable {
			for _, i := range h.dice.Perm(herd) {
				h.kill(fmt.Sprintf("beast-%d", i))
			}
		}
		h.quarantine("beast-0")
		quarantines++
		for _, p := range r.now().Plugins {
			isolated += p.Isolated
			if p.Blamed > 0 {
				t.Errorf("%s: %d events were given up", p.Name, p.Blamed)
			}
		}
		if more = h.kills < turns(15) || h.scratch == 0 && quarantines < maxRounds; !more {
			producers.halt()
		}
		r.crash()
	}
	r.drained()
	b := h.l.balance(r, never)
	if b.pending != 0 || b.dropped != 0 {
		t.Errorf("the end is %v", b)
	}
	if isolated == 0 || h.scratch == 0 {
		t.Errorf("%d events ran alone, %d processes were killed in which they did: too little to show anything", isolated, h.scratch)
	}
	proved(t, "%d kills of plugins (%d of them while events ran alone in these), %d quarantines: 0 lost, 0 dead, 0 untransformed; %d events ran alone, %d went other ways meanwhile without a 503, %d deliveries came again",
		h.kills, h.scratch, quarantines, isolated, h.others, h.l.flagged())
}

// kill kills one that has events in hand, and some of the processes that take
// over, until it is there again.
func (h *hunt) kill(name string) {
	h.Helper()
	h.eventually(name+" has events in hand", func() bool {
		p := h.plugin(name)
		return p.State == supervisor.Ready && p.InFlight > 0
	})
	time.Sleep(time.Duration(h.dice.IntN(10_000)) * time.Microsecond) // the kill comes whenever it comes
	dead := h.plugin(name).PID
	h.signal(dead, syscall.SIGKILL)
	h.kills++
	h.pass(1)
	spare := h.dice.IntN(3)
	h.eventually(name+" is there again", func() bool {
		if spare > 0 && h.killScratch() {
			spare--
		}
		p := h.plugin(name)
		return p.State == supervisor.Ready && p.PID != dead
	})
}

// killScratch kills a process in which events run alone, if there is one: while
// every plugin is there, it is one of none of them.
func (h *hunt) killScratch() bool {
	children := h.children()
	known := make(map[int]bool)
	for _, p := range h.now().Plugins {
		if p.State != supervisor.Ready {
			return false
		}
		known[p.PID] = true
	}
	for _, pid := range children {
		if !known[pid] && alive(pid) {
			h.signal(pid, syscall.SIGKILL)
			h.kills++
			h.scratch++
			return true
		}
	}
	return false
}

// pass sends so many events past the plugins, on their channel and on another,
// and wants each accepted at once and done.
func (h *hunt) pass(n int) {
	h.Helper()
	for range n {
		id := fmt.Sprintf("other-%d", h.others)
		h.sent(h.l, "plain-"+id, marked("plain", "plain-"+id, "", ""))
		h.sent(h.l, "stock-"+id, marked("stock", "stock-"+id, "", ""))
		h.others++
		h.eventually("others are done meanwhile", func() bool {
			return h.l.did("orders", "plain-"+id) && h.l.did("stock", "stock-"+id)
		})
	}
}

// quarantine kills one until it is tried only once a minute, and looks at the
// others until then: what needs it is accepted and held.
func (h *hunt) quarantine(name string) {
	h.Helper()
	gone := func() bool { return h.plugin(name).State == supervisor.Quarantined }
	for last := 0; !gone(); {
		h.eventually(name+" is there again, or is not tried any more", func() bool {
			p := h.plugin(name)
			return p.State == supervisor.Quarantined || p.State == supervisor.Ready && p.PID != last
		})
		if last = h.plugin(name).PID; !gone() {
			h.signal(last, syscall.SIGKILL)
			h.kills++
		}
	}
	before := h.channel("orders").Pending
	h.pass(50)
	h.eventually("what needs it waits", func() bool { return h.channel("orders").Pending > before })
	if !gone() {
		h.Errorf("%s is %s: it was not away all the time", name, h.plugin(name).State)
	}
}
