package zmq_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// zmq4socket is a socket of zmq4, an independent peer that speaks ZMTP 3.0
// with mechanism NULL and without heartbeats.
type zmq4socket struct {
	zmq4.Socket
	messages chan zmq.Frames
}

// openZmq4 is for zmq4 what libpeer.open is for libzmq.
func openZmq4(o opening) (foreign, string, error) {
	sock := map[string]func(context.Context, ...zmq4.Option) zmq4.Socket{
		"PUSH":   zmq4.NewPush,
		"PULL":   zmq4.NewPull,
		"PUB":    zmq4.NewPub,
		"SUB":    zmq4.NewSub,
		"DEALER": zmq4.NewDealer,
		"ROUTER": zmq4.NewRouter,
	}[o.kind](context.Background(), zmq4.WithID(zmq4.SocketIdentity(o.identity)))
	s := &zmq4socket{sock, make(chan zmq.Frames, unread)}
	if o.how == "connect" {
		if err := sock.Dial(o.endpoint); err != nil {
			return nil, "", err
		}
	} else {
		if err := sock.Listen(strings.Replace(o.endpoint, "*", "0", 1)); err != nil {
			return nil, "", err
		}
		o.endpoint = fmt.Sprintf("tcp://%s", sock.Addr())
	}
	for _, prefix := range o.topics {
		if err := s.subscribe(prefix); err != nil {
			return nil, "", err
		}
	}
	switch o.kind {
	case "PULL", "SUB", "DEALER", "ROUTER":
		go s.read()
	}
	return s, o.endpoint, nil
}

// read ends when the socket is closed or has lost its peer.
func (s *zmq4socket) read() {
	for {
		m, err := s.Recv()
		if err != nil {
			close(s.messages)
			return
		}
		s.messages <- m.Frames
	}
}

func (s *zmq4socket) send(frames zmq.Frames) error { return s.Send(zmq4.NewMsgFrom(frames...)) }

func (s *zmq4socket) recv() (zmq.Frames, error) {
	select {
	case frames, ok := <-s.messages:
		if !ok {
			return nil, errPeerEnded
		}
		return frames, nil
	case <-time.After(patience):
		return nil, errPeerSilent
	}
}

func (s *zmq4socket) subscribe(prefix string) error {
	return s.SetOption(zmq4.OptionSubscribe, prefix)
}

func (s *zmq4socket) cancel(prefix string) error {
	return s.SetOption(zmq4.OptionUnsubscribe, prefix)
}

func (s *zmq4socket) close() error { return s.Close() }

// ready: a zmq4 socket does not tell.
func (s *zmq4socket) ready() bool { return true }
