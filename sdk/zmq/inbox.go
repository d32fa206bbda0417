package zmq

import (
	"context"
	"sync"
)

// inbox holds what peers sent until Recv takes it.
type inbox struct {
	limit int

	mu     sync.Mutex
	in     []Received // newest, appended by readers
	out    []Received // oldest, from next on; swapped with in when empty
	next   int
	ready  bell // something came in, or the end
	room   bell // half of it is free, or the end
	closed bool
}

func newInbox(limit int) *inbox { return &inbox{limit: limit} }

// put adds batch, all from p, and waits for room. Overflow policy: the reader
// waits, so TCP pushes back. After close nothing waits: a batch that did is
// still given to Recv, and of later ones what there is room for.
func (b *inbox) put(p *Peer, batch []Frames) {
	for waited := false; len(batch) > 0; waited = true {
		b.mu.Lock()
		room := max(b.limit-b.held(), 0) // a batch that waited may have gone beyond
		if b.closed && waited {
			room = len(batch)
		} else if b.closed {
			batch = batch[:min(room, len(batch))]
		}
		n := min(room, len(batch))
		for _, frames := range batch[:n] {
			b.in = append(b.in, Received{frames, p})
		}
		batch = batch[n:]
		if n > 0 {
			b.ready.ring()
		}
		var wait <-chan struct{}
		if len(batch) > 0 {
			wait = b.room.wait()
		}
		b.mu.Unlock()
		if wait != nil {
			p.pause()
			<-wait
			p.resume()
		}
	}
}

// recv takes the oldest message.
func (b *inbox) recv(ctx context.Context) (Received, error) {
	for {
		b.mu.Lock()
		if b.next == len(b.out) {
			b.in, b.out, b.next = b.out[:0], b.in, 0
		}
		if b.next < len(b.out) {
			r := b.out[b.next]
			b.out[b.next] = Received{}
			b.next++
			// Waking readers at half, not at each message, keeps batches large.
			if b.held() <= b.limit/2 {
				b.room.ring()
			}
			b.mu.Unlock()
			return r, nil
		}
		if b.closed {
			b.mu.Unlock()
			return Received{}, ErrClosed
		}
		wait := b.ready.wait()
		b.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return Received{}, ctx.Err()
		}
	}
}

func (b *inbox) held() int { return len(b.in) + len(b.out) - b.next }

// close ends waiting. recv empties what is left and then returns ErrClosed.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.ready.ring()
	b.room.ring()
	b.mu.Unlock()
}
