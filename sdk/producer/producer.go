package producer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/dsse"
	"github.com/headgate-io/headgate/sdk/jwk"
	"github.com/headgate-io/headgate/sdk/webhook"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// Options say where events go and how.
type Options struct {
	Connect  []string        // addresses of the doors, of one or several routers: tcp://host:port or ipc://path
	KeyID    string          // the key's id; empty where the door tries its default_key_ids
	Signer   *webhook.Signer // the key
	Security zmq.Security    // CURVE or TLS; the zero value is in the clear

	// Token, in place of KeyID and Signer, gives a short-lived token (JWT) for each
	// try, from wherever it is kept or made. An error ends the try.
	Token func(ctx context.Context) (string, error)
	// Bound says that tokens are bound to EventSigner's key (cnf.jkt, RFC 9449,
	// section 6.1): the public key goes with each request.
	Bound bool

	// EventSigner, unless nil, signs every event end to end, once before its first
	// try: consumers can then check that it comes from here, whatever routers it
	// went through. Signer signs each request besides.
	EventSigner *dsse.Signer

	Wait     time.Duration // for the end of an event that is sent alone, in whole seconds, 25 s at most; 0 means not at all
	Timeout  time.Duration // of one try, Wait not counted: for a connection and an answer. 0 means 10 s
	Retries  int           // further tries; 0 means 5, negative none
	UnderWay int           // requests at once, at best no more than the router's zmq_requests; 0 means 64
	Log      *slog.Logger  // nil discards
}

// maxWait is what a router waits at most.
const maxWait = 25 * time.Second

// Producer sends events. It is safe for concurrent use.
type Producer struct {
	o      Options
	socket *zmq.Dealer

	eventKey string // goes with tokens that are bound to it
	doors    *doors
	room     chan struct{} // for requests under way
	begin    sync.Once
	sleep    func(context.Context, time.Duration) error
}

// New checks the options and returns a producer that does nothing before Run.
func New(o Options) (*Producer, error) {
	switch {
	case len(o.Connect) == 0:
		return nil, errors.New("producer: Connect needs the address of a door, for example tcp://127.0.0.1:5556")
	case o.Signer == nil && o.Token == nil:
		return nil, errors.New("producer: Signer is needed, for example webhook.NewHMACSigner of a secret that `headgate key new` made; or Token")
	case o.Token != nil && (o.Signer != nil || o.KeyID != ""):
		return nil, errors.New("producer: Signer and Token together: a request shows one credential")
	case o.Bound && (o.Token == nil || o.EventSigner == nil):
		return nil, errors.New("producer: Bound needs Token and EventSigner")
	case o.Wait < 0 || o.Wait > maxWait || o.Wait%time.Second != 0:
		return nil, fmt.Errorf("producer: Wait is %v, want whole seconds up to %v", o.Wait, maxWait)
	case o.Timeout < 0 || o.UnderWay < 0:
		return nil, errors.New("producer: a negative option")
	}
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.Retries = max(cmp.Or(o.Retries, 5), 0)
	o.UnderWay = cmp.Or(o.UnderWay, 64)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	eventKey := ""
	if o.Bound {
		public, err := json.Marshal(jwk.Key{Public: o.EventSigner.Public()})
		if err != nil {
			return nil, fmt.Errorf("producer: event key: %w", err)
		}
		eventKey = string(public)
	}
	p := &Producer{o: o, eventKey: eventKey, doors: newDoors(), room: make(chan struct{}, o.UnderWay), sleep: sleep}
	p.socket = zmq.NewDealer(zmq.Options{
		Security: o.Security,
		Queue:    2 * o.UnderWay, // requests that were given up may still lie there
		Up:       p.doors.came,
		Down:     func(peer *zmq.Peer, _ error) { p.doors.left(peer) },
		Observe:  p.doors.observe(o.Log),
	})
	for _, address := range o.Connect {
		if err := p.socket.Connect(address); err != nil {
			return nil, fmt.Errorf("producer: %w", err)
		}
	}
	return p, nil
}

// Run keeps the connections, for ever, until ctx ends. Then it returns nil, and
// every Send that has no answer yet returns ErrClosed: end it after them. It
// runs once.
func (p *Producer) Run(ctx context.Context) error {
	err := errors.New("producer: Run was called before")
	p.begin.Do(func() {
		var going sync.WaitGroup
		defer going.Wait()
		going.Go(func() { p.receive(ctx) })
		err = p.socket.Run(ctx)
	})
	return err
}

// receive hands out answers until ctx ends, and then there are none.
func (p *Producer) receive(ctx context.Context) {
	defer p.doors.close()
	for {
		got, err := p.socket.Recv(ctx)
		if err != nil {
			return
		}
		if len(got.Frames) != 2 || !p.doors.answered(got.Frames[0], got.Frames[1]) {
			p.o.Log.Debug("an answer that nobody waits for", "from", got.Peer.Endpoint())
		}
	}
}

// Send sends one event, structured CloudEvents JSON, until it is answered for
// good, and gives the answer. Before Run it waits for it.
//
// The error is *Refused when a router has answered and does not take the event,
// and wraps ErrNoAnswer when no router has: it may have been taken or not, and
// the same event may be sent again. An event that cannot be read, or has an id
// that cannot be signed, is not sent.
func (p *Producer) Send(ctx context.Context, event []byte) (Answer, error) {
	e, err := p.prepare(event)
	if err != nil {
		return Answer{}, fmt.Errorf("producer: %w", err)
	}
	if !webhook.ValidID(e.ID) {
		return Answer{}, fmt.Errorf("producer: event id %q cannot be signed: use A to Z, a to z, 0 to 9, _ and -, at most %d", e.ID, webhook.MaxID)
	}
	return p.send(ctx, request{kind: typeEvent, id: e.ID, body: e.Raw, wait: p.o.Wait})
}

// SendBatch sends up to 1000 events in one request and gives a result for each,
// in their order: look at all of them, since one may be refused while others
// are taken. Those that the router asks to send again go again, alone.
//
// The error is *Refused when the batch as a whole is not taken, and wraps
// ErrNoAnswer as with Send.
func (p *Producer) SendBatch(ctx context.Context, events [][]byte) (Answer, error) {
	ready := make([][]byte, len(events))
	for i, event := range events {
		e, err := p.prepare(event)
		if err != nil {
			return Answer{}, fmt.Errorf("producer: event %d of the batch: %w", i, err)
		}
		ready[i] = e.Raw
	}
	a, err := p.send(ctx, batch(ready))
	if err != nil {
		return a, err
	}
	for try := 0; try < p.o.Retries; try++ {
		again, after := a.again()
		if len(again) == 0 || p.sleep(ctx, pause(try, after)) != nil {
			break
		}
		part := make([][]byte, len(again))
		for i, at := range again {
			part[i] = ready[at]
		}
		more, err := p.send(ctx, batch(part))
		if err != nil {
			break // what each was told before stands
		}
		for i, at := range again {
			a.Results[at] = more.Results[i]
		}
	}
	return a, nil
}

// prepare reads an event and signs it where that is asked for. The result is a
// copy, the same for every try.
func (p *Producer) prepare(event []byte) (sdk.Event, error) {
	e, err := sdk.ParseEvent(bytes.Clone(event))
	if err != nil || p.o.EventSigner == nil {
		return e, err
	}
	return p.o.EventSigner.Sign(&e)
}
