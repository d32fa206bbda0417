package metrics

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// other stands for every value that was not named.
const other = "other"

// fast are the bounds of what a sender waits for, in seconds: a good disk syncs
// within one millisecond, a sender gives up after ten seconds.
func fast() []float64 {
	return []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}
}

// Intake counts what comes in. Its methods are safe for concurrent use.
type Intake struct {
	took     *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	shed     *prometheus.CounterVec
	verdicts *prometheus.CounterVec
	routed   *prometheus.CounterVec
	at       atomic.Pointer[intakeNames]
}

// intakeNames are the metrics of those names that count now.
type intakeNames struct {
	took     map[string]prometheus.Observer   // by ingress
	refused  map[[2]string]prometheus.Counter // by ingress and code
	shed     map[[2]string]prometheus.Counter // by ingress and bound
	routed   map[string]prometheus.Counter    // by route
	verdicts map[string]*verdicts             // by auth
}

// verdicts are those of one auth. Which reasons there are shows with time.
type verdicts struct {
	mu sync.RWMutex
	of map[string]prometheus.Counter
}

// maxVerdicts is more than all the reasons that an auth gives: were one ever taken
// from a request, it would end here.
const maxVerdicts = 128

func newIntake() *Intake {
	in := &Intake{took: tookMetric().histogram(fast()), refused: refusedMetric().counter(), shed: shedMetric().counter(), verdicts: verdictsMetric().counter(), routed: routedMetric().counter()}
	in.at.Store(new(intakeNames))
	return in
}

// use swaps the names. What is gone is forgotten.
func (in *Intake) use(n Names) {
	was := in.at.Load()
	at := &intakeNames{took: make(map[string]prometheus.Observer), refused: make(map[[2]string]prometheus.Counter), shed: make(map[[2]string]prometheus.Counter),
		routed: make(map[string]prometheus.Counter), verdicts: make(map[string]*verdicts)}
	for _, ingress := range n.Ingress {
		at.took[ingress] = in.took.WithLabelValues(ingress)
		for _, code := range append(slices.Clone(n.Codes), other) {
			at.refused[[2]string{ingress, code}] = in.refused.WithLabelValues(ingress, code)
		}
		for _, bound := range n.Bounds {
			at.shed[[2]string{ingress, bound}] = in.shed.WithLabelValues(ingress, bound)
		}
	}
	for _, route := range n.Routes {
		at.routed[route] = in.routed.WithLabelValues(route)
	}
	for _, auth := range n.Auth {
		if at.verdicts[auth] = was.verdicts[auth]; at.verdicts[auth] == nil {
			at.verdicts[auth] = &verdicts{of: make(map[string]prometheus.Counter)}
		}
	}
	in.at.Store(at)
	for ingress := range was.took {
		if at.took[ingress] == nil {
			in.took.DeleteLabelValues(ingress)
			in.refused.DeletePartialMatch(prometheus.Labels{"ingress": ingress})
			in.shed.DeletePartialMatch(prometheus.Labels{"ingress": ingress})
		}
	}
	for route := range was.routed {
		if at.routed[route] == nil {
			in.routed.DeleteLabelValues(route)
		}
	}
	for auth := range was.verdicts {
		if at.verdicts[auth] == nil {
			in.verdicts.DeletePartialMatch(prometheus.Labels{"auth": auth})
		}
	}
}

func (in *Intake) collectors() []prometheus.Collector {
	return []prometheus.Collector{in.took, in.refused, in.shed, in.verdicts, in.routed}
}

// Took counts a request that was read at an ingress.
func (in *Intake) Took(ingress string, d time.Duration) {
	if in == nil {
		return
	}
	if of := in.at.Load().took[ingress]; of != nil {
		of.Observe(d.Seconds())
	}
}

// Refused counts a refusal at an ingress.
func (in *Intake) Refused(ingress, code string) {
	if in == nil {
		return
	}
	at := in.at.Load()
	of := at.refused[[2]string{ingress, code}]
	if of == nil {
		of = at.refused[[2]string{ingress, other}]
	}
	if of != nil {
		of.Inc()
	}
}

// Shed counts a request that was refused unread at an ingress, by a bound.
func (in *Intake) Shed(ingress, bound string) {
	if in == nil {
		return
	}
	if of := in.at.Load().shed[[2]string{ingress, bound}]; of != nil {
		of.Inc()
	}
}

// Verdict counts what an auth says of a sender: "accepted", or its reason.
func (in *Intake) Verdict(auth, verdict string) {
	if in == nil {
		return
	}
	v := in.at.Load().verdicts[auth]
	if v == nil {
		return
	}
	v.mu.RLock()
	of := v.of[verdict]
	v.mu.RUnlock()
	if of == nil {
		of = v.add(verdict, in.verdicts.MustCurryWith(prometheus.Labels{"auth": auth}))
	}
	of.Inc()
}

// add gives the counter of a verdict that has not been seen.
func (v *verdicts) add(verdict string, vec *prometheus.CounterVec) prometheus.Counter {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.of) >= maxVerdicts && v.of[verdict] == nil {
		return vec.WithLabelValues(other)
	}
	v.of[verdict] = vec.WithLabelValues(verdict)
	return v.of[verdict]
}

// Routed counts an event that was accepted on a route.
func (in *Intake) Routed(route string) {
	if in == nil {
		return
	}
	if of := in.at.Load().routed[route]; of != nil {
		of.Inc()
	}
}
