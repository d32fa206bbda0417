package consumer

import (
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/dsse"
)

var (
	errTransformed = errors.New("consumer: a transform may have changed the event, and its producer has signed no other: route it without transforms, or trust the routers")
	errProducer    = errors.New("consumer: the event is not signed by a producer of its source")
	errNoProducers = errors.New("consumer: Producers hold nobody: ProducersFromFile of what `headgate key export --producers` wrote has them; nil trusts the routers")
)

// maxProducers bounds the file of producers: some 20,000 keys.
const maxProducers = 4 << 20

// Producers say who may sign for which source: [ProducersFromFile], or
// [PinnedProducers].
type Producers struct {
	path string
	ring *dsse.Keyring // when there is no path
}

// PinnedProducers never change.
func PinnedProducers(ring *dsse.Keyring) *Producers { return &Producers{ring: ring} }

// ProducersFromFile are those in a file, as `headgate key export --producers`
// writes it: JSON, an object with a JWK Set (RFC 7517, section 5) for each
// pattern of sources.
//
//	{"//shop.example/**": {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "shop-1", "x": ".."}]}}
//
// In a pattern * is one segment between slashes, and ** at the end any rest. A
// source that several patterns fit has the keys of all. Each key is public, for
// P-256 or Ed25519, and has as its kid the keyid of its signatures. One key that
// breaks this has the whole file refused, and so does a file without any; what
// sdk/testdata/vectors/dsse.json has as "producers" is one.
//
// The file is looked at every second, as that of [KeysFromFile] is. A key that is
// not in it any more opens nothing more: events that were opened by it before go
// on being worked on. To change a key, add the new one here first, then have the
// producer sign with it, and take the old one out when nothing of it is pending.
func ProducersFromFile(path string) *Producers { return &Producers{path: path} }

func (p *Producers) empty() bool { return p != nil && p.path == "" && p.ring == nil }

func (p *Producers) file(use func(*dsse.Keyring)) *file {
	return &file{what: "producers", path: p.path, made: "headgate key export --producers", most: maxProducers, take: func(text []byte) error {
		ring, err := dsse.ParseKeyring(text)
		if err == nil {
			use(ring)
		}
		return err
	}}
}

// vouch makes sure that a delivery's event is its producer's, and leaves of it
// what the producer has signed. Nothing else is taken instead.
func vouch(d *delivery.Delivery, by *dsse.Keyring) error {
	if len(d.Header.Transforms) > 0 {
		return errTransformed
	}
	v, err := by.Verify(&d.Event)
	if err != nil {
		return fmt.Errorf("%w: %w", errProducer, err)
	}
	d.Event, err = v.Only(&d.Event)
	return err
}
