package wire

import (
	"math"
	"time"
	"unicode/utf8"

	"github.com/headgate-io/headgate/sdk"
	pb "github.com/headgate-io/headgate/sdk/internal/pluginv1"
)

// ToOutcomes gives what a transform made of n events. It errs with ErrBreach when
// the transform broke its contract.
func ToOutcomes(outcomes []sdk.Outcome, n int) ([]*pb.Outcome, error) {
	if len(outcomes) != n {
		return nil, breach("the transform gave %d outcomes for %d events", len(outcomes), n)
	}
	out, slab := make([]*pb.Outcome, n), make([]pb.Outcome, n)
	for i := range outcomes {
		out[i] = &slab[i]
		if err := toOutcome(&slab[i], &outcomes[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func toOutcome(m *pb.Outcome, o *sdk.Outcome) error {
	switch o.Verdict {
	case sdk.Unchanged:
		m.Is = &pb.Outcome_Unchanged{Unchanged: &pb.Unchanged{}}
	case sdk.Replace:
		if o.Event == nil {
			return breach("the transform gave a Replace without an event")
		}
		if name := notText(o.Event); name != "" {
			return toOutcome(m, &sdk.Outcome{Verdict: sdk.Fail, Reason: "the transform made " + name + " no UTF-8 text"})
		}
		e := &pb.Event{}
		toEvent(e, o.Event, sdk.Needs{Data: true, Extensions: true})
		m.Is = &pb.Outcome_Replace{Replace: &pb.Replace{Events: []*pb.Event{e}}}
	case sdk.Drop:
		m.Is = &pb.Outcome_Drop{Drop: &pb.Drop{Reason: Text(o.Reason)}}
	case sdk.Fail:
		if o.After < 0 {
			return breach("the transform wants a retry after %s", o.After)
		}
		m.Is = &pb.Outcome_Failure{Failure: &pb.Failure{
			Reason: Text(o.Reason), Retry: o.Retry, Stack: Text(o.Stack), AfterMillis: millis(o.After),
		}}
	default:
		return breach("the transform gave the unknown verdict %d", o.Verdict)
	}
	return nil
}

// millis rounds up, so that what is more than nothing stays so.
func millis(d time.Duration) uint32 {
	return uint32(min((d+time.Millisecond-1)/time.Millisecond, math.MaxUint32))
}

// notText names an attribute that no protobuf string can hold, empty for none.
func notText(e *sdk.Event) string {
	for _, x := range [...]struct{ name, value string }{
		{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject}, {"time", e.Time},
		{"datacontenttype", e.DataContentType}, {"dataschema", e.DataSchema},
	} {
		if !utf8.ValidString(x.value) {
			return x.name
		}
	}
	for _, x := range e.Extensions {
		if !utf8.ValidString(x.Name) || !utf8.ValidString(x.Value) {
			return "extension " + Text(x.Name)
		}
	}
	return ""
}

// FromOutcomes reads what a plugin made of n events.
func FromOutcomes(out []*pb.Outcome, n int) ([]sdk.Outcome, error) {
	if len(out) != n {
		return nil, breach("the plugin gave %d outcomes for %d events", len(out), n)
	}
	outcomes := make([]sdk.Outcome, n)
	for i, m := range out {
		if err := fromOutcome(&outcomes[i], m); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func fromOutcome(o *sdk.Outcome, m *pb.Outcome) error {
	switch is := m.GetIs().(type) {
	case *pb.Outcome_Unchanged:
		o.Verdict = sdk.Unchanged
	case *pb.Outcome_Replace:
		events := is.Replace.GetEvents()
		if len(events) != 1 {
			return breach("a Replace has %d events where this version has exactly one", len(events))
		}
		o.Verdict, o.Event = sdk.Replace, &sdk.Event{}
		return fromEvent(o.Event, events[0])
	case *pb.Outcome_Drop:
		o.Verdict, o.Reason = sdk.Drop, Text(is.Drop.GetReason())
	case *pb.Outcome_Failure:
		f := is.Failure
		if !f.GetRetry() && f.GetAfterMillis() != 0 {
			return breach("a Failure has a time to retry after and is not to be retried")
		}
		o.Verdict, o.Reason, o.Retry, o.Stack = sdk.Fail, Text(f.GetReason()), f.GetRetry(), Text(f.GetStack())
		o.After = time.Duration(f.GetAfterMillis()) * time.Millisecond
	default:
		return breach("an outcome says nothing")
	}
	return nil
}
