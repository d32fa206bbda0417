package consumer

import (
	"errors"
	"fmt"
	"os"

	"github.com/headgate-io/headgate/sdk/delivery"
	"github.com/headgate-io/headgate/sdk/dsse"
)

var (
	errTransformed = errors.New("consumer: a transform may have changed the event, and its producer has signed no other: route it without transforms, or trust the routers")
	errProducer    = errors.New("consumer: the event is not signed by a producer of its source")
)

// trust is whose word makes an event true: the routers', or theirs and its
// producer's.
type trust struct {
	routers   KeySource
	producers *dsse.Keyring // nil: the routers' suffices
}

// vouch makes sure that a delivery's event is its producer's, where that is
// asked for, and leaves of it what the producer has signed. Nothing else is
// taken instead.
func (t trust) vouch(d *delivery.Delivery) error {
	if t.producers == nil {
		return nil
	}
	if len(d.Header.Transforms) > 0 {
		return errTransformed
	}
	v, err := t.producers.Verify(&d.Event)
	if err != nil {
		return fmt.Errorf("%w: %w", errProducer, err)
	}
	d.Event, err = v.Only(&d.Event)
	return err
}

// ProducersFromFile reads who may sign for which source, for Options.Producers:
// JSON as [dsse.ParseKeyring] takes it. It is read this once: to change a key,
// put the new one beside the old one and start again.
func ProducersFromFile(path string) (*dsse.Keyring, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("producers: %w", err)
	}
	ring, err := dsse.ParseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("producers in %s: %w", path, err)
	}
	return ring, nil
}
