package core

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/topology"
)

// door is one ingress.
type door struct {
	runner
	life
	name, address string
	http          *ingress.HTTP // of an HTTP door
	zmq           *ingress.ZMQ  // of a ZeroMQ door, as is requests
	requests      *topology.Requests
}

type runner interface {
	Run(ctx context.Context, drain func() time.Duration) error
}

// openDoors has every [[ingress]]: as it was, changed, or new.
func (m *making) openDoors() error {
	for i := range m.cfg.Ingress {
		in := &m.cfg.Ingress[i]
		open := m.openZMQ
		if isHTTP(in) {
			open = m.openHTTP
		}
		d, err := open(in)
		if err != nil {
			return fmt.Errorf("ingress %s: %w", in.Name, err)
		}
		m.doors = append(m.doors, d)
	}
	m.gone.doors = missing(m.was.doors, m.doors)
	return nil
}

// openHTTP has an HTTP door. One that has to be another and stays where it is
// takes its address over from the one that was.
func (m *making) openHTTP(in *config.Ingress) (*door, error) {
	terms, err := httpTerms(m.cfg, in)
	if err != nil {
		return nil, err
	}
	if d := named(m.was.doors, in.Name); d != nil && d.http != nil && !m.changed(config.KeyOf("ingress", in.Name, "listen")) && !m.changed(httpLimitKeys...) {
		m.swaps = append(m.swaps, func() { d.http.Change(terms) })
		return d, nil
	}
	at, err := url.Parse(in.Listen)
	if err != nil {
		return nil, err
	}
	h := ingress.NewHTTP(ingress.HTTPOptions{Name: in.Name, Intake: m.c.intake, Terms: terms, Keys: m.c.signing.JWKS, Limits: httpLimits(m.cfg.Limits),
		Log: m.c.part("ingress")})
	var bound string
	if from := m.heldBy(in.Name, at.Host); from != nil {
		bound, err = h.Inherit(from.http)
	} else {
		bound, err = h.Listen(at.Host)
	}
	if err != nil {
		return nil, err
	}
	m.undo = append(m.undo, h.Close)
	d := &door{runner: h, http: h, name: in.Name, address: at.Scheme + "://" + bound}
	m.begins = append(m.begins, func(s *stage) { s.door(d) })
	return d, nil
}

// heldBy is the HTTP door that has an address now, and gives it up: because it has
// to be another, or is there no more.
func (m *making) heldBy(name, host string) *door {
	at := func(in *config.Ingress) string {
		u, err := url.Parse(in.Listen)
		if err != nil || !isHTTP(in) {
			return ""
		}
		return u.Host
	}
	for i := range m.was.cfg.Ingress {
		was := &m.was.cfg.Ingress[i]
		stays := slices.ContainsFunc(m.cfg.Ingress, func(in config.Ingress) bool { return in.Name == was.Name && at(&in) == host })
		if at(was) == host && (was.Name == name || !stays && !strings.HasSuffix(host, ":0")) {
			return m.was.doors[i]
		}
	}
	return nil
}

func httpTerms(cfg *config.Config, in *config.Ingress) (ingress.HTTPTerms, error) {
	secure, err := serverTLS(cfg, in.TLS)
	return ingress.HTTPTerms{Terms: terms(in), TLS: secure, Behind: prefixes(in.Behind)}, err
}

func terms(in *config.Ingress) ingress.Terms {
	return ingress.Terms{DefaultKeyIDs: in.DefaultKeyIDs, Body: int64(in.MaxBody)}
}

// openZMQ has a ZeroMQ door. One that has to be another takes the address over.
func (m *making) openZMQ(in *config.Ingress) (*door, error) {
	to, err := ingressSetting(m.cfg, in)
	if err != nil {
		return nil, err
	}
	d := named(m.was.doors, in.Name)
	if d != nil && d.zmq != nil && !m.changed(zmqLimitKeys...) {
		m.swaps = append(m.swaps, func() { d.zmq.Change(terms(in)) })
	} else {
		o := socketOptions(m.cfg, "ingress "+in.Name, in.IPCMode)
		o.Log = m.c.part("ingress").With().Str("ingress", in.Name).Logger()
		requests, err := topology.NewRequests(o, requestLimits(m.cfg.Limits))
		if err != nil {
			return nil, err
		}
		m.undo = append(m.undo, release(requests))
		z := ingress.NewZMQ(ingress.ZMQOptions{Name: in.Name, Intake: m.c.intake, Socket: requests, Terms: terms(in),
			Limits: zmqLimits(m.cfg.Limits), Log: o.Log})
		d = &door{runner: served{z, requests}, name: in.Name, requests: requests, zmq: z}
		m.begins = append(m.begins, func(s *stage) { s.door(d) })
	}
	m.move(d.requests, to, config.KeyOf("ingress", in.Name, "curve", "secret"))
	m.rotates("ingress "+in.Name, in.Curve, d.requests)
	return d, nil
}

// at is where a door is reached.
func (d *door) at() string {
	if d.requests != nil {
		return d.requests.Bound()
	}
	return d.address
}

// served is a ZeroMQ door with its socket, which outlives it so that its last
// answers go out.
type served struct {
	*ingress.ZMQ
	socket *topology.Requests
}

// Run serves until ctx ends, and drains.
func (s served) Run(ctx context.Context, drain func() time.Duration) error {
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
