package promise_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	commands = flag.Int("commands", 700, "commands of clients through a Worker that they do not see the troubles of")
	outage   = flag.Duration("outage", 3*time.Second, "how long the router is away while they are sent")
)

// way is a client's way to a consumer, with all that may fail on it. The client's
// identity provider is a real one.
type way struct {
	*workerStage
	worker *worker
	token  string
}

func newWay(t *testing.T) *way {
	t.Helper()
	provider := nodeIDP(t, map[string]any{"ttl": 86_400})
	s := newWorkerStage(t, provider.issuer)
	w := newWorker(t, workerSettings{texts: s.texts, deferred: s.deferred, deadLetters: s.deadLetters})
	return &way{workerStage: s, worker: w, token: provider.token(ask{})}
}

// kept is a Worker's answer with success.
type kept struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// errTryAgain is anything after which a client sends its request again.
var errTryAgain = errors.New("no success")

// command is one try of a client's request.
func (w *way) command(ctx context.Context, client *http.Client, key string) (k kept, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.worker.url+"/commands/order.created", strings.NewReader(fmt.Sprintf(`{"mark":%q}`, key)))
	if err != nil {
		return k, err
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := client.Do(req)
	if err != nil {
		return k, errTryAgain // nobody is there, or went away
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil, resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
		return k, errTryAgain
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted:
		return k, fmt.Errorf("%s: %s %s", key, resp.Status, text)
	}
	return k, json.Unmarshal(text, &k)
}

// clients send commands until they are halted, each again until it succeeds, and
// some once more after that.
type clients struct {
	*load
	way                       *way
	successes                 atomic.Int64
	again, known, laterInLine atomic.Int64 // tries without success; answers that an event was known, or is in the queue
}

func (w *way) clients(l *ledger, n int) *clients {
	c := &clients{load: &load{stop: make(chan struct{})}, way: w}
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	client := &http.Client{Transport: transport, Timeout: patience}
	w.Cleanup(func() { c.halt(); transport.CloseIdleConnections() })
	for one := range n {
		c.going.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-c.stop:
					return
				case <-time.After(time.Millisecond):
				}
				key := fmt.Sprintf("c%d-%d", one, i)
				id := c.insist(client, key)
				if i%7 == 0 && id != "" && c.insist(client, key) != id {
					w.Errorf("%s has two ids", key)
				}
				if id == "" {
					return
				}
				l.accept(id)
				c.successes.Add(1)
			}
		})
	}
	return c
}

// insist gives the id that a command came to; empty where the test has failed.
func (c *clients) insist(client *http.Client, key string) string {
	for {
		k, err := c.way.command(context.Background(), client, key)
		switch {
		case errors.Is(err, errTryAgain):
			c.again.Add(1)
			time.Sleep(retryPause)
			continue
		case err != nil:
			c.way.Errorf("REFUSED: %v", err)
			return ""
		case k.Status == "duplicate", k.Status == "done":
			c.known.Add(1)
		case k.Status == "deferred":
			c.laterInLine.Add(1)
		}
		return k.ID
	}
}

// pass waits until so many more commands have succeeded.
func (c *clients) pass(n int) {
	c.way.Helper()
	until := c.successes.Load() + int64(n)
	c.way.eventually("more commands succeed", func() bool { return c.successes.Load() >= until || c.way.Failed() })
	if c.way.Failed() {
		c.way.FailNow()
	}
}

