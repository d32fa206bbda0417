package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Transform changes events, a batch at a time. It may be called by several
// goroutines at once. One that implements io.Closer is closed when it is not
// needed any more.
type Transform interface {
	// Transform returns exactly one Outcome per event, in the same order. It may
	// block until ctx ends. An error is about none of the events: all of them come
	// again. The events are the transform's own, to change as it likes.
	Transform(ctx context.Context, events []Input) ([]Outcome, error)
}

// Input is one event on its way through a transform. Parts that the transform
// does not need are absent; Raw always is.
type Input struct {
	Event     *Event
	Principal *Principal // nil unless needed
}

// Verdict is what a transform decided about one event.
type Verdict uint8

// The verdicts.
const (
	Unchanged Verdict = iota // it goes on as it is
	Replace                  // it goes on with the changes of Event
	Drop                     // it ends here on purpose, with a reason
	Fail                     // it could not be transformed
)

// Outcome is what a transform made of one event.
type Outcome struct {
	Verdict Verdict
	// Event is the changed event of a Replace. Data, DataIsJSON, DataContentType,
	// DataSchema and Extensions count; a difference in anything else is an error.
	Event  *Event
	Reason string // of a Drop or a Fail
	// Retry says that a Fail may succeed later: the event comes again After that
	// time, or after the channel's backoff where it is zero, until it is out of
	// attempts. Without it the event is a dead letter.
	Retry bool
	After time.Duration
	Stack string // of a panic, for the log
}

// stop is an error that says what becomes of an event.
type stop struct {
	outcome Outcome
	err     error
}

func (s *stop) Error() string { return s.outcome.Reason }
func (s *stop) Unwrap() error { return s.err }

// Dropped makes the error by which a transform ends an event on purpose.
func Dropped(reason string) error { return &stop{outcome: Outcome{Verdict: Drop, Reason: reason}} }

// Permanent makes an error one that no retry mends: the event is a dead letter.
func Permanent(err error) error {
	return &stop{outcome: Outcome{Verdict: Fail, Reason: err.Error()}, err: err}
}

// RetryAfter makes an error one that a retry after so long may mend.
func RetryAfter(err error, after time.Duration) error {
	return &stop{outcome: Outcome{Verdict: Fail, Reason: err.Error(), Retry: true, After: after}, err: err}
}

// OutcomeOf is the outcome of a function that was given an event and returned
// err: what Dropped, Permanent or RetryAfter say, else a Fail to be retried. It
// is exact even where wrapped.
func OutcomeOf(err error) Outcome {
	if s, ok := errors.AsType[*stop](err); ok {
		o := s.outcome
		if o.Verdict == Fail {
			o.Reason = err.Error()
		}
		return o
	}
	return Outcome{Verdict: Fail, Reason: err.Error(), Retry: true}
}

// Func changes one event. The changes it makes to e count when it returns nil;
// see OutcomeOf for errors. A panic is a permanent error.
type Func[C any] func(ctx context.Context, config C, e *Event) error

// TransformFunc makes a whole plugin of one function. The fields of C describe
// its configuration: see ConfigSchema. C must be a struct that ConfigSchema
// takes; anything else panics, in the author's first run.
func TransformFunc[C any](name, version string, f Func[C], options ...Option) Plugin {
	return Plugin{Name: name, Version: version, Transforms: []TransformKind{NewTransform(name, f, options...)}}
}

// NewTransform is TransformFunc for a plugin that offers more than one.
func NewTransform[C any](name string, f Func[C], options ...Option) TransformKind {
	schema, err := ConfigSchema[C]()
	if err != nil {
		panic(fmt.Sprintf("transform %s: %v", name, err))
	}
	k := TransformKind{Name: name, Schema: schema, Needs: everything}
	k.Open = func(_ context.Context, config json.RawMessage) (Transform, error) {
		c, err := DecodeConfig[C](config)
		if err != nil {
			return nil, err
		}
		if v, ok := any(&c).(Validator); ok {
			if err := v.Validate(); err != nil {
				return nil, diagnosed(err)
			}
		}
		return &each[C]{config: c, f: f}, nil
	}
	for _, o := range options {
		o(&k)
	}
	return k
}

// Validator is a configuration that checks more than its tags say. Its error may
// be Diagnostics, and then names the fields. It has a pointer receiver where it
// prepares something, such as a compiled expression.
type Validator interface{ Validate() error }

// Option says more about a transform.
type Option func(*TransformKind)

// Redacting marks a transform that takes out what consumers must not see.
func Redacting() Option { return func(k *TransformKind) { k.Redacts = true } }

// Needing has the router send only these parts of an event.
func Needing(n Needs) Option { return func(k *TransformKind) { k.Needs = n } }

// Documented gives a transform its one sentence.
func Documented(doc string) Option { return func(k *TransformKind) { k.Doc = doc } }

// each gives a batch to a function one by one.
type each[C any] struct {
	config C
	f      Func[C]
}

func (t *each[C]) Transform(ctx context.Context, events []Input) ([]Outcome, error) {
	outcomes := make([]Outcome, len(events))
	for i, in := range events {
		if err := ctx.Err(); err != nil { // nobody waits for the rest
			return nil, err
		}
		outcomes[i] = t.one(ctx, in)
	}
	return outcomes, nil
}

// one guards a call of the function. What it changed is found by comparison, so
// its data is its own.
func (t *each[C]) one(ctx context.Context, in Input) (o Outcome) {
	before := *in.Event
	in.Event.Data = bytes.Clone(before.Data)
	in.Event.Extensions = slices.Clone(before.Extensions)
	defer func() {
		if p := recover(); p != nil {
			o = Panicked(p)
		}
	}()
	if in.Principal != nil {
		ctx = context.WithValue(ctx, senderKey{}, *in.Principal)
	}
	if err := t.f(ctx, t.config, in.Event); err != nil {
		return OutcomeOf(err)
	}
	if same(&before, in.Event) {
		return Outcome{}
	}
	return Outcome{Verdict: Replace, Event: in.Event}
}

func same(a, b *Event) bool {
	return bytes.Equal(a.Data, b.Data) && (a.Data == nil) == (b.Data == nil) && a.DataIsJSON == b.DataIsJSON && a.CoreDifference(b) == "" &&
		a.DataContentType == b.DataContentType && a.DataSchema == b.DataSchema && slices.Equal(a.Extensions, b.Extensions)
}

type senderKey struct{}

// Sender is the principal of the event that a Func is called for, if its
// transform needs it.
func Sender(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(senderKey{}).(Principal)
	return p, ok
}
