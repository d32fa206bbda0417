package dispatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// over is what a machine tells of deliveries that are over, a line each.
func over(m *dispatch.Machine) string {
	var lines []string
	for _, d := range m.Take().Delivered {
		line := fmt.Sprintf("%d.%d %s", d.Seq, d.Attempt, d.End)
		for _, word := range []string{d.Why, d.Reply} {
			if word != "" {
				line += " " + word
			}
		}
		if d.Late {
			line += " late"
		}
		if d.Channel != "c" || d.Entry == nil || d.At.Before(d.Sent) {
			line += fmt.Sprintf(" %+v", d)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

// TestDeliveriesThatAreOver: each is told once, however it ends.
func TestDeliveriesThatAreOver(t *testing.T) {
	start := time.Unix(1000, 0)
	set := dispatch.Settings{Name: "c", Prefetch: 64, AckTimeout: time.Minute, MaxHold: time.Hour, MaxAttempts: 2, BackoffMin: time.Second, BackoffMax: time.Second}
	item := func(seq uint64, attempt, failures int) outbox.Item {
		return outbox.Item{Seq: seq, Entry: &outbox.Entry{Accepted: start.Add(-time.Hour)}, Attempt: attempt, Failures: failures, Since: start}
	}
	reply := func(seq uint64, attempt int, newest bool, status string) dispatch.Reply {
		return dispatch.Reply{Seq: seq, Attempt: attempt, Newest: newest, Reply: delivery.Reply{Status: status}}
	}
	for _, tt := range []struct {
		name string
		do   func(m *dispatch.Machine) // item 1 is out to connection 1, at its first attempt
		want string
	}{
		{"done", func(m *dispatch.Machine) { m.Reply(start, reply(1, 1, true, "done")) }, "1.1 done done"},
		{"progress alone", func(m *dispatch.Machine) { m.Reply(start, reply(1, 1, true, "progress")) }, ""},
		{"retry", func(m *dispatch.Machine) { m.Reply(start, reply(1, 1, true, "retry")) }, "1.1 retry retry retry"},
		{"failed", func(m *dispatch.Machine) { m.Reply(start, reply(1, 1, true, "failed")) }, "1.1 dead failed failed"},
		{"lapsed", func(m *dispatch.Machine) { m.Tick(start.Add(time.Minute)) }, "1.1 retry lapsed"},
		{"done, and too late", func(m *dispatch.Machine) {
			m.Tick(start.Add(time.Minute))
			m.Reply(start.Add(time.Minute), reply(1, 1, true, "done"))
		}, "1.1 retry lapsed, 1.1 done done late"},
		{"done by an earlier hand-over", func(m *dispatch.Machine) {
			now := start.Add(time.Minute)
			m.Tick(now)
			m.Connect(now, dispatch.Peer{ID: 2})
			m.Offer(now, []outbox.Item{item(1, 2, 1)})
			m.Reply(now, reply(1, 1, false, "done"))
			m.Reply(now, reply(1, 2, true, "done"))
		}, "1.1 retry lapsed, 1.2 superseded, 1.1 done done late"},
		{"ended by an operator", func(m *dispatch.Machine) {
			r := reply(1, 1, true, "done")
			r.Final = true
			m.Reply(start, r)
		}, "1.1 superseded done"},
		{"lost with its consumer", func(m *dispatch.Machine) {
			m.Disconnect(start, 1)
			m.Tick(start.Add(2 * time.Second))
		}, "1.1 retry lost"},
		{"given back by its consumer", func(m *dispatch.Machine) { m.Goodbye(start, 1, 1, 7) }, "1.1 returned"},
		{"never handed over", func(m *dispatch.Machine) { m.Undelivered(start, item(1, 1, 0)) }, ""},
		{"out of attempts", func(m *dispatch.Machine) {
			now := start.Add(time.Minute)
			m.Tick(now)
			m.Connect(now, dispatch.Peer{ID: 2})
			m.Offer(now, []outbox.Item{item(1, 2, 1)})
			m.Tick(now.Add(time.Minute))
		}, "1.1 retry lapsed, 1.2 dead lapsed"},
		{"out when the router ends", func(m *dispatch.Machine) { m.Suspend(start) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := dispatch.NewMachine(set, func() float64 { return 0 })
			m.Observe()
			m.Connect(start, dispatch.Peer{ID: 1, Name: "billing"})
			m.Offer(start, []outbox.Item{item(1, 1, 0)})
			tt.do(m)
			if got := over(m); got != tt.want {
				t.Errorf("told %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		m := dispatch.NewMachine(set, nil)
		m.Observe()
		i := item(1, 1, 0)
		i.Entry.Expires = start.Add(-time.Second)
		m.Offer(start, []outbox.Item{i})
		if got := over(m); got != "1.1 dead expired" {
			t.Errorf("told %q", got)
		}
	})
	t.Run("nobody looks", func(t *testing.T) {
		m := dispatch.NewMachine(set, nil)
		m.Connect(start, dispatch.Peer{ID: 1})
		m.Offer(start, []outbox.Item{item(1, 1, 0)})
		m.Reply(start, reply(1, 1, true, "done"))
		if got := over(m); got != "" {
			t.Errorf("told %q", got)
		}
	})
}

// TestSentBeforeTheRouter: of what an earlier router handed out it is told when
// that was.
func TestSentBeforeTheRouter(t *testing.T) {
	now := time.Unix(10_000, 0)
	for _, tt := range []struct {
		name            string
		accepted, until time.Time
		want            time.Time
	}{
		{"a while ago", now.Add(-time.Hour), now.Add(50 * time.Minute), now.Add(-10 * time.Minute)},
		{"max_hold was another", now.Add(-time.Minute), now.Add(time.Minute), now.Add(-time.Minute)},
		{"max_hold was longer", now.Add(-time.Minute), now.Add(2 * time.Hour), now},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := dispatch.NewMachine(dispatch.Settings{Name: "c", AckTimeout: time.Minute, MaxHold: time.Hour, MaxAttempts: 2}, nil)
			m.Observe()
			m.Adopt(now, []outbox.Item{{Seq: 1, Entry: &outbox.Entry{Accepted: tt.accepted}, Attempt: 3, Until: tt.until}})
			m.Reply(now, dispatch.Reply{Seq: 1, Attempt: 3, Newest: true, Reply: delivery.Reply{Status: "done"}})
			told := m.Take().Delivered
			if len(told) != 1 || !told[0].Sent.Equal(tt.want) || told[0].Attempt != 3 {
				t.Errorf("told %+v", told)
			}
		})
	}
}
