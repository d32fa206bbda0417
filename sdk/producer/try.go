package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// The errors of Send.
var (
	// ErrNoAnswer is wrapped when no router has answered: an event may have been
	// taken or not. The same event may be sent again.
	ErrNoAnswer = errors.New("producer: no answer")
	// ErrClosed is returned when Run has ended before an answer came. It wraps
	// ErrNoAnswer.
	ErrClosed = fmt.Errorf("%w: Run has ended", ErrNoAnswer)

	errLost   = fmt.Errorf("%w: the connection was lost (a router also cuts who sends more than it takes: see its max_body)", ErrNoAnswer)
	errSilent = fmt.Errorf("%w in time", ErrNoAnswer)
	errAbsent = fmt.Errorf("%w: no router is connected", ErrNoAnswer)
)

// send tries until a router has answered for good, or tries are used up.
func (p *Producer) send(ctx context.Context, r request) (Answer, error) {
	select {
	case p.room <- struct{}{}: // else it waits: so many requests are out
		defer func() { <-p.room }()
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("%w: %w", ErrNoAnswer, context.Cause(ctx))
	}
	for try := 0; ; try++ {
		a, err := p.try(ctx, r)
		if err == nil && !a.retry(try) {
			return a, a.err()
		}
		if try >= p.o.Retries || errors.Is(err, ErrClosed) || unwelcome(err) || ctx.Err() != nil {
			return a, cmp.Or(err, a.err())
		}
		p.o.Log.Debug("sent again", "webhook-id", r.id, "try", try+1, "status", a.StatusCode, "error", err)
		if serr := p.sleep(ctx, pause(try, a.RetryAfter)); serr != nil {
			return a, cmp.Or(err, a.err())
		}
	}
}

// unwelcome reports whether routers refuse this side's connections for a reason
// that does not pass: keys or mechanisms that do not fit.
func unwelcome(err error) bool {
	if !errors.Is(err, errAbsent) {
		return false
	}
	switch zmq.ReasonOf(err) {
	case zmq.ReasonRejected, zmq.ReasonServerKey, zmq.ReasonMechanism, zmq.ReasonTLS, zmq.ReasonIncompatible:
		return true
	}
	return false
}

// try sends a request once and waits for its answer.
func (p *Producer) try(ctx context.Context, r request) (Answer, error) {
	within, cancel := context.WithTimeout(ctx, p.o.Timeout+r.wait)
	defer cancel()
	token := ""
	if p.o.Token != nil {
		var err error
		if token, err = p.o.Token(within); err == nil && token == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			return Answer{}, fmt.Errorf("%w: token: %w", ErrNoAnswer, err)
		}
	}
	c, err := p.doors.send(within, func(name []byte) zmq.Frames { return p.frames(name, r, token) })
	if err != nil {
		return Answer{}, noAnswer(ctx, err)
	}
	defer p.doors.forget(c)
	select {
	case text := <-c.answer:
		return parseAnswer(text, r.events)
	case err := <-c.lost:
		return Answer{}, err
	case <-within.Done():
		return Answer{}, noAnswer(ctx, errSilent)
	}
}

// noAnswer tells whether the caller gave up, or why else there is no answer.
func noAnswer(ctx context.Context, why error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrNoAnswer, context.Cause(ctx))
	}
	return why
}

// The longest random wait before a further try: pauseMin, doubled with each try
// up to pauseMax.
const (
	pauseMin = 100 * time.Millisecond
	pauseMax = 10 * time.Second
)

// pause is the wait after a try: a random time (full jitter), and before it what
// the router asked for, so that those who were told the same time do not come
// back together.
func pause(try int, after time.Duration) time.Duration {
	return after + rand.N(min(pauseMin<<min(try, 10), pauseMax)) + 1
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
