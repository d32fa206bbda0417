package main

import (
	"errors"
	"fmt"

	"github.com/headgate-io/headgate/core/config"
	"github.com/headgate-io/headgate/sdk/jwk"
)

// producersRing is the file of producers as consumers read it
// (consumer.ProducersFromFile): for each pattern of sources, a JWK Set.
type producersRing map[string]*jwkSet

type jwkSet struct {
	Keys []jwk.Key `json:"keys"`
}

// producersOf gives the event keys that the router takes, so that a consumer takes
// neither more nor less. A ring of none would read like a file that was emptied by
// mistake, and consumers refuse it.
func producersOf(cfg *config.Config) (producersRing, error) {
	ring := make(producersRing)
	for _, k := range cfg.EventKeys {
		if k.State != config.StateActive && k.State != config.StateRetiring {
			continue
		}
		if ring[k.Source] == nil {
			ring[k.Source] = new(jwkSet)
		}
		ring[k.Source].Keys = append(ring[k.Source].Keys, jwk.Key{ID: k.ID, Public: k.Key})
	}
	switch {
	case len(cfg.EventKeys) == 0:
		return nil, errors.New("the configuration has no [[event_keys]]: nobody could sign an event")
	case len(ring) == 0:
		return nil, fmt.Errorf("none of the %s counts (active or retiring). A consumer that has an earlier file goes on with it: give it one with another key, or stop it", count(len(cfg.EventKeys), "event key"))
	}
	return ring, nil
}
