package admin

import (
	"fmt"

	"github.com/headgate-io/headgate/core/outbox"
)

// Verb is what an Act does.
type Verb string

// The verbs. The first ones are about events, the last three about a channel.
const (
	Cancel  Verb = "cancel"  // a pending event ends as dropped
	Hold    Verb = "hold"    // a pending event is not handed out
	Release Verb = "release" // a held one is, again
	Redrive Verb = "redrive" // a dead letter is tried again
	Drop    Verb = "drop"    // a dead letter is thrown away
	Pause   Verb = "pause"   // a channel hands nothing out
	Resume  Verb = "resume"
	Drain   Verb = "drain" // pause, and wait until nothing is out
)

// deeds tell what each verb about events does to them on one channel.
var deeds = map[Verb]struct {
	action outbox.Action
	past   string        // for the history
	needs  string        // what an event must be, in words
	from   outbox.Filter // what it must be
}{
	Cancel:  {outbox.Dropped, "cancelled", "pending", outbox.Filter{State: outbox.StatePending}},
	Hold:    {outbox.Hold, "held", "pending and free", outbox.Filter{State: outbox.StatePending}},
	Release: {outbox.Release, "released", "held", outbox.Filter{State: outbox.StatePending, Held: true}},
	Redrive: {outbox.Redrive, "redriven", "a dead letter", outbox.Filter{State: outbox.StateFailed}},
	Drop:    {outbox.Dropped, "thrown away", "a dead letter", outbox.Filter{State: outbox.StateFailed}},
}

// OfEvents tells whether v is about events.
func (v Verb) OfEvents() bool { return deeds[v].past != "" }

// Action is what v does to an event on a channel, and its word for the history.
func (v Verb) Action() (a outbox.Action, past string) { return deeds[v].action, deeds[v].past }

// Select narrows a filter to the events that v can change.
func (v Verb) Select(f outbox.Filter) outbox.Filter {
	f.State, f.Held = deeds[v].from.State, deeds[v].from.Held
	return f
}

// Fits tells whether v changes an event that is so on a channel.
func (v Verb) Fits(c *outbox.ChannelStatus) bool {
	from := deeds[v].from
	return c.State == from.State && (!from.Held || c.Held) && (v != Hold || !c.Held)
}

// Unfit is the error for an event that v can change on no channel that was meant.
func (v Verb) Unfit(key outbox.Key) error {
	return fmt.Errorf("%w: event %s of %s is not %s on any such channel: headgate event show tells where it is", ErrBad, key.ID, key.Source, deeds[v].needs)
}

// MaxPicks is how many events one act may name: what one commit can bear, and
// an operator can wait for.
const MaxPicks = 1000

// Act is an operator's deed: on the events it names, or on a channel.
type Act struct {
	Verb    Verb   `json:"verb"`
	Events  []Pick `json:"events,omitempty"`
	Channel string `json:"channel,omitempty"` // for events: only there
	Why     string `json:"why,omitempty"`
}

// Pick names an event. With a sequence it means that very one, and an event
// that has changed or gone meanwhile is passed over; without, that is an error.
type Pick struct {
	outbox.Key
	Seq uint64 `json:"seq,omitempty"`
}

// Done is what an act changed.
type Done struct {
	Changed int `json:"changed"` // events, or channels
}
