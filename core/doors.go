package core

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/topology"
)

// door is one ingress.
type door struct {
	runner
	name, address string
	requests      *topology.Requests // of a ZeroMQ door
	zmq           *ingress.ZMQ       // likewise
}

type runner interface {
	Run(ctx context.Context, drain time.Duration) error
}

// openHTTP binds an HTTP door.
func (c *Core) openHTTP(in *config.Ingress) error {
	tlsConfig, err := serverTLS(c.cfg, in.TLS)
	if err != nil {
		return fmt.Errorf("ingress %s: %w", in.Name, err)
	}
	d := ingress.NewHTTP(ingress.HTTPOptions{Name: in.Name, Intake: c.intake, TLS: tlsConfig, Behind: prefixes(in.Behind),
		DefaultKeyIDs: in.DefaultKeyIDs, Keys: c.signing.JWKS, Limits: httpLimits(c.cfg.Limits, in), Log: part(c.o.Log, "ingress")})
	at, err := url.Parse(in.Listen)
	if err != nil {
		return fmt.Errorf("ingress %s: %w", in.Name, err)
	}
	bound, err := d.Listen(at.Host)
	if err != nil {
		return err
	}
	c.bound = append(c.bound, d.Close)
	c.doors = append(c.doors, door{runner: d, name: in.Name, address: at.Scheme + "://" + bound})
	return nil
}

// openZMQ binds a ZeroMQ door.
func (c *Core) openZMQ(in *config.Ingress) error {
	l := c.cfg.Limits
	setting, err := ingressSetting(c.cfg, in)
	if err != nil {
		return fmt.Errorf("ingress %s: %w", in.Name, err)
	}
	o := socketOptions(c.cfg, "ingress "+in.Name, in.IPCMode, setting)
	o.Log = part(c.o.Log, "ingress").With().Str("ingress", in.Name).Logger()
	requests, err := topology.NewRequests(o, topology.RequestLimits{Headers: int(l.HeaderBytes), Queue: l.ZMQRequests})
	if err != nil {
		return err
	}
	c.bound = append(c.bound, release(requests))
	c.rotates(o.Name, in.Curve, requests)
	d := ingress.NewZMQ(ingress.ZMQOptions{Name: in.Name, Intake: c.intake, Socket: requests, DefaultKeyIDs: in.DefaultKeyIDs,
		Limits: ingress.ZMQLimits{Body: int64(in.MaxBody), Headers: int(l.HeaderBytes), Requests: l.Requests, RequestsPerPeer: l.ZMQRequests}, Log: o.Log})
	c.doors = append(c.doors, door{runner: served{d, requests}, name: in.Name, address: requests.Bound(), requests: requests, zmq: d})
	return nil
}

// served is a ZeroMQ door with its socket, which outlives it so that its last
// answers go out.
type served struct {
	*ingress.ZMQ
	socket *topology.Requests
}

// Run serves until ctx ends, and drains.
func (s served) Run(ctx context.Context, drain time.Duration) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- s.socket.Run(life) }()
	err := s.ZMQ.Run(ctx, drain)
	end()
	if socketErr := <-ended; err == nil {
		err = socketErr
	}
	return err
}

// isHTTP tells an HTTP door from a ZeroMQ one.
func isHTTP(in *config.Ingress) bool { return strings.HasPrefix(in.Listen, "http") }
