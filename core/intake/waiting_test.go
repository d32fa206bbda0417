package intake_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/route"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// TestWhoWaitsKeepsNobodyFromComing: a sender that wants to wait with everything it
// sends holds a part of what may be worked on, and is answered at once beyond.
func TestWhoWaitsKeepsNobodyFromComing(t *testing.T) {
	const most = 100_000
	g := generation(t, 1, route.Rate{})
	g.Admission = intake.Admission{Bytes: most}
	b := newBench(t, intake.Options{Waiters: 1000}, g)
	ctx, leave := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	defer asking.Wait()
	defer leave()
	ask := func(id string, data int) <-chan intake.Receipt {
		s := b.submission(1, id, event(id, fmt.Sprintf(`,"data":%q`, strings.Repeat("x", data))))
		s.Wait = time.Hour
		var w intake.Work
		eventually(t, id+" is admitted", func() (in bool) {
			var err error
			w, err = b.Admit("edge", int64(len(s.Body)), int64(len(s.Body)))
			return err == nil
		})
		got, before := make(chan intake.Receipt, 1), b.Counts().Accepted
		asking.Go(func() {
			defer w.Done()
			r, err := b.Accept(ctx, s)
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
			got <- r
		})
		eventually(t, id+" is accepted", func() bool { return b.Counts().Accepted == before+1 })
		return got
	}
	for n := range 20 { // twice what may be worked on
		ask(fmt.Sprintf("e%d", n), most/10-200)
	}
	leave()
	asking.Wait()

	// What is large and alone may wait.
	ctx, leave = context.WithCancel(t.Context())
	defer leave()
	got := ask("large", most/2)
	st, err := b.store.Lookup(ctx, outbox.Key{Source: source, ID: "large"})
	if err == nil {
		err = b.store.Settle(ctx, []outbox.Outcome{{Seq: st.Seq, Channel: "commands", Action: outbox.Dropped, At: b.now}})
	}
	if err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.Final == nil || r.Final.State != outbox.StateDropped {
		t.Errorf("got %+v", r)
	}
}
