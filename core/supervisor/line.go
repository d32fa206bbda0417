package supervisor

import (
	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/sdk/host"
)

// lines puts what a plugin logs into the router's log. Its fields stay apart from
// the router's own, so that it cannot speak in the router's name. Its lines are
// not sampled together with the router's, so that it cannot silence them either:
// sdk/host bounds those of each process.
func (p *Process) lines(generation int) func(host.Line) {
	own := p.log.Sample(nil)
	log := own.With().Int("generation", generation).Logger()
	if generation == 0 {
		log = own.With().Bool("alone", true).Logger() // it runs events alone
	}
	return func(l host.Line) {
		if l.Dropped > 0 {
			p.dropped.Add(int64(l.Dropped))
			log.Warn().Int("lines", l.Dropped).Msg("plugin logs too fast: lines were dropped")
		}
		e := log.WithLevel(level(l.Level))
		if len(l.Fields) > 0 {
			e = e.Interface("fields", l.Fields)
		}
		e.Msg(l.Text)
	}
}

func level(of string) zerolog.Level {
	switch of {
	case "trace":
		return zerolog.TraceLevel
	case "debug":
		return zerolog.DebugLevel
	case "warn":
		return zerolog.WarnLevel
	case "error":
		return zerolog.ErrorLevel
	default:
		return zerolog.InfoLevel
	}
}
