package dispatch

import (
	"slices"
	"time"
)

// conn is one consumer's connection.
type conn struct {
	id      uint64
	peer    string
	addr    string
	since   time.Time
	window  int      // most it may hold
	held    []*grant // in the order they were given
	sent    int
	settled int
	mute    bool
	clock   time.Time // of all it holds: when the oldest of them was last settled
	link    uint64    // the reply connection that last spoke for it; 0 for none
	left    bool      // said goodbye
	gone    time.Time // when it ended; zero while it lives
}

// room is how much the connection may hold.
func (c *conn) room() int {
	if c.left || !c.gone.IsZero() {
		return 0
	}
	return c.window
}

func (c *conn) free() int { return max(c.room()-len(c.held), 0) }

// Peer is a connection as the topology announces it.
type Peer struct {
	ID   uint64 // unique in the process
	Name string // of its CURVE key; empty for none
	Addr string
}

// Connect takes in a new connection. It starts with a window of one.
func (m *Machine) Connect(now time.Time, p Peer) {
	m.conns = append(m.conns, &conn{id: p.ID, peer: p.Name, addr: p.Addr, since: now, window: 1})
}

// Disconnect notes that a connection has ended. It keeps its leases for the grace.
func (m *Machine) Disconnect(now time.Time, id uint64) {
	c := m.conn(id)
	if c == nil {
		return
	}
	c.gone = now
	if len(c.held) == 0 {
		m.bury(now, c)
	}
}

// Goodbye gives up at once what the connection holds that was granted as
// (seq, attempt), or, when no such grant is held, what those connections hold
// that the reply connection from last spoke for. It reports whether there was any.
func (m *Machine) Goodbye(now time.Time, seq uint64, attempt int, from uint64) bool {
	if g := m.grants[grantID{seq, attempt}]; g != nil {
		if m.adopted(g) {
			m.giveBack(now, g) // whose the others are is not known: they lapse
		} else {
			m.leave(now, g.conn)
		}
		return true
	}
	known := m.spoke(from)
	for _, c := range slices.Clone(m.conns) {
		if c.link == from {
			m.leave(now, c)
			known = true
		}
	}
	return known
}

func (m *Machine) leave(now time.Time, c *conn) {
	c.left = true
	m.giveUp(now, c, false)
	if !c.gone.IsZero() {
		m.bury(now, c)
	}
}

// bury ends a connection for good. The oldest delivery it still held counts a
// failure: it may be what ended it.
func (m *Machine) bury(now time.Time, c *conn) {
	m.giveUp(now, c, !c.left)
	m.conns = slices.DeleteFunc(m.conns, func(x *conn) bool { return x == c })
}

func (m *Machine) giveUp(now time.Time, c *conn, blame bool) {
	for _, g := range slices.Clone(c.held) {
		if !blame || m.live[g.item.Seq] != g {
			m.giveBack(now, g)
			continue
		}
		blame = false
		m.drop(g)
		m.counts.Lost++
		m.over(g, ended(m.fail(now, g.item, "lost", "the consumer's connection ended")))
	}
}

func (m *Machine) addr(id uint64) string {
	if c := m.conn(id); c != nil {
		return c.addr
	}
	return ""
}

func (m *Machine) conn(id uint64) *conn {
	for _, c := range m.conns {
		if c.id == id && c.gone.IsZero() {
			return c
		}
	}
	return nil
}
