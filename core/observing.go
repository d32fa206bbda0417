package core

import (
	"errors"
	"time"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/metrics"
	"github.com/headgate-io/headgate/core/tracing"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// observer passes what is decided on to all that look: the audit log, the
// metrics, operators, and traces.
type observer struct {
	audit     *auditor // nil for none
	metrics   *metrics.Intake
	decisions *admin.Decisions
	tracer    *tracing.Tracer // nil for none
}

var _ intake.Observer = observer{}

// Taken implements intake.Observer.
func (o observer) Taken(t *intake.Taken) {
	if o.audit != nil {
		o.audit.taken(t)
	}
	o.tracer.Taken(t)
	if t.Status != intake.Duplicate {
		for _, route := range t.Entry.Facts.Routes {
			o.metrics.Routed(route)
		}
	}
	o.metrics.Verdict(t.Entry.Principal.Provider, "accepted")
	if !o.decisions.On() {
		return
	}
	d := about(t.Submission, &t.Entry.Event)
	d.What, d.Seq, d.Principal = admin.Deciding(t.Status), t.Seq, t.Entry.Principal.String()
	for _, to := range t.Entry.Targets {
		d.Channels = append(d.Channels, to.Channel)
	}
	o.decisions.Publish(d)
}

// Refused implements intake.Observer.
func (o observer) Refused(r *intake.Refused) {
	if o.audit != nil {
		o.audit.refused(r)
	}
	o.tracer.Refused(r)
	o.metrics.Refused(r.Ingress, string(r.Code))
	for _, v := range verdicts(r.Err) {
		o.metrics.Verdict(v.Provider, v.Reason)
	}
	if !o.decisions.On() {
		return
	}
	d := about(r.Submission, r.Event)
	d.What, d.Code, d.Reason = admin.Refused, string(r.Code), r.Reason
	if r.Who != nil {
		d.Principal = r.Who.Principal.String()
	}
	o.decisions.Publish(d)
}

// verdicts are what each provider said of a refused credential.
func verdicts(err error) []trust.Verdict {
	if refusal, ok := errors.AsType[*trust.Refusal](err); ok {
		return refusal.Verdicts
	}
	return nil
}

// Shed implements intake.Observer.
func (o observer) Shed(ingress, bound string) {
	o.metrics.Shed(ingress, bound)
	if o.audit != nil {
		o.audit.shed(bound)
	}
}

// Answered implements intake.Observer.
func (o observer) Answered(ingress string, took time.Duration) { o.metrics.Took(ingress, took) }

// about is what every decision of the intake says; e may be nil.
func about(s *intake.Submission, e *sdk.Event) admin.Decision {
	d := admin.Decision{At: time.Now(), Request: s.RequestID, Ingress: s.Ingress, Addr: s.Addr}
	if e != nil {
		d.ID, d.Source, d.Type, d.Bytes, d.Payload = e.ID, e.Source, e.Type, len(e.Raw), e.Raw
	}
	return d
}
