package consumer

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/zmq"
)

const (
	maxQueued  = 2 * maxHeld // replies waiting for one address: all that is held may end at once
	frameBytes = 64 << 10    // a frame with more is sent; far below what a router reads in one
	flushTime  = time.Second // for what waits when an address is left
)

// replier sends replies to one address: all that wait, in one frame.
type replier struct {
	address string
	socket  *zmq.Push
	tally   *tally
	turn    []delivery.Reply // put, and not handed over yet
	ctx     context.Context  // ends when what waits is given up
	giveUp  context.CancelFunc

	mu    sync.Mutex
	queue []delivery.Reply // for run
	wake  chan struct{}    // something was queued; closed by close

	frame []byte // being filled
	count int    // replies in it
}

func newReplier(address string, o zmq.Options, t *tally) (*replier, error) {
	r := &replier{address: address, socket: zmq.NewPush(o), tally: t, wake: make(chan struct{}, 1)}
	if err := r.socket.Connect(address); err != nil {
		return nil, err
	}
	r.ctx, r.giveUp = context.WithCancel(context.Background())
	return r, nil
}

// put keeps a reply for handOver.
func (r *replier) put(reply delivery.Reply) { r.turn = append(r.turn, reply) }

// handOver queues what was put, to travel together. It does not block.
func (r *replier) handOver() {
	if len(r.turn) == 0 {
		return
	}
	r.mu.Lock()
	for _, reply := range r.turn {
		switch {
		case reply.Status == delivery.StatusProgress && len(r.queue) > maxQueued/2:
			// a router that is away needs no progress, and the room is for what counts
		case len(r.queue) == maxQueued: // dropped: the router delivers again and the answer is given again
			r.lost(1)
		default:
			r.queue = append(r.queue, reply)
		}
	}
	r.mu.Unlock()
	r.turn = r.turn[:0]
	select {
	case r.wake <- struct{}{}:
	default: // run is to look already
	}
}

// close hands over what was put and ends run, within flushTime and the socket's linger.
func (r *replier) close() {
	r.handOver()
	close(r.wake)
	time.AfterFunc(flushTime, r.giveUp)
}

// run sends what is handed over until close.
func (r *replier) run() {
	defer r.giveUp()
	life, end := context.WithCancel(context.Background())
	var socket sync.WaitGroup
	socket.Go(func() { _ = r.socket.Run(life) }) // nil: it runs this once
	for range r.wake {
		for _, reply := range r.take() {
			if reply.Goodbye {
				r.flush() // a goodbye is alone in its frame, so that no router can read it before the rest
			}
			r.add(reply)
			if reply.Goodbye || len(r.frame) >= frameBytes || r.count == delivery.MaxReplies {
				r.flush()
			}
		}
		r.flush()
	}
	end()
	socket.Wait()
}

func (r *replier) take() []delivery.Reply {
	r.mu.Lock()
	defer r.mu.Unlock()
	queue := r.queue
	r.queue = nil
	return queue
}

func (r *replier) add(reply delivery.Reply) {
	text, err := json.Marshal(reply)
	if err != nil {
		panic(err) // strings, a number, and JSON that was checked
	}
	r.frame = append(r.frame, ',')
	r.frame = append(r.frame, text...)
	r.count++
}

// flush sends the frame: an array, or the one reply as it is.
func (r *replier) flush() {
	if r.count == 0 {
		return
	}
	frame := r.frame[1:]
	if r.count > 1 {
		r.frame[0] = '['
		frame = append(r.frame, ']')
	}
	if err := r.socket.Send(r.ctx, zmq.Frames{frame}); err != nil {
		r.lost(r.count)
	}
	r.frame, r.count = nil, 0 // the socket has the old one
}

func (r *replier) lost(n int) {
	r.tally.add(func(c *Counts) { c.Unsent += uint64(n) })
}
