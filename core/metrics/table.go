package metrics

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Metric describes one metric.
type Metric struct {
	Name, Kind, Help string
	Labels           []string
}

// Table lists every metric of a router by name; those of the process and of Go's
// run time are the client library's.
func Table() []Metric {
	out := counted()
	for _, f := range families() {
		m := Metric{Name: f.name, Kind: "gauge", Help: f.help, Labels: f.labels}
		switch {
		case f.histogram != nil:
			m.Kind = "histogram"
		case f.kind == prometheus.CounterValue:
			m.Kind = "counter"
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Metric) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// counted are those that are counted as they pass.
func counted() []Metric {
	return []Metric{tookMetric(), refusedMetric(), shedMetric(), verdictsMetric(), routedMetric(), waitMetric(), settleMetric()}
}

func tookMetric() Metric {
	return Metric{"headgate_intake_duration_seconds", "histogram", "Time from a whole request to its answer, of requests that were read, whatever became of their events.", []string{"ingress"}}
}

func refusedMetric() Metric {
	return Metric{"headgate_intake_refused_total", "counter", "Refusals by code, of requests and of single events of a batch.", []string{"ingress", "code"}}
}

func shedMetric() Metric {
	return Metric{"headgate_intake_shed_total", "counter", "Requests that were refused with a 503 before their body was read, by the bound of [limits] that they met.", []string{"ingress", "bound"}}
}

func verdictsMetric() Metric {
	return Metric{"headgate_auth_verdicts_total", "counter", "What each auth said of a sender: accepted, or why not.", []string{"auth", "verdict"}}
}

func routedMetric() Metric {
	return Metric{"headgate_route_events_total", "counter", "Events that were accepted on a route; one on several routes counts on each.", []string{"route"}}
}

func waitMetric() Metric {
	return Metric{"headgate_channel_delivery_wait_seconds", "histogram", "Age of an event at its first delivery on a command channel.", []string{"channel"}}
}

func settleMetric() Metric {
	return Metric{"headgate_channel_settle_seconds", "histogram", "Time from a delivery to the reply that ended it, whatever it said.", []string{"channel"}}
}

func (m Metric) counter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
}

func (m Metric) histogram(bounds []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: bounds}, m.Labels)
}
