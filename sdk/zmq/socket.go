package zmq

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
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

	security atomic.Pointer[Security]

	mu         sync.Mutex
	life       context.Context // of Run; nil before
	places     []*place
	closed     bool // Run has begun to end
	peers      []*Peer
	identities map[identity]bool // claimed, of a Router
	past       Stats             // of peers that are gone, and of none

	going sync.WaitGroup
}

// place is an endpoint, and the work of accepting or dialling there until it is
// removed.
type place struct {
	name     string
	listener net.Listener // nil where the socket connects
	work     func(ctx context.Context)
	stop     context.CancelFunc // nil before Run
}

// hooks are what tells one socket type from another. Those that are nil do
// nothing.
type hooks struct {
	sends  bool                         // what is queued for peers is sent before the end
	mute   bool                         // peers send no messages
	joined func(*Peer)                  // under mu, before it is read from
	left   func(p *Peer, back []Frames) // under mu: what its queue still held
	freed  func()                       // a peer's queue has got room
	take   func(*Peer, []Frames) error  // messages came in; may wait for room
	closed func()                       // Run has begun to end
}

// Stats count what a socket did since it was made.
type Stats struct {
	Counts
	Received uint64            // messages taken from peers, subscriptions included
	Peers    int               // ready now
	Accepted uint64            // connections that became ready, dialled ones included
	Refused  uint64            // connections that did not
	Cut      uint64            // ready ones that this side ended for cause
	Panics   uint64            // of the codec; each cost one connection
	Ignored  uint64            // subscriptions that peers may not make
	Reasons  map[Reason]uint64 // of Refused and Cut
}

func newSocket(kind string, o Options, h hooks) *socket {
	o = o.withDefaults()
	s := &socket{kind: kind, opt: o, hooks: h, admission: newAdmission(o.Limits)}
	s.security.Store(&o.Security)
	s.buffers.New = func() any {
		b := make([]byte, 0, writeBuffer)
		return &b
	}
	return s
}

// Listen binds endpoint, tcp://host:port or ipc://path, at once, and returns
// the endpoint that reaches it: port 0 has become a real one. Peers are served
// while Run runs. An ipc file gets Options.Mode and is removed at the end; one
// left behind is replaced if nobody answers on it. Run releases what was
// bound, even if its context has ended before.
func (s *socket) Listen(endpoint string) (bound string, err error) {
	e, err := parseEndpoint(endpoint, true)
	if err != nil {
		return "", err
	}
	if err := s.security.Load().check(true); err != nil {
		return "", err
	}
	l, bound, err := listen(e, s.opt.Mode)
	if err != nil {
		return "", err
	}
	if err := s.add(&place{name: bound, listener: l, work: func(ctx context.Context) { s.accept(ctx, l, bound) }}); err != nil {
		return "", errors.Join(err, l.Close())
	}
	return bound, nil
}

// Connect adds an address to connect to, tcp://host:port or ipc://path. While
// Run runs it is dialled, and again whenever the connection is lost, for ever.
func (s *socket) Connect(endpoint string) error {
	e, err := parseEndpoint(endpoint, false)
	if err != nil {
		return err
	}
	if err := s.security.Load().check(false); err != nil {
		return err
	}
	return s.add(&place{name: endpoint, work: func(ctx context.Context) { s.dial(ctx, e, endpoint) }})
}

// Remove takes back a Listen, by what it returned, or a Connect, by what it was
// given, and reports whether there was one. Nothing new comes by that endpoint;
// connections that did have Options.Linger to take what is queued for them. All
// others go on.
func (s *socket) Remove(endpoint string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.places, func(p *place) bool { return p.name == endpoint })
	if at < 0 || s.closed {
		return false
	}
	p := s.places[at]
	s.places = slices.Delete(s.places, at, at+1)
	p.end()
	for _, peer := range s.peers {
		if peer.endpoint == endpoint && !s.has(endpoint) {
			s.retire(peer)
		}
	}
	return true
}

// Secure replaces what Options.Security was, for connections to come. Those
// that are there go on: Peer.Cut ends one whose key has lost its right.
func (s *socket) Secure(security Security) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.places {
		if err := security.check(p.listener != nil); err != nil {
			return err
		}
	}
	s.security.Store(&security)
	return nil
}

