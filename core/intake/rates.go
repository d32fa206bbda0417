package intake

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/headgate-io/headgate/core/route"
	"github.com/headgate-io/headgate/sdk"
)

// rates limits each principal at each ingress, and on each route, by a token
// bucket.
type rates struct {
	most int

	mu      sync.Mutex
	buckets map[rateKey]*rate.Limiter
	swept   time.Time
}

// rateKey is of a principal at an ingress or on a route: one of the two is empty.
type rateKey struct {
	principal      sdk.Principal
	ingress, route string
}

func (k *rateKey) reason() string {
	if k.route != "" {
		return k.route
	}
	return "ingress " + k.ingress
}

func newRates(most int) *rates { return &rates{most: most, buckets: make(map[rateKey]*rate.Limiter)} }

// takeRoutes lets one event through every matched route's limit, or says how
// long to wait.
func (r *rates) takeRoutes(p sdk.Principal, routes []route.Matched, now time.Time) error {
	for _, m := range routes {
		if err := r.take(rateKey{principal: p, route: m.Name}, m.Rate, now); err != nil {
			return err
		}
	}
	return nil
}

// take lets one event through one limit.
func (r *rates) take(k rateKey, limit route.Rate, now time.Time) error {
	if limit.PerSecond <= 0 {
		return nil
	}
	bucket, err := r.bucket(k, limit, now)
	if err != nil {
		return err
	}
	if !bucket.AllowN(now, 1) {
		return &Problem{Code: RateLimited, RetryAfter: int(1/limit.PerSecond) + 1, Reason: k.reason()}
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
	if len(r.buckets) >= r.most && now.Sub(r.swept) >= sweepEvery {
		r.sweep(now)
	}
	if len(r.buckets) >= r.most { // closed rather than unlimited
		return nil, &Problem{Code: Overloaded, RetryAfter: retrySoon, Reason: "rates tracked"}
	}
	b := rate.NewLimiter(rate.Limit(limit.PerSecond), burst)
	r.buckets[k] = b
	return b, nil
}

// sweepEvery is how often all buckets are gone through at most, while there are
// too many.
const sweepEvery = time.Second

// sweep forgets the buckets that are full: a new one would be the same.
func (r *rates) sweep(now time.Time) {
	r.swept = now
	for k, b := range r.buckets {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(r.buckets, k)
		}
	}
}
