package main

import (
	"context"
	"fmt"
	"time"

	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

// routes is S7: one match among many routes, against one among few.
func (b *bench) routes(ctx context.Context) ([]*row, error) {
	few, err := newMatching(10)
	if err != nil {
		return nil, err
	}
	many, err := newMatching(10_000)
	if err != nil {
		return nil, err
	}
	r := &row{What: "route match, 10,000 routes", Unit: "ns", Against: "10 routes", Aim: atMost(3), Note: "events go to each route in turn"}
	err = b.each(
		func() error { r.Baseline = append(r.Baseline, few.time(b.window)); return ctx.Err() },
		func() error { r.Measured = append(r.Measured, many.time(b.window)); return ctx.Err() })
	return []*row{r}, err
}

// matching is a table and an event for each of its routes.
type matching struct {
	table  *route.Table
	events []sdk.Event
}

func newMatching(n int) (*matching, error) {
	rules := make([]route.Rule, n)
	m := &matching{events: make([]sdk.Event, n)}
	for i := range rules {
		rules[i] = route.Rule{Name: fmt.Sprintf("route-%d", i), Types: []string{fmt.Sprintf("com.example.kind%d.*", i)}, Sources: []string{"//bench/**"}, Channels: []string{"commands"}}
		var err error
		if m.events[i], err = sdk.ParseEvent(newEvent("bench-1", fmt.Sprintf("com.example.kind%d.created", i))); err != nil {
			return nil, err
		}
	}
	var err error
	m.table, err = route.New(rules, []route.Channel{{Name: "commands", Command: true}}, route.Options{})
	return m, err
}

// time gives nanoseconds per match, over whole rounds of the events for at
// least window.
func (m *matching) time(window time.Duration) float64 {
	count, start := 0, time.Now()
	for {
		for i := range m.events {
			if _, err := m.table.Match(&m.events[i]); err != nil {
				panic(err) // every event has its route
			}
		}
		count += len(m.events)
		if spent := time.Since(start); spent >= window {
			return float64(spent) / float64(count)
		}
	}
}
