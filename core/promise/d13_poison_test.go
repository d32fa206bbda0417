package promise_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headgate-io/headgate/core/outbox"
)

// tameConfig has one channel that everything comes to, and on it one route
// through the beast and one past it.
const tameConfig = `
[[channels]]
name = "orders"
class = "command"
listen = "tcp://127.0.0.1:0"
max_pending = "90%"
[[routes]]
name = "tame"
type = ["com.example.tame"]
transforms = ["beast"]
channels = ["orders"]
[[routes]]
name = "plain"
type = ["com.example.plain"]
channels = ["orders"]
`

// D13: an event that a plugin cannot take, however it ends it, is a dead letter
// with its history, and it alone.
func TestD13PoisonDiesAlone(t *testing.T) {
	dice := chance(t)
	r := newRouter(t, tameConfig+transform(t, "beast", "timeout = \"1s\"\nlimits = { memory = \"512MiB\" }"))
	l := newLedger(t)
	for range 2 {
		r.take(taking{channel: "orders", parallel: 256}, taming(l))
	}
	did := map[string]struct{ history, stack string }{
		"nil":  {"crashed the plugin 3 times: exit code 2", "main.poisoned"},
		"exit": {"crashed the plugin 3 times: exit code 9", ""},
		"segv": {"crashed the plugin 3 times: exit code 2", "SIGSEGV: segmentation violation"},
		"hog":  {"crashed the plugin 3 times: exit code 2", "out of memory"},
		"hang": {"made the plugin miss its deadline 3 times", ""},
	}
	rounds := [][]string{{"nil"}, {"segv"}, {"nil", "nil"}, {"exit", "hog", "hang"}}
	sick := 0
	for n, round := range rounds {
		poison := make(map[int]string)
		places := dice.Perm(*healthy)
		for i, what := range round {
			poison[places[i]] = what
		}
		sick += len(round)
		r.flood(l, *healthy, func(i int) (string, []byte) {
			id := poisoned(n, i, poison[i])
			return id, tame(id, poison[i])
		})
		for pending := r.channel("orders").Pending; pending > 0; { // of many it takes long
			r.eventually("more of them have ended", func() bool {
				before := pending
				pending = r.channel("orders").Pending
				return pending < before || pending == 0
			})
		}
		for at, what := range poison {
			r.givenUp(poisoned(n, at, what), did[what].history, did[what].stack)
		}
	}
	b := l.balance(r, func(at leg) bool { return strings.HasSuffix(at.id, "-poison") })
	if b.pending != 0 || b.dead != sick || b.dropped != 0 {
		t.Errorf("%d were poisoned, the end is %v", sick, b)
	}
	if p := r.plugin("beast"); p.Blamed != sick {
		t.Errorf("%d events were given up", p.Blamed)
	}
	proved(t, "%d poisoned of %d: each dead with its history, 0 healthy ones; %d deliveries came again", sick, len(l.accepted), l.flagged())
}

// poisoned is the i-th id of a round, by which the poisoned are told.
func poisoned(round, i int, with string) string {
	if with != "" {
		return fmt.Sprintf("%d-%d-%s-poison", round, i, with)
	}
	return fmt.Sprintf("%d-%d", round, i)
}

// flood sends n events in batches, and wants each accepted.
func (r *router) flood(l *ledger, n int, event func(i int) (string, []byte)) {
	r.Helper()
	const size = 500
	each((n+size-1)/size, 4, func(batch int) {
		var events [][]byte
		var first string
		for i := batch * size; i < min((batch+1)*size, n); i++ {
			id, e := event(i)
			if events = append(events, e); first == "" {
				first = id
			}
		}
		results, err := r.edge.batch(r.Context(), "batch-"+first, events)
		if err != nil {
			r.Error(err)
		}
		for _, a := range results {
			if a.says() != accepted {
				r.Errorf("%s: %s", a.ID, a.says())
				continue
			}
			l.accept(a.ID)
		}
	})
}

// givenUp wants an event dead, once, with what it did in its history, and in the
// log with the stack of the plugin.
func (r *router) givenUp(id, did, stack string) {
	r.Helper()
	c := r.event(id).Channels[0]
	if c.State != outbox.StateFailed || len(c.History) != 1 || c.History[0].What != "transform" || !strings.Contains(c.History[0].Reason, did) {
		r.Errorf("%s is %s, its history is %+v, want %q", id, c.State, c.History, did)
	}
	told := slices.ContainsFunc(strings.Split(r.log.String(), "\n"), func(line string) bool {
		return strings.Contains(line, "dead letter: a transform cannot take it") && strings.Contains(line, `"`+id+`"`) && strings.Contains(line, stack)
	})
	if !told {
		r.Errorf("the log does not tell of %s and of %q", id, stack)
	}
}
