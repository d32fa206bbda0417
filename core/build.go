package core

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/datadir"
	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/journal"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/outbox/memory"
	"github.com/headgate-io/headgate/core/topology"
)

// openOutbox opens the store of accepted commands that the configuration wants,
// in the data directory dir.
func openOutbox(cfg *config.Config, dir string, log zerolog.Logger) (outbox.Engine, error) {
	if !cfg.Journal.Embedded() {
		return memoryOutbox(cfg), nil
	}
	j := &cfg.Journal
	return journal.Open(journal.Options{Dir: datadir.Journal(dir), Remember: time.Duration(j.Remember), KeepStatus: time.Duration(j.KeepStatus),
		MaxIDs: j.IDs(), Capacity: int64(j.Bytes()), Reserve: int64(j.Reserve), MaxPending: maxPending(cfg, &cfg.Journal), Follow: cfg.Audit.On(), Log: log})
}

func memoryOutbox(cfg *config.Config) *memory.Store {
	j := &cfg.Journal
	return memory.New(memory.Options{Remember: time.Duration(j.Remember), KeepStatus: time.Duration(j.KeepStatus),
		MaxIDs: j.IDs(), Capacity: int64(j.Bytes()), MaxPending: maxPending(cfg, &cfg.Journal), Follow: cfg.Audit.On()})
}

// maxPending is how many bytes each command channel may hold of a store.
func maxPending(cfg *config.Config, store *config.Journal) map[string]int64 {
	out := make(map[string]int64)
	for _, c := range cfg.Channels {
		if c.Class == "command" {
			out[c.Name] = int64(c.MaxPending.Of(store.Bytes()))
		}
	}
	return out
}

func settings(c *config.Channel) dispatch.Settings {
	return dispatch.Settings{Name: c.Name, Prefetch: c.Prefetch, AckTimeout: time.Duration(c.AckTimeout), MaxHold: time.Duration(c.MaxHold),
		MaxAttempts: c.MaxAttempts, BackoffMin: time.Duration(c.Backoff.Min), BackoffMax: time.Duration(c.Backoff.Max), MaxAge: time.Duration(c.MaxAge),
		KeepOriginal: c.KeepOriginal}
}

// httpLimitKeys are those of [limits] that httpLimits has.
var httpLimitKeys = []string{"limits.header_bytes", "limits.header_timeout", "limits.body_timeout", "limits.idle_timeout", "limits.connections", "limits.requests", "limits.streams"}

func httpLimits(l config.Limits) ingress.HTTPLimits {
	return ingress.HTTPLimits{Headers: int(l.HeaderBytes), HeaderTimeout: time.Duration(l.HeaderTimeout),
		BodyTimeout: time.Duration(l.BodyTimeout), IdleTimeout: time.Duration(l.IdleTimeout), Connections: l.Connections,
		Requests: l.Requests, Streams: l.Streams}
}

// zmqLimitKeys are those of [limits] that a ZeroMQ door has, and that count at once.
var zmqLimitKeys = []string{"limits.header_bytes", "limits.requests"}

func zmqLimits(l config.Limits) ingress.ZMQLimits {
	return ingress.ZMQLimits{Headers: int(l.HeaderBytes), Requests: l.Requests, RequestsPerPeer: l.ZMQRequests}
}

func requestLimits(l config.Limits) topology.RequestLimits {
	return topology.RequestLimits{Headers: int(l.HeaderBytes), Queue: l.ZMQRequests}
}

func serverTLS(cfg *config.Config, t *config.TLS) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(cfg.Path(t.Cert), cfg.Path(t.Key))
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if t.ClientCA == "" {
		return out, nil
	}
	if out.ClientCAs, err = certPool(cfg.Path(t.ClientCA)); err != nil {
		return nil, fmt.Errorf("tls: client_ca: %w", err)
	}
	out.ClientAuth = tls.RequireAndVerifyClientCert
	return out, nil
}

func prefixes(in []config.Prefix) []netip.Prefix {
	out := make([]netip.Prefix, len(in))
	for i, p := range in {
		out[i] = p.Prefix
	}
	return out
}
