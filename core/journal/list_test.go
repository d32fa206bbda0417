package journal_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/headgate-io/headgate/core/outbox"
)

// TestDeadLettersAreFoundAmongMany has few dead letters among many events that
// wait, on a channel that is full of them and on one that is not: a list finds
// them all, in order, once, whether at once or page by page.
func TestDeadLettersAreFoundAmongMany(t *testing.T) {
	events := min(*many, 100_000)
	r := newRig(t, 1)
	o := r.options()
	o.Segment = 4 << 20
	r.use(o)
	var want []uint64
	dead := func(channel string) {
		t.Helper()
		items, _, err := r.j.Ready(channel, r.o.now, events)
		r.must(err)
		if len(items) == 0 {
			t.Fatalf("%s hands nothing out", channel)
		}
		last := items[len(items)-1]
		want = append(want, last.Seq)
		r.must(r.j.Settle(t.Context(), []outbox.Outcome{{Seq: last.Seq, Channel: channel, Action: outbox.Dead, Attempt: last.Attempt, At: r.o.now}}))
	}
	for i := range 4 {
		r.load(events/4, nil)
		dead("a")
		r.event(fmt.Sprint("rare", i), nil, "b")
		if i != 1 {
			dead("b")
		}
	}
	slices.Sort(want)
	list := func(f outbox.Filter) (seqs []uint64) {
		t.Helper()
		got, err := r.j.List(t.Context(), f)
		r.must(err)
		for _, st := range got {
			seqs = append(seqs, st.Seq)
		}
		return seqs
	}
	failed := outbox.Filter{State: outbox.StateFailed}
	if got := list(failed); !slices.Equal(got, want) {
		t.Errorf("dead letters are %v, not %v", got, want)
	}
	var paged []uint64
	failed.Limit = 2
	for page := list(failed); len(page) > 0; page = list(failed) {
		paged = append(paged, page...)
		failed.After = page[len(page)-1]
	}
	if !slices.Equal(paged, want) {
		t.Errorf("page by page they are %v, not %v", paged, want)
	}
	r.must(r.j.Close())
}
