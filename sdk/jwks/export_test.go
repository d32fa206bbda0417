package jwks

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Within has requests go through dial, and delays be those of random.
func (o Options) Within(dial func(ctx context.Context, network, address string) (net.Conn, error), random float64) Options {
	o.dial, o.random = dial, func() float64 { return random }
	return o
}

// FreshFor is for how long an answer with these headers is fresh.
func FreshFor(h http.Header) time.Duration { return freshFor(h) }

// CheckAddress is what the guard says of an address that is dialled.
func CheckAddress(address string, private, plain bool) error {
	return guard{private: private, plain: plain}.check(address)
}

// KeySetURL reads an issuer's metadata.
func (s *Source) KeySetURL(text []byte, allowPrivate bool) (string, error) {
	return s.keySetURL(text, allowPrivate)
}

// ReadKeys reads a key set: the texts it takes, and how many keys it leaves out.
func ReadKeys(text []byte, algs []string) (texts [][]byte, left int, err error) {
	set, skipped, err := readKeys(text, algs)
	for _, t := range set.texts {
		texts = append(texts, t)
	}
	return texts, len(skipped), err
}
