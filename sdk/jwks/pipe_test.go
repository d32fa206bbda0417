package jwks_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// listener takes connections in memory, which hold what was written until it is
// read: TLS says goodbye when nobody reads any more, and net.Pipe would wait.
type listener struct {
	address string
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newListener(address string) *listener {
	return &listener{address: address, conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	there, back := newQueue(), newQueue()
	select {
	case l.conns <- &pipe{l, back, there}:
		return &pipe{l, there, back}, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr  { return l }
func (l *listener) Network() string { return "tcp" }
func (l *listener) String() string  { return l.address }

// pipe is one end of a connection.
type pipe struct {
	*listener
	out, in *queue
}

func (p *pipe) Read(b []byte) (int, error)        { return p.in.read(b) }
func (p *pipe) Write(b []byte) (int, error)       { return p.out.write(b) }
func (p *pipe) Close() error                      { p.out.close(); p.in.close(); return nil }
func (p *pipe) LocalAddr() net.Addr               { return p.listener }
func (p *pipe) RemoteAddr() net.Addr              { return p.listener }
func (p *pipe) SetReadDeadline(t time.Time) error { return p.in.expire(t) }
func (p *pipe) SetWriteDeadline(time.Time) error  { return nil } // what is not read is closed
func (p *pipe) SetDeadline(t time.Time) error     { return p.in.expire(t) }

// queueBytes is how much may wait to be read.
const queueBytes = 64 << 10

// queue is one direction.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	bytes   []byte
	closed  bool
	late    bool
	timer   *time.Timer
}

func newQueue() *queue {
	q := &queue{}
	q.changed = sync.NewCond(&q.mu)
	return q
}

func (q *queue) read(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.bytes) == 0 || q.late {
		switch {
		case q.late:
			return 0, os.ErrDeadlineExceeded
		case q.closed:
			return 0, io.EOF
		}
		q.changed.Wait()
	}
	n := copy(b, q.bytes)
	q.bytes = q.bytes[n:]
	q.changed.Broadcast()
	return n, nil
}

func (q *queue) write(b []byte) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n < len(b) {
		for len(q.bytes) >= queueBytes && !q.closed {
			q.changed.Wait()
		}
		if q.closed {
			return n, io.ErrClosedPipe
		}
		part := b[n:min(len(b), n+queueBytes-len(q.bytes))]
		q.bytes = append(q.bytes, part...)
		n += len(part)
		q.changed.Broadcast()
	}
	return n, nil
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
}

// expire ends reads at a time. One that has passed needs no timer.
func (q *queue) expire(t time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer != nil {
		q.timer.Stop()
	}
	left := time.Until(t)
	q.late = !t.IsZero() && left <= 0
	if left > 0 {
		q.timer = time.AfterFunc(left, func() { _ = q.expire(t) })
	}
	q.changed.Broadcast()
	return nil
}
