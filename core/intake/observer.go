package intake

import (
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// Observer is told of every decision. Its methods do not block, and are safe for
// concurrent use. What they are given is to be read only, and is the intake's
// again when they return.
type Observer interface {
	// Taken is told of an event that is answered for.
	Taken(t *Taken)
	// Refused is told of an event, or a request, that is not.
	Refused(r *Refused)
	// Shed is told of a request that was refused unread at an ingress, by the bound
	// that it met.
	Shed(ingress, bound string)
	// Answered is told how long an acceptance took, whatever came of it.
	Answered(ingress string, took time.Duration)
}

// Taken is one event that was taken, now or before.
type Taken struct {
	*Submission
	Status Status
	Seq    uint64 // in the store; 0 for telemetry alone
	Entry  *outbox.Entry
	Began  time.Time
}

// Refused is one refusal.
type Refused struct {
	*Submission
	*Problem
	Err   error           // behind the problem
	Who   *trust.Identity // nil for nobody that has proven who it is
	Event *sdk.Event      // nil where none was read
	Began time.Time       // zero for a question
}
