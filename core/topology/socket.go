package topology

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/sdk/zmq"
)

// Endpoints say where a socket listens, or what it connects to.
type Endpoints struct {
	Listen  string
	Connect []string
}

// Options are what every socket has.
type Options struct {
	Name      string // for errors: "channel commands", "replies"
	Endpoints Endpoints
	ZMQ       zmq.Options // limits and heartbeats
	Log       zerolog.Logger
}

// endpoint is what this package needs of any socket.
type endpoint interface {
	Listen(endpoint string) (string, error)
	Connect(endpoint string) error
}

// open binds or connects, and returns the bound endpoint, empty for none.
func open(s endpoint, o Options) (string, error) {
	for _, to := range o.Endpoints.Connect {
		if err := s.Connect(to); err != nil {
			return "", fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	if o.Endpoints.Listen == "" {
		return "", nil
	}
	bound, err := s.Listen(o.Endpoints.Listen)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w: stop what listens there, or set another listen", err)
		}
		return "", fmt.Errorf("%s: %w", o.Name, err)
	}
	return bound, nil
}

// observe logs what happens to connections.
func observe(log zerolog.Logger) func(zmq.Event) {
	return func(e zmq.Event) {
		line := log.Debug()
		if e.Kind == zmq.Refused || e.Kind == zmq.Cut || e.Kind == zmq.Unaccepted {
			line = log.Warn()
		}
		line.Str("addr", e.Addr).Str("endpoint", e.Endpoint).AnErr("why", e.Err).Msg(e.Kind.String())
	}
}
