package sdktest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/headgate-io/headgate/sdk/internal/pluginv1"
	"github.com/headgate-io/headgate/sdk/internal/wire"
)

// transform gives a kind one batch. It errs as well when the answer breaks the
// wire's rules.
func (p *process) transform(ctx context.Context, kind string, events []*pluginv1.Event) ([]*pluginv1.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, p.limits.call)
	defer cancel()
	answer, err := p.transforms.Transform(ctx, &pluginv1.TransformRequest{Kind: kind, Events: events})
	if err != nil {
		return nil, fmt.Errorf("rpc Transform of %d events: %w", len(events), p.why(err))
	}
	return answer.GetOutcomes(), outcomeFault(len(events), answer.GetOutcomes())
}

// outcomeFault finds outcomes that no router takes, or that tell nobody why.
func outcomeFault(events int, outcomes []*pluginv1.Outcome) error {
	if _, err := wire.FromOutcomes(outcomes, events); err != nil {
		return err
	}
	for i, o := range outcomes {
		switch is := o.GetIs().(type) {
		case *pluginv1.Outcome_Drop:
			if is.Drop.GetReason() == "" {
				return fmt.Errorf("outcome %d of %d drops the event without a reason", i+1, events)
			}
		case *pluginv1.Outcome_Failure:
			if is.Failure.GetReason() == "" {
				return fmt.Errorf("outcome %d of %d is a failure without a reason", i+1, events)
			}
		}
	}
	return nil
}

// replaced is the event of a replace, nil of any other outcome.
func replaced(o *pluginv1.Outcome) *pluginv1.Event {
	if events := o.GetReplace().GetEvents(); len(events) == 1 {
		return events[0]
	}
	return nil
}

// orderFault finds a replaced event that stands in another's place. seen is how
// many it could tell by.
func orderFault(events []*pluginv1.Event, outcomes []*pluginv1.Outcome) (seen int, err error) {
	at := make(map[string]int, len(events))
	for i, e := range events {
		at[e.GetId()] = i
	}
	for i, o := range outcomes {
		e := replaced(o)
		if e == nil {
			continue
		}
		if home, ok := at[e.GetId()]; ok {
			seen++
			if home != i {
				return seen, fmt.Errorf("outcome %d of %d is that of event %d: want them in the order of the events", i+1, len(outcomes), home+1)
			}
		}
	}
	return seen, nil
}

// coreFault finds a replaced event whose core is not that of the event it came
// from, which is told by its id, or whose JSON is none. seen is how many were
// replaced.
func coreFault(events []*pluginv1.Event, outcomes []*pluginv1.Outcome) (seen int, err error) {
	from := make(map[string]*pluginv1.Event, len(events))
	for _, e := range events {
		from[e.GetId()] = e
	}
	for _, o := range outcomes {
		e := replaced(o)
		if e == nil {
			continue
		}
		seen++
		was, ok := from[e.GetId()]
		if !ok {
			return seen, fmt.Errorf("a replaced event has the id %s, which none of the batch has", quoted(e.GetId()))
		}
		if e.GetDataIsJson() && !json.Valid(e.GetData()) {
			return seen, fmt.Errorf("a replaced event has data_is_json and the data %s, which are no JSON", quoted(string(e.GetData())))
		}
		for _, a := range []struct{ name, was, is string }{
			{"source", was.GetSource(), e.GetSource()},
			{"type", was.GetType(), e.GetType()},
			{"subject", was.GetSubject(), e.GetSubject()},
			{"time", was.GetTime(), e.GetTime()},
		} {
			if a.was != a.is {
				return seen, fmt.Errorf("the %s of a replaced event went from %s to %s: it must be returned as it was", a.name, quoted(a.was), quoted(a.is))
			}
		}
	}
	return seen, nil
}
