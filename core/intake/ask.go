package intake

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/trust"
)

// Document tells where an event is, for the principal that sent it.
type Document struct {
	ID       string                     `json:"id"`
	Source   string                     `json:"source"`
	State    outbox.State               `json:"state"` // final when every command channel's is
	Channels map[string]ChannelDocument `json:"channels"`
	Receipt  string                     `json:"receipt,omitempty"` // of the acceptance, to the request that was accepted
}

// ChannelDocument tells where an event is on one channel.
type ChannelDocument struct {
	State   outbox.State    `json:"state"`
	Attempt int             `json:"attempt"`
	Result  json.RawMessage `json:"result,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	At      time.Time       `json:"at,omitzero"` // of the last change, RFC 3339
}

func document(st outbox.Status) *Document {
	d := &Document{ID: st.ID, Source: st.Source, State: st.State(), Channels: make(map[string]ChannelDocument, len(st.Channels))}
	for _, c := range st.Channels {
		d.Channels[c.Channel] = ChannelDocument{State: c.State, Attempt: c.Attempt, Result: c.Result, Reason: c.Reason, At: c.At}
	}
	return d
}

// Question asks for the status of one event.
type Question struct {
	RequestID  string
	Ingress    string
	Addr       string
	Credential trust.Credential
	Key        outbox.Key
	Wait       time.Duration // for the end; 0 for not at all
}

// Ask answers the principal that sent the event. To any other it is as if the
// event did not exist. The error is a *Problem.
func (in *Intake) Ask(ctx context.Context, q Question) (*Document, error) {
	s := &Submission{RequestID: q.RequestID, Ingress: q.Ingress, Addr: q.Addr}
	who, err := in.now.Load().Trust.Authenticate(q.Credential, in.o.Wall())
	if err != nil {
		return nil, in.refuse(s, nil, nil, err)
	}
	if who.Bound() {
		return nil, in.refuse(s, &who, nil, &trust.Refusal{Code: trust.CodeUnauthenticated, Reason: trust.ReasonEventSignatureAbsent})
	}
	st, err := in.o.Store.Lookup(ctx, q.Key)
	if err == nil && st.Principal != who.Principal {
		err = &Problem{Code: NotFound, Reason: "another principal's"}
	}
	if err != nil {
		return nil, in.refuse(s, &who, nil, err)
	}
	if q.Wait > 0 && st.State() == outbox.StatePending {
		if d := in.awaitEnd(ctx, end{q.Key, q.Wait, 0}); d != nil {
			return d, nil
		}
		if st, err = in.o.Store.Lookup(ctx, q.Key); err != nil {
			return nil, in.refuse(s, &who, nil, err)
		}
	}
	return document(st), nil
}

// end is what a request waits for.
type end struct {
	of   outbox.Key
	most time.Duration
	body int64 // bytes that the request holds meanwhile
}

// awaitEnd waits for an event's end, and gives nil when it did not come in
// time or too many wait already.
func (in *Intake) awaitEnd(ctx context.Context, e end) *Document {
	if !in.waiting.enter(e.body, in.admission.most.Load()) {
		return nil
	}
	defer in.waiting.leave(e.body)
	ctx, cancel := context.WithTimeout(ctx, e.most)
	defer cancel()
	defer context.AfterFunc(in.draining, cancel)()
	st, err := in.o.Store.Await(ctx, e.of)
	if err != nil || st.State() == outbox.StatePending {
		return nil
	}
	return document(st)
}
