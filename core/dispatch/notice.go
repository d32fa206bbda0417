package dispatch

import (
	"time"

	"github.com/headgate-io/headgate/core/outbox"
)

// NoticeKind is what a notice is about.
type NoticeKind uint8

// What a machine tells beside its outcomes.
const (
	Mute     NoticeKind = iota // a connection took deliveries and settled none in time
	Died                       // an entry ran out of attempts
	BrakeOn                    // most outcomes are failures: going slow
	BrakeOff                   // back to full speed
)

// Notice is something an operator wants to know.
type Notice struct {
	Kind   NoticeKind
	Conn   uint64      // for Mute
	Item   outbox.Item // for Mute and Died
	Reason string      // of the last failure, for Died
}

// record tells the brake how a delivery went.
func (m *Machine) record(good bool) {
	if good && m.brake.off() {
		m.brake.add(true, 0)
		return // the common case does not count windows
	}
	switch changed, on := m.brake.add(good, m.window()); {
	case !changed:
	case on:
		m.notice(Notice{Kind: BrakeOn})
	default:
		m.notice(Notice{Kind: BrakeOff})
	}
}

// Counts are a channel's since its start.
type Counts struct {
	Sent     int `json:"sent"`
	Done     int `json:"done"`
	Late     int `json:"late"` // done after their lease had lapsed
	Retried  int `json:"retried"`
	Lapsed   int `json:"lapsed"`
	Lost     int `json:"lost"`     // blamed for the end of their connection
	Returned int `json:"returned"` // given back unharmed
	Dead     int `json:"dead"`
	Stale    int `json:"stale"`    // replies that named an older lease
	Repeated int `json:"repeated"` // replies to what had ended

	Transformed int `json:"transformed"` // came through their transforms
	Dropped     int `json:"dropped"`     // ended by a transform, on purpose
}

// ConnFacts describe one connection.
type ConnFacts struct {
	ID      uint64 `json:"id,string"` // beyond what every JSON reader holds
	Peer    string `json:"peer,omitempty"`
	Addr    string `json:"addr"`
	Since   string `json:"since"` // RFC 3339
	Window  int    `json:"window"`
	Held    int    `json:"held"`
	Sent    int    `json:"sent"`
	Settled int    `json:"settled"`
	Mute    bool   `json:"mute"`
}

// Facts describe a channel.
type Facts struct {
	Name   string      `json:"name"`
	Paused bool        `json:"paused"`
	Brake  int         `json:"brake"` // most out at once while braking; 0 when not
	Out    int         `json:"out"`
	Counts Counts      `json:"counts"`
	Conns  []ConnFacts `json:"conns"`

	Waiting int          `json:"waiting"` // in hand, and waiting for credit
	Chains  []ChainFacts `json:"chains,omitempty"`
}

// Facts gives the state as values.
func (m *Machine) Facts() Facts {
	f := Facts{Name: m.s.Name, Paused: m.paused, Out: len(m.live), Counts: m.counts, Conns: make([]ConnFacts, 0, len(m.conns)),
		Waiting: len(m.waiting), Chains: m.chainFacts()}
	if !m.brake.off() {
		f.Brake = m.brake.limit(m.window())
	}
	for _, c := range m.conns {
		if !c.gone.IsZero() || m.away != nil && c == &m.away.conn {
			continue
		}
		f.Conns = append(f.Conns, ConnFacts{ID: c.id, Peer: c.peer, Addr: c.addr, Since: c.since.UTC().Format(time.RFC3339),
			Window: c.window, Held: len(c.held), Sent: c.sent, Settled: c.settled, Mute: c.mute})
	}
	return f
}
