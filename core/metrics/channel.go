package metrics

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Channel counts what goes out on one command channel. Its methods are safe for
// concurrent use.
type Channel struct {
	wait, settle prometheus.Observer
}

// Delivered counts the first delivery of an event of that age.
func (c *Channel) Delivered(age time.Duration) {
	if c != nil {
		c.wait.Observe(max(age, 0).Seconds())
	}
}

// Settled counts the end of a delivery by a reply, so long after it went out.
func (c *Channel) Settled(after time.Duration) {
	if c != nil {
		c.settle.Observe(max(after, 0).Seconds())
	}
}

// channels are those of all command channels.
type channels struct {
	wait, settle *prometheus.HistogramVec
	mu           sync.Mutex
	names        []string // that have been counted by
}

// slow are the bounds of what waits for consumers, in seconds: from the time on the
// wire to the age at which events expire.
func slow() []float64 {
	return []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 604800}
}

func newChannels() *channels {
	return &channels{wait: waitMetric().histogram(slow()), settle: settleMetric().histogram(slow())}
}

// of is the one with that name.
func (c *channels) of(name string) *Channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.names, name) {
		c.names = append(c.names, name)
	}
	return &Channel{wait: c.wait.WithLabelValues(name), settle: c.settle.WithLabelValues(name)}
}

// use forgets those that are gone.
func (c *channels) use(names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = slices.DeleteFunc(c.names, func(name string) bool {
		gone := !slices.Contains(names, name)
		if gone {
			c.wait.DeleteLabelValues(name)
			c.settle.DeleteLabelValues(name)
		}
		return gone
	})
}

func (c *channels) collectors() []prometheus.Collector {
	return []prometheus.Collector{c.wait, c.settle}
}
