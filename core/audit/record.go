package audit

import (
	"strings"
	"time"

	"github.com/headgate-io/headgate/sdk"
)

// Position names how far a store has been followed: the sequence of its newest
// event and the ordinal of its newest outcome. The zero Position is before
// everything.
type Position struct{ Event, State uint64 }

// The outcomes of a decision.
const (
	Allow   = "allow"
	Deny    = "deny"
	Success = "success"
	Failure = "failure"
)

// The actions that the log itself writes.
const (
	ActionOpen       = "audit.open"            // first line of each file
	ActionCut        = "audit.cut"             // what a crash left half-written was cut off
	ActionMended     = "audit.mended"          // the disk had failed; what was not durable was cut off
	ActionExpired    = "audit.expired"         // files older than they are kept for are removed
	ActionSuppressed = "audit.suppressed"      // so many more refusals of one kind
	ActionExportLost = "audit.export_failed"   // a checkpoint does not get out
	ActionExportBack = "audit.export_restored" // it does again
	ActionSum        = "telemetry.sum"         // so many events of telemetry in a minute
)

// What one record holds at most. Longer texts are cut and end with "…".
const (
	maxText  = 256  // bytes of a text that a peer may have written
	maxWhy   = 1024 // bytes of an operator's reason
	maxItems = 32   // routes, and details, of a record
)

// Record is one decision. All fields but Action may be empty.
type Record struct {
	Time    time.Time // zero for now
	Action  string    // what: a dotted word of the core's own
	Outcome string
	Reason  string // stable code
	Request string // id

	Principal sdk.Principal
	Key       string // id of the key that proved the sender
	Ingress   string
	Addr      string // of the peer
	Event     Event
	// Unproven says that Principal, Key and Event are what an unproven peer
	// wrote of itself: they stand under "unverified".
	Unproven bool

	Seq      uint64   // of the event in the store
	Pos      Position // of the fact that the record is about; it is told once
	Channel  string
	Attempt  int
	Failures int
	Routes   []string

	Actor    string // operator
	Why      string // as the operator said
	From, To string // hashes of what was changed
	Since    time.Time
	Count    uint64
	Bytes    uint64
	Detail   map[string]string

	open *opening
}

// Event names an event in a record.
type Event struct {
	ID, Source, Type string
	Digest           [32]byte
	Bytes            int
}

// kept is a copy of r that holds no more than a line would.
func (r *Record) kept() Record {
	k := *r
	for _, s := range []*string{&k.Action, &k.Outcome, &k.Reason, &k.Request, &k.Principal.Provider, &k.Principal.Issuer, &k.Principal.Subject,
		&k.Key, &k.Ingress, &k.Addr, &k.Event.ID, &k.Event.Source, &k.Event.Type, &k.Channel, &k.Actor, &k.From, &k.To} {
		*s = keep(*s, maxText)
	}
	k.Why = keep(k.Why, maxWhy)
	k.Routes = nil
	for _, route := range r.Routes[:min(len(r.Routes), maxItems)] {
		k.Routes = append(k.Routes, keep(route, maxText))
	}
	if r.Detail != nil {
		k.Detail = make(map[string]string)
		for _, name := range names(r.Detail) {
			k.Detail[keep(name, maxText)] = keep(r.Detail[name], maxText)
		}
	}
	return k
}

// keep is a copy of the part of s that a line may hold. It is one byte more than
// most where something is cut, so that the line says so.
func keep(s string, most int) string {
	return strings.Clone(s[:min(len(s), most+1)])
}
