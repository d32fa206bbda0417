package main

import (
	"io"
	"net"
	"strings"
	"sync"
)

// link is a TCP relay that can cut what goes through it.
type link struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	conns    []net.Conn
	open     sync.WaitGroup
}

func (r *rig) link(to string) *link {
	r.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	k := &link{listener: l, to: strings.TrimPrefix(to, "tcp://")}
	k.open.Add(1)
	go k.accept()
	r.Cleanup(func() { _ = l.Close(); k.cut(); k.open.Wait() })
	return k
}

func (k *link) endpoint() string { return "tcp://" + k.listener.Addr().String() }

func (k *link) accept() {
	defer k.open.Done()
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
		k.open.Add(2)
		for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
			go func() {
				defer k.open.Done()
				_, _ = io.Copy(pair[0], pair[1])
				_ = pair[0].Close()
				_ = pair[1].Close()
			}()
		}
	}
}

// cut resets everything that is connected.
func (k *link) cut() {
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
