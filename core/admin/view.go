package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headgate-io/headgate/core/dispatch"
	"github.com/headgate-io/headgate/core/ingress"
	"github.com/headgate-io/headgate/core/intake"
	"github.com/headgate-io/headgate/core/outbox"
	"github.com/headgate-io/headgate/core/supervisor"
	"github.com/headgate-io/headgate/core/topology"
	"github.com/headgate-io/headgate/core/trust"
	"github.com/headgate-io/headgate/sdk"
)

// Router is what the router shows and does. Safe for concurrent use. Errors
// that wrap ErrNotFound or ErrBad are the operator's; others are faults.
type Router interface {
	Top(ctx context.Context) (Top, error)
	Events(ctx context.Context, f outbox.Filter) ([]Event, error)
	Event(ctx context.Context, key outbox.Key) (Event, error)
	Act(ctx context.Context, a Act) (Done, error)
	Keys(ctx context.Context) (Keys, error)
	Verify(ctx context.Context) (Checked, error)
	Backup(ctx context.Context, to Copy) error
}

// Top is the state of a router on one screen.
type Top struct {
	Version   string          `json:"version"`
	Started   time.Time       `json:"started"`
	Dev       bool            `json:"dev,omitempty"`
	Doors     []Door          `json:"doors"`
	Replies   Replies         `json:"replies"`
	Intake    intake.Counts   `json:"intake"`
	Outbox    outbox.Stats    `json:"outbox"`
	Commands  []Command       `json:"commands"`
	Telemetry []Telemetry     `json:"telemetry"`
	Plugins   []Plugin        `json:"plugins"`
	Trust     []Trust         `json:"trust,omitempty"`
	Keys      json.RawMessage `json:"keys"` // JWK Set of the delivery keys
}

// Door is one ingress.
type Door struct {
	Name    string             `json:"name"`
	Address string             `json:"address"`
	ZMQ     *ingress.ZMQCounts `json:"zmq,omitempty"` // of a ZeroMQ door, as is Socket
	Socket  *Socket            `json:"socket,omitempty"`
}

// Replies is the reply socket.
type Replies struct {
	Address string `json:"address"`
	Told    string `json:"told"` // the address that consumers are told
	Taken   uint64 `json:"taken"`
	Bad     uint64 `json:"bad"`
	Socket  Socket `json:"socket"`
}

// Command is one command channel.
type Command struct {
	dispatch.Facts
	Address string `json:"address"`
	Pending int    `json:"pending"`
	Dead    int    `json:"dead"`
	Held    int    `json:"held"` // of the pending ones, by an operator
	Bytes   int64  `json:"bytes"`
	Socket  Socket `json:"socket"`
}

// Telemetry is one telemetry channel.
type Telemetry struct {
	Name        string `json:"name"`
	Address     string `json:"address"`
	Subscribers int    `json:"subscribers"`
	Published   uint64 `json:"published"`    // events
	RingDropped uint64 `json:"ring_dropped"` // events that never reached the socket
	Sent        uint64 `json:"sent"`         // deliveries handed to the kernel
	Dropped     uint64 `json:"dropped"`      // deliveries over a subscriber's high-water mark
	Queued      uint64 `json:"queued"`
	Socket      Socket `json:"socket"`
}

// Socket is the ZeroMQ socket of a part, with its connections.
type Socket struct {
	topology.Counts
	Connections []topology.Connection `json:"connections"`
}

// Event is one event with its state per channel.
type Event struct {
	ID        string         `json:"id"`
	Source    string         `json:"source"`
	Type      string         `json:"type"`
	Seq       uint64         `json:"seq"`
	State     outbox.State   `json:"state"`
	Principal sdk.Principal  `json:"principal"`
	Accepted  time.Time      `json:"accepted"`
	Channels  []ChannelState `json:"channels"`

	// When one event was asked for and is still held: as JSON, and its exact
	// bytes, which JSON within JSON does not keep.
	Event json.RawMessage `json:"event,omitempty"`
	Raw   []byte          `json:"raw,omitempty"`
}

// ChannelState is outbox.ChannelStatus with its result.
type ChannelState struct {
	outbox.ChannelStatus
	Result json.RawMessage `json:"result,omitempty"`
}

// Plugin is one [[transforms]], or one [[auth]] of tokens, at work.
type Plugin = supervisor.Facts

// Trust is what the router took from the plugin of one [[auth]].
type Trust = trust.AuthorityFact
