package supervisor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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
		severity := level(l.Level)
		if severity >= zerolog.WarnLevel {
			p.warned.Store(newWarning(&l))
		}
		e := log.WithLevel(severity)
		if len(l.Fields) > 0 {
			e = e.Interface("fields", l.Fields)
		}
		e.Msg(l.Text)
	}
}

// maxWarning bounds what is kept of a line, in bytes: an address, and an error with
// another one in it.
const maxWarning = 1024

func newWarning(l *host.Line) *Warning {
	var b strings.Builder
	b.WriteString(l.Text)
	for _, name := range slices.Sorted(maps.Keys(l.Fields)) {
		fmt.Fprintf(&b, " %s=%v", name, l.Fields[name])
	}
	text := b.String()
	return &Warning{At: time.Now().UTC(), Text: strings.ToValidUTF8(text[:min(len(text), maxWarning)], "")}
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
