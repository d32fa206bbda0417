package jwks

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How long an answer is taken for fresh.
const (
	minFresh     = time.Minute // so that an issuer that forbids caching is not asked for every token
	maxFresh     = time.Hour   // so that a key that was withdrawn does not serve for days
	defaultFresh = 15 * time.Minute
)

// freshFor is how long an answer says that it is fresh (RFC 9111, section 4.2),
// within minFresh and maxFresh. Of several max-age the least counts, and one
// that cannot be read is none at all.
func freshFor(h http.Header) time.Duration {
	stated := false
	least := maxFresh
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return minFresh
		case "max-age":
			stated = true
			least = min(least, seconds(strings.Trim(value, `"`)))
		}
	}
	if !stated {
		return defaultFresh
	}
	if age := h.Get("Age"); age != "" { // how long it lay in a cache on its way
		least -= seconds(age)
	}
	return max(minFresh, least)
}

// seconds reads a delta-seconds (RFC 9111, section 1.2.2), zero where there is
// none.
func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 31) // beyond it is long enough, and no overflow
	if err != nil && n == 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}
