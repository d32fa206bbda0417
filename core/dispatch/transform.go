package dispatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Transform is one named transform as the router runs it now. Safe for
// concurrent use.
type Transform interface {
	// Apply changes a batch: one outcome per event, in order, and the version of
	// the plugin that did it. It may block until ctx ends. With an error nothing
	// is known of any event: they wait until it is Available, and come again.
	Apply(ctx context.Context, events []sdk.Input) (outcomes []sdk.Outcome, version string, err error)
	// Needs is asked before each batch: what is not needed is not sent, and stays
	// as it is.
	Needs() sdk.Needs
	// Available returns a channel that is closed while the transform can be
	// called; a fresh one after it went away.
	Available() <-chan struct{}
}

// Passage is one hand-over on its way through its transforms.
type Passage struct {
	Item    outbox.Item
	Event   sdk.Event            // as the last of Applied left it
	Applied []delivery.Transform // so far, in order
}

func newPassage(i outbox.Item) *Passage { return &Passage{Item: i, Event: i.Entry.Event} }

// chainName is what a chain of transforms goes by.
func chainName(transforms []string) string { return strings.Join(transforms, ">") }

// chain is transforms in the order in which events go through them.
type chain []link

// link is one transform of a chain; nil for a name that nobody knows.
type link struct {
	name string
	Transform
}

func newChain(names []string, known map[string]Transform) chain {
	c := make(chain, len(names))
	for i, n := range names {
		c[i] = link{name: n, Transform: known[n]}
	}
	return c
}

// errUnknown says that a chain names a transform that the router does not have.
var errUnknown = errors.New("no such transform is configured")

// here errs while any of the transforms cannot be called.
func (c chain) here() error {
	for _, l := range c {
		if l.Transform == nil {
			return fmt.Errorf("transform %s: %w", l.name, errUnknown)
		}
		select {
		case <-l.Available():
		default:
			return fmt.Errorf("transform %s: %w", l.name, sdk.ErrUnavailable)
		}
	}
	return nil
}

// await returns when all can be called, or ctx has ended.
func (c chain) await(ctx context.Context) {
	for _, l := range c {
		var available <-chan struct{} // of one that nobody knows: never
		if l.Transform != nil {
			available = l.Available()
		}
		select {
		case <-available:
		case <-ctx.Done():
			return
		}
	}
}

// result is what became of a passage: the verdicts Unchanged and Replace say
// that it came through.
type result struct {
	*Passage
	sdk.Outcome
}

// apply takes passages through the transforms, one after the other. With an
// error those that are stuck have come nowhere, and begin anew.
func (c chain) apply(ctx context.Context, passages []*Passage) (results []result, stuck []*Passage, err error) {
	if err := c.here(); err != nil {
		return nil, passages, err
	}
	for i := range c {
		var ended []result
		passages, ended, err = c[i].apply(ctx, passages)
		results = append(results, ended...)
		if err != nil {
			return results, passages, fmt.Errorf("transform %s: %w", c[i].name, err)
		}
		if len(passages) == 0 {
			return results, nil, nil
		}
	}
	for _, p := range passages {
		results = append(results, result{Passage: p})
	}
	return results, nil, nil
}

// apply takes passages through one transform; on are those that go on, or with
// an error all of which nothing is known.
func (l *link) apply(ctx context.Context, passages []*Passage) (on []*Passage, ended []result, err error) {
	needs := l.Needs()
	inputs := make([]sdk.Input, len(passages))
	for i, p := range passages {
		inputs[i] = p.input(needs)
	}
	outcomes, version, err := l.Apply(ctx, inputs)
	if err != nil {
		return passages, nil, err
	}
	if len(outcomes) != len(passages) {
		return l.applyAlone(ctx, passages, len(outcomes))
	}
	for i, p := range passages {
		if o, over := l.judge(p, outcomes[i], needs); over {
			ended = append(ended, result{p, o})
			continue
		}
		p.Applied = append(p.Applied, delivery.Transform{Name: l.name, Version: version})
		on = append(on, p)
	}
	return on, ended, nil
}

// applyAlone finds whose fault it is that there were not as many outcomes as
// passages: one by one, it is the passage's own.
func (l *link) applyAlone(ctx context.Context, passages []*Passage, outcomes int) (on []*Passage, ended []result, err error) {
	if len(passages) == 1 {
		return nil, []result{{passages[0], l.breach("%d outcomes for one event", outcomes)}}, nil
	}
	for i := range passages {
		alone, over, err := l.apply(ctx, passages[i:i+1])
		ended = append(ended, over...)
		if err != nil {
			return append(on, passages[i:]...), ended, err
		}
		on = append(on, alone...)
	}
	return on, ended, nil
}

// judge applies an outcome to a passage, or tells that it ends the passage.
func (l *link) judge(p *Passage, o sdk.Outcome, needs sdk.Needs) (_ sdk.Outcome, over bool) {
	switch o.Verdict {
	case sdk.Unchanged:
		return o, false
	case sdk.Replace:
		changed, err := change(&p.Event, o.Event, needs)
		if err != nil {
			return l.breach("%v", err), true
		}
		p.Event = changed
		return o, false
	case sdk.Drop, sdk.Fail:
		o.Reason = l.reason(o.Reason)
		return o, true
	}
	return l.breach("no verdict has the number %d", o.Verdict), true
}

func (l *link) breach(format string, args ...any) sdk.Outcome {
	return sdk.Outcome{Verdict: sdk.Fail, Reason: l.reason(fmt.Sprintf(format, args...))}
}

// reason is one that names its transform, no longer than a consumer's may be.
func (l *link) reason(text string) string {
	text = l.name + ": " + text
	return strings.ToValidUTF8(text[:min(len(text), delivery.MaxReason)], "")
}

// change is what an event becomes. What a transform was not shown it does not
// change.
func change(e, by *sdk.Event, needs sdk.Needs) (sdk.Event, error) {
	if by == nil {
		return sdk.Event{}, errors.New("a replacement without an event")
	}
	changed := *by
	if !needs.Data {
		if by.Data != nil {
			return sdk.Event{}, errors.New("it changes data, and does not say that it needs it")
		}
		changed.Data, changed.DataIsJSON = e.Data, e.DataIsJSON
	}
	if !needs.Extensions {
		if len(by.Extensions) > 0 {
			return sdk.Event{}, errors.New("it changes extensions, and does not say that it needs them")
		}
		changed.Extensions = e.Extensions
	}
	return e.Changed(&changed)
}

// input is what a transform is shown: its own, to change as it likes.
func (p *Passage) input(needs sdk.Needs) sdk.Input {
	e := p.Event
	e.Raw = nil
	if needs.Data {
		e.Data = bytes.Clone(e.Data)
	} else {
		e.Data, e.DataIsJSON = nil, false
	}
	e.Extensions = slices.Clone(e.Extensions)
	if !needs.Extensions {
		e.Extensions = nil
	}
	in := sdk.Input{Event: &e}
	if needs.Principal {
		who := p.Item.Entry.Principal
		in.Principal = &who
	}
	return in
}
