package ingress

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/intake"
)

// Requests is the ROUTER socket that requests come by.
type Requests interface {
	// Recv waits for the next request and says whom to answer. It errs when
	// ctx has ended, or when nothing comes any more. The caller keeps frames.
	Recv(ctx context.Context) (frames [][]byte, from Sender, err error)
}

// Sender is a connection that a request came by. It is safe for concurrent use.
// As an alias it can be spelt out where this package may not be imported.
type Sender = interface {
	ID() uint64   // no other connection's
	Addr() string // ip:port, or the endpoint for ipc
	Name() string // of its key or certificate; empty for none
	// Send queues answers, all or none, and does not block. False says that the
	// connection is gone or takes too little.
	Send(answers ...[][]byte) bool
	Cut(why error)
}

// ZMQLimits bound what peers can make a door hold.
type ZMQLimits struct {
	Headers         int // bytes of the headers frame
	Requests        int // worked on at once
	RequestsPerPeer int // of them, of one connection
}

// ZMQOptions are what a ZeroMQ door is made of.
type ZMQOptions struct {
	Name   string
	Intake Intake
	Socket Requests // it has to run until the door has ended, and then send what is queued
	Terms  Terms
	Limits ZMQLimits
	Log    zerolog.Logger
}

// ZMQ is a door for ZeroMQ producers: DEALER and REQ sockets. It takes what
// POST /v1/events takes over HTTP, and gives the same answers.
type ZMQ struct {
	o     ZMQOptions
	terms atomic.Pointer[Terms]
	going sync.WaitGroup // one for each request that is worked on

	mu     sync.Mutex
	busy   int            // requests worked on
	byPeer map[uint64]int // of them, by connection

	late                       atomic.Int64 // answers that wait aside
	requests, answers, dropped atomic.Uint64
}

// NewZMQ returns a door that is shut until Run.
func NewZMQ(o ZMQOptions) *ZMQ {
	d := &ZMQ{o: o, byPeer: make(map[uint64]int)}
	d.terms.Store(&o.Terms)
	return d
}

// Change puts other terms in place, for the requests that come from now on.
func (d *ZMQ) Change(t Terms) { d.terms.Store(&t) }

// Run takes requests until ctx ends, then lets those under way be answered for
// up to drain before it cuts them short. It errs when the socket does.
func (d *ZMQ) Run(ctx context.Context, drain func() time.Duration) error {
	working, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	err := d.take(ctx, working)
	defer time.AfterFunc(drain(), giveUp).Stop()
	d.going.Wait()
	return err
}

func (d *ZMQ) take(ctx, working context.Context) error {
	for ctx.Err() == nil {
		frames, from, err := d.o.Socket.Recv(ctx)
		if err == nil {
			d.receive(working, frames, from)
		} else if ctx.Err() == nil {
			return fmt.Errorf("ingress %s: %w", d.o.Name, err)
		}
	}
	return nil
}

// receive begins with one request. It does not block, so that no peer waits for
// another.
func (d *ZMQ) receive(ctx context.Context, frames [][]byte, from Sender) {
	d.requests.Add(1)
	id := requestID()
	r, ok := readFrames(frames)
	switch {
	case !ok && len(r.envelope) == 0:
		d.drop(from, id, "it is no request, and has no request id to answer to")
	case !ok:
		d.answer(from, id, r, refused(id, &intake.Problem{Code: intake.Malformed, Detail: "A request has three frames: a request id of at most " +
			strconv.Itoa(maxRequestID) + " bytes, headers and body."}))
	default:
		if bound := d.enter(from.ID()); bound != "" { // as many as are allowed are worked on: the sender comes back
			d.answer(from, id, r, failed(id, d.o.Intake.Shed(d.o.Name, bound)))
			return
		}
		work, err := d.o.Intake.Admit(d.o.Name, r.size(), r.size())
		if err != nil {
			d.leave(from.ID())
			d.answer(from, id, r, failed(id, err))
			return
		}
		d.going.Go(func() {
			defer d.leave(from.ID())
			a := d.work(ctx, from, id, r)
			work.Done()
			d.answer(from, id, r, a)
		})
	}
}

