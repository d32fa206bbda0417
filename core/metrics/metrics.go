package metrics

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// Names are those of the TOML that become values of labels.
type Names struct {
	Ingress  []string
	Codes    []string // of refusals
	Bounds   []string // by which requests are refused unread
	Auth     []string
	Routes   []string
	Channels []string // command channels
}

// Metrics is a registry of its own. Make one with New.
type Metrics struct {
	registry *prometheus.Registry
	intake   *Intake
	channels *channels
}

// New makes what counts, without any names yet.
func New() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), intake: newIntake(), channels: newChannels()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.intake.collectors()...)
	m.registry.MustRegister(m.channels.collectors()...)
	return m
}

// Use swaps the names that count: others are not told, and what was counted by one
// that is gone is forgotten.
func (m *Metrics) Use(n Names) {
	m.intake.use(n)
	m.channels.use(n.Channels)
}

// Intake counts what comes in.
func (m *Metrics) Intake() *Intake { return m.intake }

// Channel counts what goes out on the command channel of that name.
func (m *Metrics) Channel(name string) *Channel { return m.channels.of(name) }

// maxScrapes bounds the scrapes at once: each has the router look at itself.
const maxScrapes = 2

// Handler answers scrapes of a router, in the text format or in OpenMetrics, as
// they ask. A router that does not answer is a 500.
func (m *Metrics) Handler(r Router, log zerolog.Logger) http.Handler {
	m.registry.MustRegister(&collector{router: r, families: families(), log: log})
	return newTurns(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, ErrorHandling: promhttp.HTTPErrorOnError, ErrorLog: complaints{log},
	}))
}

// complaints writes what goes wrong with a scrape into the log.
type complaints struct{ log zerolog.Logger }

func (c complaints) Println(v ...any) {
	c.log.Error().Str("scrape", strings.TrimSpace(fmt.Sprintln(v...))).Msg("metrics")
}
