package intake

import (
	"errors"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// counts are since the start.
type counts struct {
	accepted, duplicate, refused atomic.Uint64
}

// Counts are how many events were accepted, how many of them anew, and how many
// events or requests were refused.
type Counts struct {
	Accepted  uint64 `json:"accepted"`
	Duplicate uint64 `json:"duplicate"`
	Refused   uint64 `json:"refused"`
}

// Counts gives the counts.
func (in *Intake) Counts() Counts {
	return Counts{Accepted: in.counts.accepted.Load(), Duplicate: in.counts.duplicate.Load(), Refused: in.counts.refused.Load()}
}

// maxLogged bounds what a sender wrote, in the log.
const maxLogged = 256

// refuse makes a problem of err and writes the decision down. Before the
// credential has verified what the sender wrote goes into the log only as
// unverified, bounded and escaped.
func (in *Intake) refuse(s *Submission, who *trust.Identity, e *sdk.Event, err error) *Problem {
	p := problemOf(err)
	in.counts.refused.Add(1)
	line := in.o.Log.Info().Str("request", s.RequestID).Str("ingress", s.Ingress).Str("addr", s.Addr).
		Str("code", string(p.Code)).Str("reason", clip(p.Reason))
	if refusal, ok := errors.AsType[*trust.Refusal](err); ok {
		tell(line, refusal)
	}
	name(line, who, e).Msg("refused")
	if in.o.Observe != nil {
		in.o.Observe.Refused(&Refused{Submission: s, Problem: p, Who: who, Event: e, Err: err, Began: s.began})
	}
	return p
}

// tell adds what stands behind a reason.
func tell(line *zerolog.Event, r *trust.Refusal) {
	if len(r.Verdicts) > 0 {
		verdicts := zerolog.Dict()
		for _, v := range r.Verdicts {
			verdicts.Str(v.Provider, v.Reason)
		}
		line.Dict("verdicts", verdicts)
	}
	if len(r.Unverified) > 0 {
		said := zerolog.Dict()
		for _, u := range r.Unverified {
			said.Str(u.Name, u.Value)
		}
		line.Dict("unverified", said)
	}
}

func (in *Intake) accepted(s *Submission, who *trust.Identity, entry *outbox.Entry, status Status) {
	line := in.o.Log.Debug()
	if !line.Enabled() {
		return
	}
	name(line.Str("request", s.RequestID).Str("ingress", s.Ingress).Str("addr", s.Addr), who, &entry.Event).
		Str("status", string(status)).Int("bytes", len(entry.Event.Raw)).Msg("accepted")
}

func name(line *zerolog.Event, who *trust.Identity, e *sdk.Event) *zerolog.Event {
	if who != nil {
		line.Stringer("principal", who.Principal).Str("key", who.KeyID)
	}
	if e != nil && e.ID != "" {
		line.Str("id", clip(e.ID)).Str("source", clip(e.Source)).Str("type", clip(e.Type))
	}
	return line
}

func clip(s string) string {
	if len(s) > maxLogged {
		return s[:maxLogged]
	}
	return s
}
