package producer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// doors are the routers that are connected, and the tries that wait for them.
type doors struct {
	mu     sync.Mutex
	peers  []*zmq.Peer
	turn   int           // of the peer that is next
	change chan struct{} // closed, and made anew, when a peer has come
	calls  map[uint64]*call
	serial uint64
	closed bool

	refusal atomic.Pointer[error] // why no router could be connected to last; nil for none
}

// call is one try, which waits for one answer. Its channels take what comes
// even when nobody waits any more.
type call struct {
	serial uint64
	peer   *zmq.Peer
	answer chan []byte
	lost   chan error
}

// name is the request id.
func (c *call) name() []byte { return binary.BigEndian.AppendUint64(nil, c.serial) }

func newDoors() *doors {
	return &doors{change: make(chan struct{}), calls: make(map[uint64]*call)}
}

// absent says that no router is connected, and why not.
func (d *doors) absent() error {
	if why := d.refusal.Load(); why != nil {
		return fmt.Errorf("%w: %w", errAbsent, *why)
	}
	return errAbsent
}

func (d *doors) came(peer *zmq.Peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peers = append(d.peers, peer)
	close(d.change)
	d.change = make(chan struct{})
}

// left ends the tries that wait for a peer. It comes after the last Send that
// the peer has taken.
func (d *doors) left(peer *zmq.Peer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peers = slices.DeleteFunc(d.peers, func(other *zmq.Peer) bool { return other == peer })
	d.lose(errLost, func(c *call) bool { return c.peer == peer })
}

// close ends all tries, and those to come.
func (d *doors) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	close(d.change)
	d.change = make(chan struct{})
	d.lose(ErrClosed, func(*call) bool { return true })
}

// lose gives up the calls that match. The caller holds mu.
func (d *doors) lose(why error, match func(*call) bool) {
	for serial, c := range d.calls {
		if match(c) {
			c.lost <- why
			delete(d.calls, serial)
		}
	}
}

// send gives the next peer what frames makes of a request id. While there is no
// peer it waits.
func (d *doors) send(ctx context.Context, frames func(name []byte) zmq.Frames) (*call, error) {
	for {
		c, change, err := d.open()
		if err != nil {
			return nil, err
		}
		if c != nil {
			if c.peer.Send(frames(c.name())) {
				return c, nil
			}
			d.leave(c)
			continue
		}
		select {
		case <-change:
		case <-ctx.Done():
			return nil, d.absent()
		}
	}
}

// open begins a call to the next peer. With none, change tells when one has come.
func (d *doors) open() (c *call, change <-chan struct{}, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, ErrClosed
	}
	if len(d.peers) == 0 {
		return nil, d.change, nil
	}
	d.turn = (d.turn + 1) % len(d.peers)
	d.serial++
	c = &call{serial: d.serial, peer: d.peers[d.turn], answer: make(chan []byte, 1), lost: make(chan error, 1)}
	d.calls[c.serial] = c
	return c, nil, nil
}

var errStuck = errors.New("it takes no more requests")

// leave ends a call whose request was not queued: the peer is gone, or as good
// as gone, with as many in its queue as nobody waits for any more.
func (d *doors) leave(c *call) {
	d.forget(c)
	d.left(c.peer)
	c.peer.Cut(errStuck)
}

// answered gives a call its answer, and reports whether there is such a call.
func (d *doors) answered(name, text []byte) bool {
	if len(name) != 8 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c, waits := d.calls[binary.BigEndian.Uint64(name)]
	if !waits {
		return false
	}
	delete(d.calls, c.serial)
	c.answer <- text
	return true
}

// forget ends a call that nobody waits for any more.
func (d *doors) forget(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.calls, c.serial)
}

// observe logs what happens to connections.
func (d *doors) observe(log *slog.Logger) func(zmq.Event) {
	return func(e zmq.Event) {
		switch e.Kind {
		case zmq.Connected:
			d.refusal.Store(nil)
		case zmq.Refused, zmq.Unreachable:
			d.refusal.Store(&e.Err)
		}
		log := log.With("endpoint", e.Endpoint)
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
