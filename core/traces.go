package core

import (
	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/core/tracing"
)

// openTracer has the tracer that the configuration wants, nil for none.
func openTracer(cfg *config.Config, version string, log zerolog.Logger) (*tracing.Tracer, error) {
	if !cfg.Trace.On() {
		return nil, nil
	}
	headers, err := cfg.TraceHeaders()
	if err != nil {
		return nil, err
	}
	secure, err := clientTLS(cfg, cfg.Trace.TLS)
	if err != nil {
		return nil, err
	}
	return tracing.New(tracing.Options{Endpoint: cfg.Trace.Endpoint, Headers: headers, TLS: secure, Sample: cfg.Trace.Sample.Fraction(),
		Version: version, Instance: boot(), Log: log}), nil
}

// traced counts the spans, nil for a router that makes none.
func (c *Core) traced() *admin.Traces {
	if c.tracer == nil {
		return nil
	}
	return new(c.tracer.Stats())
}
