package promise_test

import (
	"net"
	"strings"
	"sync"
	"time"
)

// relay is a TCP relay that treats what goes through it badly.
type relay struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	conns    []net.Conn
	frozen   chan struct{} // what is read waits until it is closed; nil for not frozen
	open     sync.WaitGroup
}

func (r *router) relay(to string) *relay {
	r.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	k := &relay{listener: l, to: strings.TrimPrefix(to, "tcp://")}
	k.open.Go(k.accept)
	r.Cleanup(func() {
		_ = l.Close()
		k.thaw()
		k.cut()
		k.open.Wait()
	})
	return k
}

func (k *relay) endpoint() string { return "tcp://" + k.listener.Addr().String() }

func (k *relay) accept() {
	for {
		in, err := k.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", k.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		k.mu.Lock()
		k.conns = append(k.conns, in, out)
		k.mu.Unlock()
		k.open.Go(func() { k.pass(in, out) })
		k.open.Go(func() { k.pass(out, in) })
	}
}

// pass hands on what comes, while the relay is not frozen.
func (k *relay) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		k.mu.Lock()
		frozen := k.frozen
		k.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			return
		}
	}
}

// freeze keeps every byte from now on, with the connections open: each side
// sees the other alive and silent.
func (k *relay) freeze() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.frozen == nil {
		k.frozen = make(chan struct{})
	}
}

func (k *relay) thaw() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.frozen != nil {
		close(k.frozen)
		k.frozen = nil
	}
}

// cut resets everything that is connected.
func (k *relay) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.conns {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
	k.conns = nil
}

// halve ends the half of each connection that faces who connected; the other
// half stays open and takes whatever comes, for ever.
func (k *relay) halve() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := 0; i+1 < len(k.conns); i += 2 {
		_ = k.conns[i].Close()
	}
}

// flap cuts everything every so often until stop is called.
func (k *relay) flap(every time.Duration) (stop func()) {
	ended := make(chan struct{})
	var going sync.WaitGroup
	going.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(every):
				k.cut()
			}
		}
	})
	return sync.OnceFunc(func() { close(ended); going.Wait() })
}
