package admin

import "context"

// Auditor keeps what operators do. Safe for concurrent use.
type Auditor interface {
	// Write keeps a record for good before it returns. An act whose record it does
	// not take is not done.
	Write(ctx context.Context, r Record) error
	// Refuse notes who was turned away. It does not block and may sum up.
	Refuse(r Record)
}

// Outcome is what a Record says of an act.
type Outcome string

// The outcomes. An act has two records: what is about to be done, and what came of it.
const (
	Allowed   Outcome = "allow"
	Denied    Outcome = "deny"
	Succeeded Outcome = "success"
	Failed    Outcome = "failure"
)

// Record is one line about an operator.
type Record struct {
	Actor   string // uid:1000(ops), token:NAME or cert:NAME; empty for nobody that is known
	Addr    string // of the peer; empty on the unix socket
	Verb    string // that of an Act, or "backup", "log.level", "payload.show", "payload.list", "payload.tail"; denied: method and path
	Outcome Outcome
	Reason  string // why it was denied, a stable code, or what failed
	Why     string // the operator's own words
	Channel string
	Events  []Pick
	Changed int               // with Succeeded: events, or channels
	Detail  map[string]string // what else the verb is about; nil for nothing
}

// audited does an act between its two records.
func (s *Server) audited(ctx context.Context, r Record, act func() (changed int, err error)) error {
	by := callerOf(ctx)
	r.Actor, r.Addr, r.Outcome = by.actor, by.addr, Allowed
	if err := s.record(ctx, r); err != nil {
		return err
	}
	changed, err := act()
	r.Outcome, r.Changed = Succeeded, changed
	if err != nil {
		r.Outcome, r.Reason = Failed, err.Error()
	}
	s.note(&r)
	if failed := s.record(context.WithoutCancel(ctx), r); failed != nil { // it is done all the same
		s.o.Log.Error().Err(failed).Str("actor", r.Actor).Str("verb", r.Verb).Msg("what came of an act is not on record")
	}
	return err
}

// record has the auditor keep r.
func (s *Server) record(ctx context.Context, r Record) error {
	if s.o.Auditor == nil {
		return nil
	}
	if err := s.o.Auditor.Write(ctx, r); err != nil {
		return &unrecorded{err}
	}
	return nil
}

// unrecorded is why an act was not done: nobody would know of it.
type unrecorded struct{ err error }

func (e *unrecorded) Error() string {
	return "nothing is done, because the audit log does not take it: " + e.err.Error()
}
func (e *unrecorded) Unwrap() error { return e.err }

// note writes an act into the log.
func (s *Server) note(r *Record) {
	line := s.o.Log.Info().Str("actor", r.Actor).Str("verb", r.Verb)
	if r.Channel != "" {
		line.Str("channel", r.Channel)
	}
	if len(r.Events) > 0 { // the first one names the page
		line.Str("source", r.Events[0].Source).Str("id", r.Events[0].ID).Int("events", len(r.Events))
	}
	for name, value := range r.Detail {
		if value != "" {
			line.Str(name, value)
		}
	}
	line.Str("why", r.Why).Int("changed", r.Changed)
	if r.Outcome == Failed {
		line.Str("failed", r.Reason)
	}
	line.Msg("operator")
}
