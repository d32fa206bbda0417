package promise_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/sdk/consumer"
	"github.com/headgate-io/headgate/sdk/delivery"
)

const orderConfig = `
[[channels]]
name = "goes-on"
class = "command"
listen = "tcp://127.0.0.1:0"
order_by = "event.subject"
backoff = { min = "1ms", max = "50ms" }
[[channels]]
name = "parks"
class = "command"
listen = "tcp://127.0.0.1:0"
order_by = "event.subject"
on_dead = "park"
backoff = { min = "1ms", max = "50ms" }
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["goes-on", "parks"]
`

const (
	perKey = 5
	// Of every tenth key the third event fails for good.
	failing, parkEvery = 2, 10
)

func step(key, n int) string { return fmt.Sprintf("k%d-%d", key, n) }

// procession watches the order in which each lane's events come.
type procession struct {
	*ledger
	mu     sync.Mutex
	healed bool
	lanes  map[leg]*laneSight // the id is the key's
	stale  int
}

type laneSight struct {
	furthest int          // event that was ever delivered
	final    map[int]bool // events that consumers ended
	newest   map[int]int  // attempt, by event
}

// work ends most events at once, has one in twenty come twice, and fails those
// that are to fail.
func (p *procession) work(_ context.Context, d *delivery.Delivery) (any, error) {
	at := p.see(d)
	var key, n int
	if _, err := fmt.Sscanf(at.id, "k%d-%d", &key, &n); err != nil {
		p.Errorf("id %s: %v", at.id, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	lane := p.lanes[leg{at.channel, d.Event.Subject}]
	if lane == nil {
		lane = &laneSight{final: make(map[int]bool), newest: make(map[int]int)}
		p.lanes[leg{at.channel, d.Event.Subject}] = lane
	}
	if d.Header.Attempt <= lane.newest[n] {
		p.stale++ // it waited in a socket while its next attempt overtook it
	} else {
		p.judge(lane, at, n, d.Header.Attempt)
	}
	switch {
	case portion(at.channel+at.id, 20) == 0 && d.Header.Attempt == 1:
		return nil, errors.New("not now")
	case key%parkEvery == 0 && n == failing && !p.healed:
		lane.final[n] = lane.final[n] || at.channel == "goes-on"
		return nil, consumer.Failed("for good")
	}
	lane.final[n] = true
	p.act(at)
	return nil, nil
}

// judge holds a hand-over against those before it: all earlier events of the
// lane have ended, and no later one was ever handed over.
func (p *procession) judge(lane *laneSight, at leg, n, attempt int) {
	if n < lane.furthest {
		p.Errorf("INVERTED: %v, attempt %d, after number %d of its key", at, attempt, lane.furthest)
	}
	for before := range n {
		if !lane.final[before] {
			p.Errorf("INVERTED: %v, attempt %d, before number %d of its key has ended", at, attempt, before)
		}
	}
	lane.furthest = max(lane.furthest, n)
	lane.newest[n] = attempt
}

// D6: events of one key go out one after the other, each after the final state
// of the one before, whatever is retried and however often the router is killed.
func TestD6KeysKeepTheirOrder(t *testing.T) {
	dice := chance(t)
	r := newRouter(t, orderConfig)
	p := &procession{ledger: newLedger(t), lanes: make(map[leg]*laneSight)}
	for range 2 {
		r.take(taking{channel: "goes-on"}, p.work)
		r.take(taking{channel: "parks"}, p.work)
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		each(*keys, 8, func(key int) { // those of one key one after the other
			for n := range perKey {
				if _, err := r.edge.insist(r.Context(), step(key, n), order("order.created", step(key, n), fmt.Sprint(key))); err != nil {
					t.Errorf("send: %v", err)
				}
				p.accept(step(key, n))
			}
		})
	})
	kills := turns(4)
	for range kills {
		time.Sleep(time.Duration(50+dice.IntN(200)) * time.Millisecond) // the kill comes whenever it comes
		r.crash()
	}
	sending.Wait()

	parked := (*keys + parkEvery - 1) / parkEvery
	behind := parked * (perKey - failing - 1) // in the lanes that a dead letter keeps closed
	at := func(when string, pending, dead int) {
		t.Helper()
		r.eventually(when, func() bool {
			on, parks := r.channel("goes-on"), r.channel("parks")
			return on.Pending == 0 && on.Dead == parked && parks.Pending == pending && parks.Dead == dead
		})
	}
	at("all but the parked lanes have ended", behind, parked)
	r.crash() // parked stays parked
	at("the same after a restart", behind, parked)
	for key := 0; key < *keys; key += parkEvery {
		for n := failing + 1; n < perKey; n++ {
			if seen := p.seen[leg{"parks", step(key, n)}]; len(seen) > 0 {
				t.Errorf("INVERTED: %s went out behind a dead letter that parks its lane", step(key, n))
			}
		}
	}
	p.open(r)
	at("parked lanes have opened", 0, 0)
	for at, times := range p.done {
		if times == 0 {
			t.Errorf("LOST: %v", at)
		}
	}
	p.balance(r, func(at leg) bool { return strings.HasSuffix(at.id, fmt.Sprintf("-%d", failing)) })
	proved(t, "%d keys on 2 channels, %d kills: 0 inversions; %d deliveries came again, %d of them stale", *keys, kills+1, p.flagged(), p.stale)
}

// open ends what keeps lanes parked: half of the dead letters are tried again,
// and do well now, the others are thrown away.
func (p *procession) open(r *router) {
	p.mu.Lock()
	p.healed = true
	p.mu.Unlock()
	for key := 0; key < *keys; key += parkEvery {
		at := leg{"parks", step(key, failing)}
		verb := admin.Redrive
		if key%(2*parkEvery) == 0 {
			verb = admin.Drop
			p.mu.Lock()
			p.lanes[leg{"parks", fmt.Sprint(key)}].final[failing] = true
			p.mu.Unlock()
			p.drop(at)
		}
		if err := r.act(verb, at.channel, at.id); err != nil {
			p.Errorf("%s %v: %v", verb, at, err)
		}
	}
}
