package dispatch

import (
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
)

// Observer is told what became of events on their way out. Its methods do not
// block, and are safe for concurrent use. What they are given is to be read only,
// and is dispatch's again when they return.
type Observer interface {
	// Transformed is told of an event that a transform was given.
	Transformed(t *Transformed)
	// Delivered is told of a delivery that is over.
	Delivered(d *Delivered)
}

// Transformed is what one transform made of one event.
type Transformed struct {
	Channel   string
	Entry     *outbox.Entry
	Attempt   int // of the hand-over that it is for; 0 for telemetry
	Transform string
	Version   string // of the plugin
	Began     time.Time
	Ended     time.Time
	Outcome   sdk.Outcome
	Err       error // nothing is known of the event, and Outcome is empty
}

// End is how a delivery ended.
type End string

// The ends.
const (
	EndDone       End = "done"
	EndRetry      End = "retry"      // it comes again: Why says what for
	EndDead       End = "dead"       // Why says what of
	EndReturned   End = "returned"   // unharmed, its consumer is gone
	EndSuperseded End = "superseded" // the event has ended otherwise: by an earlier delivery, or an operator
	EndPublished  End = "published"  // telemetry: there is no more to it
)

// Delivered is one delivery that is over, or an event that expired before any.
type Delivered struct {
	Channel string
	Entry   *outbox.Entry
	Seq     uint64    // 0 for telemetry
	Attempt int       // 0 for telemetry
	Peer    string    // name of the consumer's key; empty for none
	Sent    time.Time // zero for never
	At      time.Time
	End     End
	Why     string // the word of the event's history; may be empty
	Reply   string // status of the reply that ended it; empty for none
	Late    bool   // its lease had lapsed, which was told before
}

// TraceParent gives the traceparent (W3C Trace Context) that a delivery shows its
// consumer: of an entry, on a channel, by its attempt, 0 for telemetry. A nil one
// passes on what the event carries.
type TraceParent func(e *outbox.Entry, channel string, attempt int) string

func (t TraceParent) of(e *outbox.Entry, channel string, attempt int) string {
	if t != nil {
		return t(e, channel, attempt)
	}
	carried, _ := e.Event.Extension("traceparent")
	return carried
}

// told tells an observer of transforms of a channel; nil for nobody.
func told(o Observer, channel string) func(*Transformed) {
	if o == nil {
		return nil
	}
	return func(t *Transformed) {
		t.Channel = channel
		o.Transformed(t)
	}
}

// Observe has the output tell of deliveries that are over.
func (m *Machine) Observe() { m.observed = true }

// over tells of a grant that is no longer out.
func (m *Machine) over(g *grant, d Delivered) {
	if !m.observed {
		return
	}
	d.Channel, d.Entry, d.Seq, d.Attempt, d.Peer, d.Sent = m.s.Name, g.item.Entry, g.item.Seq, g.item.Attempt, g.conn.peer, g.sent
	m.out.Delivered = append(m.out.Delivered, d)
}

// unsentEnd tells of an item that ends without a delivery.
func (m *Machine) unsentEnd(i outbox.Item, at time.Time, why string) {
	if m.observed {
		m.out.Delivered = append(m.out.Delivered, Delivered{Channel: m.s.Name, Entry: i.Entry, Seq: i.Seq, Attempt: i.Attempt, At: at, End: EndDead, Why: why})
	}
}

// ended is the end that an outcome is.
func ended(o outbox.Outcome) Delivered {
	d := Delivered{At: o.At, End: EndRetry, Why: o.What}
	if o.Action == outbox.Dead {
		d.End = EndDead
	}
	return d
}
