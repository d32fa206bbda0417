package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/delivery"
)

// Transform is one named transform as the router runs it now. Safe for
// concurrent use.
type Transform interface {
	// Apply changes a batch: one outcome per event, in order, and the plugin that
	// did it. It may block until ctx ends. With an error nothing is known of any
	// event: they wait until it is Available, and come again. The events are whole
	// and stay as they are; who calls the plugin knows which parts it needs, and
	// gives back the others as they were.
	Apply(ctx context.Context, events []sdk.Input) ([]sdk.Outcome, Plugin, error)
	// Available returns a channel that is closed while the transform can be
	// called; a fresh one after it went away.
	Available() <-chan struct{}
}

// An event may have maxGrown bytes after a transform, or growth times as many as
// it was accepted with where that is more. A few small events could fill the
// router's memory otherwise, by way of a plugin that makes much of them.
const (
	maxGrown = 1 << 20
	growth   = 2
)

// Plugin is what a batch was applied by.
type Plugin struct {
	Version string
	Redacts bool // takes out what consumers must not see
}

// Passage is one hand-over on its way through its transforms.
type Passage struct {
	Item    outbox.Item
	Event   sdk.Event            // as the last of Applied left it
	Applied []delivery.Transform // so far, in order
	Redacts bool                 // one of Applied did: the original must not travel beside it
}

func newPassage(i outbox.Item) *Passage { return &Passage{Item: i, Event: i.Entry.Event} }

// chainName is what a chain of transforms goes by.
func chainName(transforms []string) string { return strings.Join(transforms, ">") }

// chain is transforms in the order in which events go through them.
type chain struct {
	names []string
	known *Transforms
	told  func(*Transformed) // nil for nobody
}

// link is one transform of a chain, as it was when a batch entered it.
type link struct {
	name string
	Transform
	told func(*Transformed)
}

// errUnknown says that a chain names a transform that the router does not have.
var errUnknown = errors.New("no such transform is configured")

// trouble is what one transform of a chain has, and no event to blame for.
type trouble struct {
	transform string
	error
}

func (t *trouble) Error() string { return "transform " + t.transform + ": " + t.error.Error() }

func (t *trouble) Unwrap() error { return t.error }

// links are the transforms as they are now. It errs while any of them cannot be
// called.
func (c chain) links() ([]link, error) {
	links := make([]link, len(c.names))
	for i, name := range c.names {
		t, _ := c.known.find(name)
		if t == nil {
			return nil, &trouble{name, errUnknown}
		}
		select {
		case <-t.Available():
		default:
			return nil, &trouble{name, sdk.ErrUnavailable}
		}
		links[i] = link{name, t, c.told}
	}
	return links, nil
}

// await returns when all can be called, or ctx has ended. It reports false when one
// is still known to nobody after a change of all.
func (c chain) await(ctx context.Context) (known bool) {
	for _, name := range c.names {
		if !c.known.await(ctx, name) {
			return false
		}
	}
	return true
}

// result is what became of a passage: the verdicts Unchanged and Replace say
// that it came through.
type result struct {
	*Passage
	sdk.Outcome
	transform string // that ended it
}

// maxStack is how much of a plugin's stack is logged.
const maxStack = 8 << 10

// tell puts an event that a transform could not take into a line of the log. Of
// one that comes again, the stack is told once.
func (r *result) tell(line *zerolog.Event) *zerolog.Event {
	line = line.Str("id", r.Item.Entry.Event.ID).Str("source", r.Item.Entry.Event.Source).Str("transform", r.transform).Str("reason", r.Reason)
	if r.Stack != "" && (!r.Retry || r.Item.Failures == 0) {
		line = line.Str("stack", r.Stack[:min(len(r.Stack), maxStack)])
	}
	return line
}

// apply takes passages through the transforms, one after the other. With an
// error, a trouble, those that are stuck have come nowhere, and begin anew.
func (c chain) apply(ctx context.Context, passages []*Passage) (results []result, stuck []*Passage, err error) {
	links, err := c.links()
	if err != nil {
		return nil, passages, err
	}
	for i := range links {
		var ended []result
		passages, ended, err = links[i].apply(ctx, passages)
		results = append(results, ended...)
		if err != nil {
			return results, passages, &trouble{links[i].name, err}
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
	inputs := make([]sdk.Input, len(passages))
	for i, p := range passages {
		inputs[i] = p.input()
	}
	began := time.Now()
	outcomes, by, err := l.Apply(ctx, inputs)
	tell := l.tells(began, by)
	if err != nil {
		for _, p := range passages {
			tell(p, sdk.Outcome{}, err)
		}
		return passages, nil, err
	}
	if len(outcomes) != len(passages) {
		return l.applyAlone(ctx, passages, len(outcomes), tell)
	}
	for i, p := range passages {
		o, over := l.judge(p, outcomes[i])
		tell(p, o, nil)
		if over {
			ended = append(ended, result{p, o, l.name})
			continue
		}
		p.Applied = append(p.Applied, delivery.Transform{Name: l.name, Version: by.Version})
		p.Redacts = p.Redacts || by.Redacts
		on = append(on, p)
	}
	return on, ended, nil
}

// tells gives what tells of one passage in a batch that is back.
func (l *link) tells(began time.Time, by Plugin) func(*Passage, sdk.Outcome, error) {
	if l.told == nil {
		return func(*Passage, sdk.Outcome, error) {}
	}
	ended := time.Now()
	return func(p *Passage, o sdk.Outcome, err error) {
		l.told(&Transformed{Entry: p.Item.Entry, Attempt: p.Item.Attempt, Transform: l.name, Version: by.Version,
			Began: began, Ended: ended, Outcome: o, Err: err})
	}
}

// applyAlone finds whose fault it is that there were not as many outcomes as
// passages: one by one, it is the passage's own.
func (l *link) applyAlone(ctx context.Context, passages []*Passage, outcomes int, tell func(*Passage, sdk.Outcome, error)) (on []*Passage, ended []result, err error) {
	if len(passages) == 1 {
		o := l.breach("%d outcomes for one event", outcomes)
		tell(passages[0], o, nil)
		return nil, []result{{passages[0], o, l.name}}, nil
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
func (l *link) judge(p *Passage, o sdk.Outcome) (_ sdk.Outcome, over bool) {
	switch o.Verdict {
	case sdk.Unchanged:
		return o, false
	case sdk.Replace:
		if o.Event == nil {
			return l.breach("a replacement without an event"), true
		}
		changed, err := p.Event.Changed(o.Event)
		if err != nil {
			return l.breach("%v", err), true
		}
		if most := max(maxGrown, growth*len(p.Item.Entry.Event.Raw)); len(changed.Raw) > most {
			return l.breach("it made %d bytes of the event, where %d are the most", len(changed.Raw), most), true
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

// input is what a transform is given, to be left as it is.
func (p *Passage) input() sdk.Input {
	e := p.Event
	e.Raw = nil
	return sdk.Input{Event: &e, Principal: &p.Item.Entry.Principal}
}