// enter has one more request of a connection worked on, or names the bound that
// forbids it.
func (d *ZMQ) enter(peer uint64) (bound string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.busy >= d.o.Limits.Requests:
		return intake.BoundRequests
	case d.byPeer[peer] >= d.o.Limits.RequestsPerPeer:
		return intake.BoundZMQRequests
	}
	d.busy++
	d.byPeer[peer]++
	return ""
}

func (d *ZMQ) leave(peer uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy--
	if d.byPeer[peer]--; d.byPeer[peer] == 0 {
		delete(d.byPeer, peer)
	}
}

// work is POST /v1/events. A panic costs its own request, as it does in
// net/http.
func (d *ZMQ) work(ctx context.Context, from Sender, id string, r asked) (a answer) {
	defer func() {
		if fault := recover(); fault != nil {
			d.o.Log.Error().Str("request", id).Any("panic", fault).Bytes("stack", debug.Stack()).Msg("a request was not worked on to its end")
			a = refused(id, overloaded())
		}
	}()
	if len(r.headers) > d.o.Limits.Headers {
		return refused(id, &intake.Problem{Code: intake.TooLarge, Detail: "Headers have at most " + strconv.Itoa(d.o.Limits.Headers) + " bytes here."})
	}
	h, problem := readHeaders(r.headers)
	if problem != nil {
		return refused(id, problem)
	}
	form, problem := formOf(h)
	if problem != nil {
		return refused(id, problem)
	}
	terms := d.terms.Load()
	if int64(len(r.body)) > terms.Body {
		return refused(id, tooLarge(terms.Body))
	}
	return submit(ctx, d.o.Intake, h, form, intake.Submission{RequestID: id, Ingress: d.o.Name, Addr: from.Addr(),
		Credential: credential(h, r.body, terms.DefaultKeyIDs), Body: r.body})
}

var errTakesNothing = errors.New("it does not take its answers")

// An answer for which there is no room is offered again each latePause, for
// lateMost: so long may a peer take to read what a burst of its own has earned.
const (
	latePause = 5 * time.Millisecond
	lateMost  = time.Second
)

// answer queues an answer, without blocking. Overflow policy: one that finds no
// room waits aside, as many as requests may be worked on; beyond that, and
// beyond lateMost, its peer sends and does not read, and it is cut.
func (d *ZMQ) answer(from Sender, id string, r asked, a answer) {
	frames := append(r.envelope, a.frame())
	switch {
	case from.Send(frames):
		d.answers.Add(1)
	case d.late.Add(1) > int64(d.o.Limits.Requests):
		d.late.Add(-1)
		d.cut(from, id)
	default:
		d.going.Go(func() {
			defer d.late.Add(-1)
			for end := time.Now().Add(lateMost); time.Now().Before(end); {
				time.Sleep(latePause)
				if from.Send(frames) {
					d.answers.Add(1)
					return
				}
			}
			d.cut(from, id)
		})
	}
}

func (d *ZMQ) cut(from Sender, id string) {
	from.Cut(errTakesNothing)
	d.drop(from, id, "its sender is gone, or does not take its answers and is cut")
}

func (d *ZMQ) drop(from Sender, id, why string) {
	d.dropped.Add(1)
	d.o.Log.Warn().Str("request", id).Str("addr", from.Addr()).Str("peer", from.Name()).Str("why", why).Msg("a request gets no answer")
}

// ZMQCounts are a door's since its start. What was neither answered nor dropped
// is being worked on.
type ZMQCounts struct {
	Requests uint64 `json:"requests"` // that came
	Answers  uint64 `json:"answers"`  // that were queued
	Dropped  uint64 `json:"dropped"`  // requests without an answer: not readable, or the sender is gone or was cut
}

// Counts gives the counts.
func (d *ZMQ) Counts() ZMQCounts {
	c := ZMQCounts{Answers: d.answers.Load(), Dropped: d.dropped.Load()}
	c.Requests = d.requests.Load() // last, so that it is never less than the two
	return c
}
