package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Options say what a consumer takes and how.
type Options struct {
	Connect []string  // addresses of the channel, of one or several routers: tcp://host:port or ipc://path
	Channel string    // its name; deliveries of others are refused
	Keys    KeySource // the routers' delivery keys
	// Producers, unless nil, have to have signed every event as well, end to end:
	// one without a signature by a key of its source, or that a transform may
	// have changed, is refused, and of the others the extensions that are not
	// signed are left out. The rest of a delivery stays the router's word.
	Producers *Producers
	// Security is CURVE or TLS towards the routers, on the channel and for
	// replies alike; the zero value is plain ZeroMQ, for loopback and ipc.
	Security zmq.Security

	Parallel      int           // events, or batches of them, worked on at once; 0 means 1
	Remember      int           // done events not to be worked on again; 0 means 10,000
	ProgressEvery time.Duration // between reports on what is held, to be well below ack_timeout; 0 means 10 s
	Grace         time.Duration // for work that runs when ctx ends; its own ctx ends afterwards. 0 means 5 s
	MaxEvent      int           // bytes of the largest event taken; 0 means 4 MiB
	Log           *slog.Logger  // nil discards
}

// Consumer takes one command channel.
type Consumer struct {
	o       Options
	gate    *gate
	memory  *memory
	tally   *tally
	running atomic.Bool
}

// New checks the options and returns a consumer that does nothing before Run.
func New(o Options) (*Consumer, error) {
	switch {
	case len(o.Connect) == 0:
		return nil, errors.New("consumer: Connect needs the address of a channel, for example tcp://127.0.0.1:5555")
	case o.Channel == "":
		return nil, errors.New("consumer: Channel needs the channel's name")
	case o.Keys == nil:
		return nil, errors.New("consumer: Keys are needed, for example KeysFromFile of what `headgate key export` wrote")
	case o.Producers.empty():
		return nil, errNoProducers
	case o.Parallel < 0 || o.Remember < 0 || o.ProgressEvery < 0 || o.Grace < 0 || o.MaxEvent < 0:
		return nil, errors.New("consumer: a negative option")
	}
	o.Parallel = cmp.Or(o.Parallel, 1)
	o.Remember = cmp.Or(o.Remember, 10_000)
	o.ProgressEvery = cmp.Or(o.ProgressEvery, 10*time.Second)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if _, err := o.dial(); err != nil {
		return nil, err
	}
	g := newGate(o.Channel, o.Keys, o.Producers, o.Log)
	return &Consumer{o: o, gate: g, memory: newMemory(o.Remember), tally: g.tally}, nil
}

// Run takes deliveries until ctx ends. Then it begins nothing more, lets
// running work finish within Grace, replies, gives back the rest, waits two
// seconds at most until all that is sent, and returns nil. Work has to return
// when its own ctx ends: Run waits for it.
//
// An error means that the keys could not be read at the start. Connections that
// cannot be made, or are lost, are tried again for ever. Run may be called
// again after it has returned, and remembers.
func (c *Consumer) Run(ctx context.Context, work Work) error { return c.run(ctx, 1, alone(work)) }

// RunBatches is Run for work on batches, of at most so many events. It waits for
// none of them: a batch is what has come while those before it were worked on.
// More than the channel's prefetch is never there; with Parallel over 1 they
// share it.
//
// The replies to a batch travel together.
func (c *Consumer) RunBatches(ctx context.Context, most int, work BatchWork) error {
	if most < 1 {
		return fmt.Errorf("consumer: a batch of at most %d events", most)
	}
	return c.run(ctx, most, work)
}

func (c *Consumer) run(ctx context.Context, most int, work BatchWork) error {
	if !c.running.CompareAndSwap(false, true) {
		return errors.New("consumer: Run is running")
	}
	defer c.running.Store(false)
	if err := c.gate.begin(ctx); err != nil {
		return endOr(ctx, err)
	}
	socket, err := c.o.dial()
	if err != nil {
		return err
	}
	// Sockets outlive ctx: running work still has to be replied to.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	working, stopWork := context.WithCancel(life)
	s := newShift(c, most, work, working)
	var going sync.WaitGroup
	defer going.Wait()
	defer end()
	defer stopWork()
	going.Go(func() { _ = socket.Run(life) }) // nil: it runs this once
	going.Go(func() { s.receive(life, socket) })
	going.Go(func() { c.gate.run(life, s.refreshed) })
	s.run(ctx, stopWork)
	s.goodbye()
	s.replies.close()
	return nil
}

// Counts tells what was done since New.
func (c *Consumer) Counts() Counts { return c.tally.counts() }

// dial makes the socket that deliveries come by.
func (o Options) dial() (*zmq.Pull, error) {
	s := zmq.NewPull(zmq.Options{Limits: limits(o.MaxEvent), Security: o.Security, Observe: observe(o.Log)})
	return s, connect(s, o.Connect)
}

func connect(s interface{ Connect(string) error }, addresses []string) error {
	for _, a := range addresses {
		if err := s.Connect(a); err != nil {
			return fmt.Errorf("consumer: %w", err)
		}
	}
	return nil
}

// limits bound one delivery: the event, the original it was made from, and
// topic, header and signature beside them.
func limits(maxEvent int) zmq.Limits {
	const (
		standard = 4 << 20  // four times a router's default max_body
		beside   = 64 << 10 // several times what the bounds of an event allow there
	)
	event := max(cmp.Or(maxEvent, standard), beside)
	return zmq.Limits{Frame: event, Message: 2*event + beside}
}

// observe logs what happens to connections.
func observe(log *slog.Logger) func(zmq.Event) {
	return func(e zmq.Event) {
		log := log.With("socket", e.Socket, "endpoint", e.Endpoint)
		switch {
		case e.Kind == zmq.Connected:
			log.Info(e.Kind.String())
		case errors.Is(e.Err, zmq.ReasonClosed):
			log.Debug(e.Kind.String(), "error", e.Err)
		default:
			log.Warn(e.Kind.String(), "error", e.Err)
		}
	}
}

// endOr returns err unless ctx has ended, which is no error.
func endOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
