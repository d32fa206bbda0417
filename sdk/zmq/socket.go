package zmq

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// acceptPauseMin and acceptPauseMax bound the wait after a failed accept,
// which mostly means that the process is out of descriptors.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// socket is what all socket types share: endpoints, connections, life. It is
// safe for concurrent use.
type socket struct {
	kind      string
	opt       Options
	hooks     hooks
	admission *admission
	buffers   sync.Pool // of *[]byte, for writers

	mu        sync.Mutex
	begin     func(chore) // starts a chore; nil before Run
	chores    []chore     // to be started by Run
	listeners []net.Listener
	closed    bool // Run has begun to end
	peers     []*Peer
	past      Stats // of peers that are gone, and of none

	going sync.WaitGroup
}

// chore accepts on one listener or dials one address until ctx ends.
type chore func(ctx context.Context)

// hooks are what tells one socket type from another. Those that are nil do
// nothing.
type hooks struct {
	mute   bool                        // peers send no messages
	joined func(*Peer)                 // under mu, before it is read from
	left   func(back []Frames)         // under mu: what its queue still held
	freed  func()                      // a peer's queue has got room
	take   func(*Peer, []Frames) error // messages came in; may wait for room
	closed func()                      // Run has begun to end
}

// Stats count what a socket did since it was made.
type Stats struct {
	Counts
	Received uint64 // messages taken from peers, subscriptions included
	Peers    int    // ready now
	Accepted uint64 // connections that became ready, dialled ones included
	Refused  uint64 // connections that did not
	Cut      uint64 // ready ones that this side ended for cause
	Panics   uint64 // of the codec; each cost one connection
}

func newSocket(kind string, o Options, h hooks) *socket {
	o = o.withDefaults()
	s := &socket{kind: kind, opt: o, hooks: h, admission: newAdmission(o.Limits)}
	s.buffers.New = func() any {
		b := make([]byte, 0, writeBuffer)
		return &b
	}
	return s
}

// Listen binds endpoint, tcp://host:port or ipc://path, at once, and returns
// the endpoint that reaches it: port 0 has become a real one. Peers are served
// while Run runs. An ipc file gets mode 0600 and is removed at the end; one
// left behind is replaced if nobody answers on it. Run releases what was
// bound, even if its context has ended before.
func (s *socket) Listen(endpoint string) (bound string, err error) {
	e, err := parseEndpoint(endpoint, true)
	if err != nil {
		return "", err
	}
	l, bound, err := listen(e)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", errors.Join(ErrClosed, l.Close())
	}
	s.listeners = append(s.listeners, l)
	s.add(func(ctx context.Context) { s.accept(ctx, l, bound) })
	return bound, nil
}

// Connect adds an address to connect to, tcp://host:port or ipc://path. While
// Run runs it is dialled, and again whenever the connection is lost, for ever.
func (s *socket) Connect(endpoint string) error {
	e, err := parseEndpoint(endpoint, false)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.add(func(ctx context.Context) { s.dial(ctx, e, endpoint) })
	return nil
}

// Peers returns the peers that are ready.
func (s *socket) Peers() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.peers)
}

// Stats returns the socket's counts.
func (s *socket) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.past
	stats.Peers = len(s.peers)
	for _, p := range s.peers {
		stats.Counts.add(p.Facts().Counts)
		stats.Received += p.received.Load()
	}
	return stats
}

// Run serves the socket until ctx ends. Then it accepts nothing new, goes on
// sending what is queued for up to Options.Linger, ends every connection and
// returns nil once all its goroutines have ended. It runs once.
func (s *socket) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.begin != nil {
		s.mu.Unlock()
		return errors.New("zmq: Run was called before")
	}
	s.begin = func(c chore) { s.going.Go(func() { c(ctx) }) }
	for _, c := range s.chores {
		s.begin(c)
	}
	s.chores = nil
	s.begin(s.pulse)
	s.mu.Unlock()
	<-ctx.Done()
	s.close()
	return nil
}

// add starts a chore, now or when Run begins. The caller holds mu.
func (s *socket) add(c chore) {
	if s.begin == nil {
		s.chores = append(s.chores, c)
		return
	}
	s.begin(c)
}

func (s *socket) close() {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		_ = l.Close() // nothing is accepted any more, whatever Close says
	}
	for _, p := range s.peers {
		s.dismiss(p)
	}
	s.mu.Unlock()
	if s.hooks.closed != nil {
		s.hooks.closed()
	}
	ended := make(chan struct{})
	go func() {
		s.going.Wait()
		close(ended)
	}()
	linger := time.NewTimer(max(s.opt.Linger, 0))
	defer linger.Stop()
	select {
	case <-ended:
		return
	case <-linger.C:
	}
	for _, p := range s.Peers() {
		p.cut(ReasonClosed)
	}
	<-ended
}

// dismiss ends a peer as the socket ends: with everything sent, if it sends.
func (s *socket) dismiss(p *Peer) {
	if s.sends() && s.opt.Linger > 0 {
		p.drain()
		return
	}
	p.cut(ReasonClosed)
}

func (s *socket) sends() bool { return s.kind == "PUSH" || s.kind == "PUB" }

// accept takes in connections until the listener is closed.
func (s *socket) accept(ctx context.Context, l net.Listener, bound string) {
	pause := acceptPauseMin
	for {
		conn, err := l.Accept()
		if err == nil {
			pause = acceptPauseMin
			s.going.Go(func() { s.welcome(ctx, conn, bound) })
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		s.observe(Event{Kind: Unaccepted, Endpoint: bound, Err: err})
		sleep(ctx, pause)
		pause = min(2*pause, acceptPauseMax)
	}
}

// welcome serves an accepted connection within the limits.
func (s *socket) welcome(ctx context.Context, conn net.Conn, bound string) {
	g, err := s.admission.enter(conn)
	if err != nil {
		s.refuse(conn, bound, err)
		return
	}
	defer s.admission.leave(g)
	s.serve(ctx, conn, bound, g)
}

// dial keeps one connection to e until ctx ends.
func (s *socket) dial(ctx context.Context, e endpoint, name string) {
	dialer := net.Dialer{Timeout: s.opt.Limits.HandshakeTimeout, KeepAliveConfig: keepAlive()}
	wait := s.opt.Backoff.Min
	for ctx.Err() == nil {
		conn, err := dialer.DialContext(ctx, e.network, e.address)
		ready := false
		if err == nil {
			ready = s.serve(ctx, conn, name, nil)
		} else if ctx.Err() == nil {
			s.observe(Event{Kind: Unreachable, Endpoint: name, Addr: e.address, Err: err})
		}
		if ready {
			wait = s.opt.Backoff.Min
		}
		sleep(ctx, rand.N(wait)+1)
		wait = min(2*wait, s.opt.Backoff.Max)
	}
}

// pulse sends PINGs and cuts silent peers.
func (s *socket) pulse(ctx context.Context) {
	beat := s.opt.Heartbeat
	if beat.Interval < 0 {
		return
	}
	tick := time.NewTicker(beat.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, p := range s.Peers() {
			switch {
			case p.silent(beat.Timeout):
				p.cut(ReasonSilent)
			case p.beats.Load():
				p.ping(beat.Timeout)
			}
		}
	}
}

func (s *socket) observe(e Event) {
	if s.opt.Observe == nil {
		return
	}
	e.Socket = s.kind
	s.opt.Observe(e)
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