// D18: what a Worker answered with success is delivered, whatever becomes of the
// Worker's runtime, the router, the network between them, and its queue.
func TestD18TheEdgeLosesNothing(t *testing.T) {
	w := newWay(t)
	l := newLedger(t)
	w.take(taking{channel: "orders"}, doing(l))
	stop := w.deferred.pump()
	t.Cleanup(stop)
	c := w.clients(l, 32)
	troubles := w.troubles(c)
	share := max(*commands/len(troubles)/3, 1)
	for c.successes.Load() < int64(*commands) {
		for _, trouble := range troubles {
			c.pass(share)
			trouble(share)
		}
	}
	c.pass(share)
	c.halt()
	w.eventually("the queue is empty", w.deferred.empty)
	w.drained()
	if b := l.balance(w.router, never); b.pending != 0 || b.done != b.legs {
		t.Errorf("the end is %v", b)
	}
	again := l.flagged()
	for what, n := range map[string]int64{"storms": w.front.storms.Load(), "cut answers": w.front.cuts.Load(), "commands in the queue": c.laterInLine.Load(),
		"events known by their id": c.known.Load(), "items that came back to the queue": int64(w.deferred.retried), "sends to a broken queue": int64(w.deferred.refused),
		"sends whose answer was cut": int64(w.deferred.cut), "tries of clients without success": c.again.Load()} {
		if n == 0 {
			t.Errorf("there were no %s: this shows too little", what)
		}
	}
	if w.deadLetters.taken != 0 {
		t.Errorf("%d commands are dead letters at the edge", w.deadLetters.taken)
	}
	proved(t, "%d commands succeeded after %d tries without success, %d of them in the queue, %d known by their id; 503 %d times, %d answers cut, %d items handed over again, %d deliveries came again: 0 lost",
		c.successes.Load(), c.again.Load(), c.laterInLine.Load(), c.known.Load(), w.front.storms.Load(), w.front.cuts.Load(), w.deferred.retried, again)
}

// troubles come one after the other; each ends in order, after so many commands
// have succeeded in spite of it.
func (w *way) troubles(c *clients) []func(commands int) {
	queue := w.deferred
	return []func(int){
		func(n int) { w.front.storm.Store(true); c.pass(n); w.front.storm.Store(false) },
		func(n int) { w.front.cutting.Store(true); c.pass(n); w.front.cutting.Store(false) },
		func(n int) { w.front.close(); c.pass(n); w.front.open() },
		func(n int) { w.crash(); c.pass(n); w.crash() },
		func(n int) { // a long outage
			w.stop()
			back := time.After(*outage)
			c.pass(n)
			<-back
			w.start()
		},
		func(n int) { // the runtime, when everything is well and when it can do no more than defer
			w.worker.kill()
			w.worker.start()
			c.pass(n)
			w.front.close()
			c.pass(n)
			w.worker.kill()
			w.worker.start()
			w.front.open()
		},
		func(n int) { // an answer of the queue's does not come
			w.front.close()
			queue.set(func() { queue.cutting = true })
			c.pass(n)
			queue.set(func() { queue.cutting = false })
			w.front.open()
		},
		func(int) { // neither router nor queue: nothing succeeds
			w.front.close()
			queue.set(func() { queue.broken, queue.refused = true, 0 })
			w.eventually("the queue refuses", func() (many bool) {
				queue.set(func() { many = queue.refused > 20 })
				return many
			})
			queue.set(func() { queue.broken = false })
			w.front.open()
		},
	}
}

// The test above would see a loss: of a queue that forgets, exactly those are
// missing that it forgot.
func TestD18ALossIsSeen(t *testing.T) {
	w := newWay(t)
	w.front.close()
	const sent, nth = 40, 8
	w.deferred.forgets = func(n int) bool { return n%nth == 0 }
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	var mu sync.Mutex
	ids := make(map[string]bool)
	each(sent, 8, func(i int) {
		k, err := w.command(t.Context(), client, fmt.Sprint(i))
		if err != nil || k.Status != "deferred" {
			t.Errorf("while there is no router: %+v, %v", k, err)
		}
		mu.Lock()
		ids[k.ID] = true
		mu.Unlock()
	})
	w.front.open()
	stop := w.deferred.pump()
	t.Cleanup(stop)
	w.eventually("the queue is empty", w.deferred.empty)
	events := w.events()
	missing := 0
	for id := range ids {
		if _, there := events[id]; !there {
			missing++
		}
	}
	if len(ids) != sent || missing != sent/nth {
		t.Errorf("%d of %d commands are missing; the queue forgot %d", missing, len(ids), sent/nth)
	}
}
