package metrics

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/core/admin"
	"github.com/headgate-io/headgate/core/outbox"
)

// Router is what a scrape looks at.
type Router interface {
	Top(ctx context.Context) (admin.Top, error)
	Keys(ctx context.Context) (admin.Keys, error)
	Levels(ctx context.Context) ([]admin.PartLevel, error)
}

// snapshot is a router at the moment of a scrape.
type snapshot struct {
	admin.Top
	keys   admin.Keys
	levels []admin.PartLevel
}

// family is one metric, read from a snapshot.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	// values gives each value with those of the labels, in their order.
	values func(s *snapshot, give func(value float64, labels ...string))
	// histogram stands for values where there are many: one of whole numbers, with
	// what they are to be multiplied by. Nil for none now.
	histogram func(s *snapshot) (h *outbox.Histogram, unit float64)
}

func (f *family) desc() *prometheus.Desc {
	return prometheus.NewDesc(f.name, f.help, f.labels, nil)
}

// scrapeLimit bounds a look at the router.
const scrapeLimit = 5 * time.Second

// collector reads a router at each scrape.
type collector struct {
	router   Router
	families []family
	log      zerolog.Logger
}

// errSilent is all that a scraper is told: anybody may be one.
var errSilent = errors.New("the router does not answer")

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for i := range c.families {
		out <- c.families[i].desc()
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s, err := c.look()
	if err != nil {
		c.log.Error().Err(err).Msg("metrics")
		out <- prometheus.NewInvalidMetric(c.families[0].desc(), errSilent)
		return
	}
	for i := range c.families {
		f := &c.families[i]
		desc := f.desc()
		if f.histogram != nil {
			if h, unit := f.histogram(s); h != nil {
				out <- histogram(desc, h, unit)
			}
			continue
		}
		f.values(s, func(value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(desc, f.kind, value, labels...)
		})
	}
}

func (c *collector) look() (*snapshot, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	var s snapshot
	var err error
	if s.Top, err = c.router.Top(ctx); err != nil {
		return nil, err
	}
	if s.keys, err = c.router.Keys(ctx); err != nil {
		return nil, err
	}
	s.levels, err = c.router.Levels(ctx)
	return &s, err
}

// histogram shows powers of two. A bucket has what is less than its power: of what
// was cut to whole numbers, such as microseconds, that is its bound; of numbers that
// are whole by nature it is one less.
func histogram(desc *prometheus.Desc, h *outbox.Histogram, unit float64) prometheus.Metric {
	buckets, count := make(map[float64]uint64), uint64(0)
	for i, n := range h.Counts {
		count += n
		if i < len(h.Counts)-1 { // the last one has no bound
			bound := math.Ldexp(1, i)
			if unit == 1 {
				bound--
			}
			buckets[bound*unit] = count
		}
	}
	return prometheus.MustNewConstHistogram(desc, count, float64(h.Sum)*unit, buckets)
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// age gives how long ago a time is, in seconds; 0 for no time.
func age(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(time.Since(t), 0).Seconds()
}

// stamp gives a time in seconds since 1970, as Prometheus has it.
func stamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }
