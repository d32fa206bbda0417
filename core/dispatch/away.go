package dispatch

import (
	"maps"
	"slices"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// away stands for the connections that held deliveries before the router
// started. Nobody knows which held what, so all of them share a clock: while any
// consumer works through what it has, none of it lapses before its time.
type away struct {
	conn
	links map[uint64]struct{} // reply connections that spoke for any of it
}

// Adopt takes in what was out when an earlier router ended. Each item keeps its
// attempt, and stays out for Until at most. That it lapses is no failure: it is
// the router that was away.
func (m *Machine) Adopt(now time.Time, items []outbox.Item) {
	if len(items) == 0 {
		return
	}
	m.away = &away{conn: conn{left: true, since: now}, links: make(map[uint64]struct{})}
	m.conns = append(m.conns, &m.away.conn)
	for _, i := range items {
		if _, ended := m.ended[i.Seq]; ended {
			continue // its reply was quicker
		}
		g := &grant{item: i, conn: &m.away.conn, sent: m.sentBefore(now, i), clock: now, hold: i.Until}
		m.away.held = append(m.away.held, g)
		m.grants[g.id()] = g
		m.live[i.Seq] = g
	}
}

// sentBefore is when an item was handed out that an earlier router held: as far
// before the end of its hold as max_hold, unless that was another then.
func (m *Machine) sentBefore(now time.Time, i outbox.Item) time.Time {
	sent := i.Until.Add(-m.s.MaxHold)
	if sent.Before(i.Entry.Accepted) {
		sent = i.Entry.Accepted
	}
	return earlier(sent, now)
}

// Suspend files a lease for all that is out, for the next router to adopt.
func (m *Machine) Suspend(now time.Time) {
	for _, seq := range slices.Sorted(maps.Keys(m.live)) {
		g := m.live[seq]
		m.settle(g.item, outbox.Outcome{Action: outbox.Lease, Failures: g.item.Failures, At: now, Due: g.hold})
	}
}

func (m *Machine) adopted(g *grant) bool { return m.away != nil && g.conn == &m.away.conn }

// giveBack lets a delivery go out again, unharmed.
func (m *Machine) giveBack(now time.Time, g *grant) {
	live := m.live[g.item.Seq] == g
	m.drop(g)
	if live {
		m.settle(g.item, outbox.Outcome{Action: outbox.Retry, Failures: g.item.Failures, At: now})
		m.counts.Returned++
		m.over(g, Delivered{At: now, End: EndReturned})
	}
}

// link notes which reply connection speaks for a grant's consumer.
func (m *Machine) link(g *grant, from uint64) {
	if m.adopted(g) {
		m.away.links[from] = struct{}{}
		return
	}
	g.conn.link = from
}

// spoke tells whether a reply connection has replied to what was adopted.
func (m *Machine) spoke(from uint64) bool {
	if m.away == nil {
		return false
	}
	_, spoke := m.away.links[from]
	return spoke
}