// has reports whether there is such an endpoint. The caller holds mu.
func (s *socket) has(endpoint string) bool {
	return slices.ContainsFunc(s.places, func(p *place) bool { return p.name == endpoint })
}

// end stops a place's work.
func (p *place) end() {
	if p.listener != nil {
		_ = p.listener.Close() // nothing is accepted any more, whatever Close says
	}
	if p.stop != nil {
		p.stop()
	}
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
	stats.Reasons = maps.Clone(s.past.Reasons)
	stats.Peers = len(s.peers)
	for _, p := range s.peers {
		stats.Counts.add(p.Facts().Counts)
		stats.Received += p.received.Load()
		stats.Ignored += p.ignored.Load()
	}
	return stats
}

// Run serves the socket until ctx ends. Then it accepts nothing new, goes on
// sending what is queued for up to Options.Linger, or, if it is a Pull, taking
// what was on its way until its peers have heard of the end. It ends every
// connection and returns nil once all its goroutines have ended. It runs once.
func (s *socket) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.life != nil {
		s.mu.Unlock()
		return errors.New("zmq: Run was called before")
	}
	s.life = ctx
	for _, p := range s.places {
		s.begin(p)
	}
	s.going.Go(func() { s.pulse(ctx) })
	s.mu.Unlock()
	<-ctx.Done()
	s.close()
	return nil
}

// add takes in a place; its work starts now or when Run begins.
func (s *socket) add(p *place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.places = append(s.places, p)
	if s.life != nil {
		s.begin(p)
	}
	return nil
}

// begin starts a place's work. The caller holds mu.
func (s *socket) begin(p *place) {
	var ctx context.Context
	ctx, p.stop = context.WithCancel(s.life)
	s.going.Go(func() { p.work(ctx) })
}

func (s *socket) close() {
	s.mu.Lock()
	s.closed = true
	for _, p := range s.places {
		p.end()
	}
	for _, p := range s.peers {
		s.dismiss(p, ReasonClosed)
	}
	s.mu.Unlock()
	tell := sync.OnceFunc(func() {
		if s.hooks.closed != nil {
			s.hooks.closed()
		}
	})
	if !s.listens() {
		tell()
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
		tell()
		return
	case <-linger.C:
	}
	tell()
	for _, p := range s.Peers() {
		p.cut(ReasonClosed)
	}
	<-ended
}

// listens reports whether the socket takes what its peers have sent before they
// heard of the end: a PUSH cannot know what of it has not arrived.
func (s *socket) listens() bool { return s.kind == "PULL" && s.opt.Linger > 0 }

// dismiss ends a peer for no fault of its own: with everything sent, if it
// sends, and with everything received that was on its way, if it listens.
func (s *socket) dismiss(p *Peer, cause Reason) {
	if s.hooks.sends && s.opt.Linger > 0 || s.listens() {
		p.drain(cause)
		return
	}
	p.cut(cause)
}

// retire ends a peer whose endpoint is gone, within the linger.
func (s *socket) retire(p *Peer) {
	s.dismiss(p, ReasonRemoved)
	time.AfterFunc(max(s.opt.Linger, 0), func() { p.cut(ReasonRemoved) })
}

// answers reports whether messages may be sent to single peers.
func (s *socket) answers() bool { return s.kind == "PUSH" || s.kind == "ROUTER" || s.kind == "DEALER" }

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
		s.refuse(link{Conn: conn, name: bound}, err)
		return
	}
	defer s.admission.leave(g)
	s.serve(ctx, link{Conn: conn, name: bound, guest: g})
}

// dial keeps one connection to e until ctx ends.
func (s *socket) dial(ctx context.Context, e endpoint, name string) {
	dialer := net.Dialer{Timeout: s.opt.Limits.HandshakeTimeout, KeepAliveConfig: keepAlive()}
	wait := s.opt.Backoff.Min
	for ctx.Err() == nil {
		conn, err := dialer.DialContext(ctx, e.network, e.address)
		ready := false
		if err == nil {
			ready = s.serve(ctx, link{Conn: conn, name: name, host: e.host()})
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
