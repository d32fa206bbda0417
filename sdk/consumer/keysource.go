package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/headgate-io/headgate/sdk/delivery"
)

const (
	maxKeySet  = 256 << 10       // bytes: many times the most keys that are read
	keyTimeout = 5 * time.Second // for the whole answer of a key server
)

// KeySource gives the routers' delivery keys as they are now. It is asked at
// the start and, at most every 30 s, when a delivery names a key that is not
// known; never twice at once. It may block until ctx ends. KeysFromFile is looked
// at every second instead.
type KeySource interface {
	Keys(ctx context.Context) (delivery.Keys, error)
}

// Pinned is keys that never change: Pinned(delivery.NewKeys(public)).
type Pinned delivery.Keys

// Keys returns p.
func (p Pinned) Keys(context.Context) (delivery.Keys, error) { return delivery.Keys(p), nil }

// KeysFromFile reads a JWK Set, as `headgate key export` writes it. While a
// consumer runs it looks at the file every second, also through links that are
// swapped: a key that comes or goes counts within two. A file that is gone or
// broken changes nothing, and the log says so once.
func KeysFromFile(path string) KeySource { return keyFile(path) }

type keyFile string

func (path keyFile) Keys(context.Context) (keys delivery.Keys, err error) {
	_, err = path.file(func(read delivery.Keys) { keys = read }).look()
	return keys, err
}

func (path keyFile) file(use func(delivery.Keys)) *file {
	return &file{what: "router keys", path: string(path), made: "headgate key export", most: maxKeySet, take: func(text []byte) error {
		keys, err := parseKeys(text)
		if err == nil {
			use(keys)
		}
		return err
	}}
}

// KeysFromURL reads a JWK Set over https, or over http from a literal loopback
// address: a router's /.well-known/jwks.json. It follows no redirect.
func KeysFromURL(url string) KeySource { return keyURL(url) }

type keyURL string

func (address keyURL) Keys(ctx context.Context) (delivery.Keys, error) {
	keys, err := address.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("router keys: %w", err)
	}
	return keys, nil
}

func (address keyURL) get(ctx context.Context) (delivery.Keys, error) {
	if err := address.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(address), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("accept", "application/jwk-set+json, application/json")
	client := http.Client{
		// Asked too rarely to keep a connection.
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		// Who answers for the keys is who was named, and nobody it points to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", req.URL.Redacted(), resp.Status)
	}
	text, err := readAtMost(resp.Body, maxKeySet)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	keys, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	return keys, nil
}

func (address keyURL) check() error {
	u, err := url.Parse(string(address))
	if err != nil {
		return errors.New("the key URL cannot be read") // the error would repeat a password in it
	}
	ip, err := netip.ParseAddr(u.Hostname())
	switch {
	case u.Scheme == "https" && u.Host != "":
		return nil
	case u.Scheme == "http" && err == nil && ip.IsLoopback():
		return nil
	}
	return fmt.Errorf("%s: keys come over https, or over http from a literal loopback address such as 127.0.0.1", u.Redacted())
}

func parseKeys(text []byte) (delivery.Keys, error) {
	var keys delivery.Keys
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, err
	}
	return keys, nil
}
