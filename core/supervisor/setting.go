package supervisor

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// Setting is what may change while a Process runs.
type Setting struct {
	Command host.Command
	Plugin  string // the name that the plugin must give itself; empty for any
	Kind    string // which of its transforms or providers; empty for the only one
	// Resolve gives the configuration, secrets and all, by the schema that the
	// plugin told. Nil for the empty one.
	Resolve func(schema json.RawMessage) (json.RawMessage, error)
	Timeout time.Duration // of one call; 10 s when zero
	// Provider is nil for a transform.
	Provider *Provider
}

// Options are what a Process is made of.
type Options struct {
	Name string // of the [[transforms]] or [[auth]] entry
	Setting
	Version string // of the router, told to the plugin
	TempDir string // see host.Options
	Log     zerolog.Logger
	Told    func(Event) // what becomes of its processes; it does not block. Nil for nobody
	start   starter     // nil for host.Start
}

// title names it for an error.
func (o *Options) title() string {
	if o.Provider != nil {
		return "auth " + o.Name
	}
	return "transform " + o.Name
}

// defaultTimeout is that of [[transforms]] in the configuration.
const defaultTimeout = 10 * time.Second

// edition is a setting and what is learned of it.
type edition struct {
	Setting
	mu      sync.Mutex
	canary  *sdk.Input // the event that the plugin took last
	doubted int        // how often in a row it did not, since
}

// maxDoubts is how often in a row a canary may fail before another takes its
// place: it is no proof of the plugin's health if the plugin cannot take it.
const maxDoubts = 3

func newEdition(s Setting) *edition {
	if s.Timeout <= 0 {
		s.Timeout = defaultTimeout
	}
	return &edition{Setting: s}
}

// took notes an event that the plugin answered for.
func (e *edition) took(in sdk.Input) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.canary, e.doubted = &in, 0
}

// witness is an event that the plugin took before and that is not but.
func (e *edition) witness(but sdk.Input) (sdk.Input, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.canary == nil || e.canary.Event.ID == but.Event.ID && e.canary.Event.Source == but.Event.Source {
		return sdk.Input{}, false
	}
	return *e.canary, true
}

// heard notes whether the plugin took the canary again.
func (e *edition) heard(took bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if took {
		e.doubted = 0
	} else if e.doubted++; e.doubted >= maxDoubts {
		e.canary = nil
	}
}

// Event is something that became of a plugin's process.
type Event struct {
	Name       string // of the [[transforms]] or [[auth]] entry
	What       string // one of the constants below
	Generation int
	Version    string
	SHA256     string // of what runs, as configured; empty for a shipped one
	Reason     string // why it failed, or what a provider brought is refused
}

// What becomes of processes.
const (
	Began    = "start"   // it is asked and configured, and called from now on
	Replaced = "replace" // likewise, in place of another
	Crashed  = "fail"    // it failed, or could not be started
	Refused  = "refuse"  // what it published is not taken
)

// tell passes on what became of a generation; g is nil where none began. Callers
// do not hold mu: whoever is told may ask.
func (p *Process) tell(what string, number int, g *generation, reason string) {
	if p.o.Told == nil {
		return
	}
	e := Event{Name: p.o.Name, What: what, Generation: number, Reason: reason}
	if g != nil {
		e.Version, e.SHA256 = g.about.Version, g.edition.Command.SHA256
	}
	p.o.Told(e)
}
