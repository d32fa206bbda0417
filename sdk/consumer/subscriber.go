package consumer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

// SubscriberOptions say what a subscriber takes.
type SubscriberOptions struct {
	Connect   []string     // addresses of the channel, of one or several routers
	Channel   string       // its name; deliveries of others are refused
	Topics    []string     // beginnings of event types; none means all
	Keys      KeySource    // the routers' delivery keys
	Producers *Producers   // as in Options
	Security  zmq.Security // CURVE or TLS towards the routers; the zero value is plain ZeroMQ
	MaxEvent  int          // bytes of the largest event taken; 0 means 4 MiB
	Log       *slog.Logger // nil discards
}

// Subscriber takes one telemetry channel: the same checks, no replies. What it
// misses, or is too slow for, is lost to it and counted by the router.
type Subscriber struct {
	o       SubscriberOptions
	gate    *gate
	tally   *tally
	running atomic.Bool
}

// NewSubscriber checks the options and returns a subscriber that does nothing
// before Run.
func NewSubscriber(o SubscriberOptions) (*Subscriber, error) {
	switch {
	case len(o.Connect) == 0:
		return nil, errors.New("subscriber: Connect needs the address of a channel, for example tcp://127.0.0.1:5556")
	case o.Channel == "":
		return nil, errors.New("subscriber: Channel needs the channel's name")
	case o.Keys == nil:
		return nil, errors.New("subscriber: Keys are needed, for example KeysFromFile of what `headgate key export` wrote")
	case o.Producers.empty():
		return nil, errNoProducers
	case o.MaxEvent < 0:
		return nil, errors.New("subscriber: MaxEvent is negative")
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if _, err := o.dial(); err != nil {
		return nil, err
	}
	g := newGate(o.Channel, o.Keys, o.Producers, o.Log)
	return &Subscriber{o: o, gate: g, tally: g.tally}, nil
}

// Run gives every delivery that opens to each, one at a time, until ctx ends,
// and returns nil. A panic in each costs that delivery. An error means that the
// keys could not be read at the start. Run may be called again after it has
// returned.
func (s *Subscriber) Run(ctx context.Context, each func(d *delivery.Delivery)) error {
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("subscriber: Run is running")
	}
	defer s.running.Store(false)
	if err := s.gate.begin(ctx); err != nil {
		return endOr(ctx, err)
	}
	socket, err := s.o.dial()
	if err != nil {
		return err
	}
	var going sync.WaitGroup
	defer going.Wait()
	going.Go(func() { _ = socket.Run(ctx) }) // nil: it runs this once
	going.Go(func() { s.gate.run(ctx, func(context.Context) {}) })
	for {
		r, err := socket.Recv(ctx)
		if err != nil {
			return nil // ctx has ended: nothing else ends the socket
		}
		s.take(r, each)
	}
}

// Counts tells what was done since NewSubscriber.
func (s *Subscriber) Counts() Counts { return s.tally.counts() }

func (s *Subscriber) take(r zmq.Received, each func(d *delivery.Delivery)) {
	d, err := s.gate.open(r.Frames)
	if err != nil {
		s.gate.refuse(err)
		if errors.Is(err, delivery.ErrKeyID) {
			s.gate.want()
		}
		return
	}
	if p := guard(func() { each(d) }); p != nil {
		s.tally.add(func(n *Counts) { n.Panicked++ })
		s.o.Log.Error("subscriber panicked", "id", d.Event.ID, "source", d.Event.Source, "panic", p.value, "stack", string(p.stack))
	}
}

func (o SubscriberOptions) dial() (*zmq.Sub, error) {
	s := zmq.NewSub(zmq.Options{Limits: limits(o.MaxEvent), Security: o.Security, Observe: observe(o.Log)})
	for _, topic := range o.Topics {
		s.Subscribe(topic)
	}
	if len(o.Topics) == 0 {
		s.Subscribe("")
	}
	return s, connect(s, o.Connect)
}
