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
	"github.com/headgate-io/headgate/core/tracing"
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
	// Reload reads the configuration again and puts it in place, all of it or none.
	Reload(ctx context.Context, o Reload) (Reloaded, error)
	// Levels lists what each part of the router writes into its log, by name.
	Levels(ctx context.Context) ([]PartLevel, error)
	SetLevel(ctx context.Context, to LevelChange) error
}

// Top is the state of a router on one screen.
type Top struct {
	Version   string          `json:"version"`
	Started   time.Time       `json:"started"`
	Dev       bool            `json:"dev,omitempty"`
	Draining  bool            `json:"draining,omitempty"`
	Doors     []Door          `json:"doors"`
	Replies   Replies         `json:"replies"`
	Intake    intake.Counts   `json:"intake"`
	Outbox    outbox.Stats    `json:"outbox"`
	Commands  []Command       `json:"commands"`
	Telemetry []Telemetry     `json:"telemetry"`
	Plugins   []Plugin        `json:"plugins"`
	Required  []string        `json:"required,omitempty"` // names of the plugins that events on some way go through
	Trust     []Trust         `json:"trust,omitempty"`
	Audit     *Audit          `json:"audit,omitempty"`  // nil for none
	Traces    *Traces         `json:"traces,omitempty"` // nil for none
	Tail      TailCounts      `json:"tail"`
	Keys      json.RawMessage `json:"keys"` // JWK Set of the delivery keys
}

// Audit is the audit log.
type Audit struct {
	Records    uint64    `json:"records"`
	Bytes      int64     `json:"bytes"`
	Files      int       `json:"files"`
	Behind     uint64    `json:"behind"`              // decisions in the store that are not in it yet
	Suppressed uint64    `json:"suppressed"`          // refusals that were counted and not written, since the start
	Checkpoint time.Time `json:"checkpoint,omitzero"` // of the newest one
	Exported   time.Time `json:"exported,omitzero"`   // when one last came to a place elsewhere
	Exports    int       `json:"exports"`             // places where checkpoints are kept
	Failing    string    `json:"failing,omitempty"`   // why nothing is accepted now
}

// TailCounts are those of who looks at decisions.
type TailCounts struct {
	Readers int    `json:"readers"` // now
	Missed  uint64 `json:"missed"`  // decisions, since the start
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
	// Oldest is when the pending event was accepted that was accepted first; those
	// that are held do not count.
	Oldest time.Time `json:"oldest,omitzero"`
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
	Key       string         `json:"key,omitempty"` // that proved the principal
	Proof     sdk.Proof      `json:"proof"`
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

// Traces are the spans that a router made.
type Traces = tracing.Stats

// Trust is what the router took from the plugin of one [[auth]].
type Trust = trust.AuthorityFact
