package core

import (
	"github.com/rs/zerolog"

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
