package intake

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

// rates limits each principal on each route by a token bucket.
type rates struct {
	most int

	mu      sync.Mutex
	buckets map[rateKey]*rate.Limiter
}

type rateKey struct {
	principal sdk.Principal
	route     string
}

func newRates(most int) *rates { return &rates{most: most, buckets: make(map[rateKey]*rate.Limiter)} }

// take lets one event through every matched route's limit, or says how long to wait.
func (r *rates) take(p sdk.Principal, routes []route.Matched, now time.Time) error {
	for _, m := range routes {
		if m.Rate.PerSecond <= 0 {
			continue
		}
		bucket, err := r.bucket(rateKey{principal: p, route: m.Name}, m.Rate, now)
		if err != nil {
			return err
		}
		if !bucket.AllowN(now, 1) {
			wait := int(1/m.Rate.PerSecond) + 1
			return &Problem{Code: RateLimited, RetryAfter: wait, Reason: m.Name}
		}
	}
	return nil
}

func (r *rates) bucket(k rateKey, limit route.Rate, now time.Time) (*rate.Limiter, error) {
	burst := limit.Burst
	if burst <= 0 {
		burst = max(int(limit.PerSecond), 1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.buckets[k]; ok {
		if b.Limit() != rate.Limit(limit.PerSecond) || b.Burst() != burst {
			b.SetLimitAt(now, rate.Limit(limit.PerSecond))
			b.SetBurstAt(now, burst)
		}
		return b, nil
	}
	if len(r.buckets) >= r.most {
		r.sweep(now)
	}
	if len(r.buckets) >= r.most { // closed rather than unlimited
		return nil, &Problem{Code: Overloaded, RetryAfter: retrySoon, Reason: "rates tracked"}
	}
	b := rate.NewLimiter(rate.Limit(limit.PerSecond), burst)
	r.buckets[k] = b
	return b, nil
}

// sweep forgets the buckets that are full: a new one would be the same.
func (r *rates) sweep(now time.Time) {
	for k, b := range r.buckets {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(r.buckets, k)
		}
	}
}
