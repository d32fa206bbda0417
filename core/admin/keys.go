package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/headgate-io/headgate/core/trust"
)

// Keys are what a router goes by at the moment, whatever stands in files.
type Keys struct {
	Since         time.Time     `json:"since"`                   // its start: it knows of no use before
	Senders       []Sender      `json:"senders"`                 // of every [[auth]] of keys
	SendersFault  string        `json:"senders_fault,omitempty"` // why newer ones in the files do not count
	Delivery      []DeliveryKey `json:"delivery"`
	DeliveryFault string        `json:"delivery_fault,omitempty"`
}

// Sender is a key that proves a sender.
type Sender = trust.KeyFact

// Sender gives what the router knows of the key with that id; the zero value for
// nothing.
func (k *Keys) Sender(id string) Sender {
	for _, s := range k.Senders {
		if s.ID == id {
			return s
		}
	}
	return Sender{}
}

// Publishes reports whether the router publishes a delivery key, and signs with it.
func (k *Keys) Publishes(kid string) (published, signs bool) {
	for _, d := range k.Delivery {
		if d.ID == kid {
			return true, d.Signs
		}
	}
	return false, false
}

// DeliveryKey is one of the router's own keys, all of which are published.
type DeliveryKey struct {
	ID    string `json:"kid"`
	Signs bool   `json:"signs"` // deliveries, now
}

// Keys implements Router.
func (c *Client) Keys(ctx context.Context) (k Keys, err error) {
	return k, c.call(ctx, http.MethodGet, "/v1/keys", nil, &k)
}
