package supervisor

import (
	"time"

	"github.com/headgate-io/headgate/sdk"
	"github.com/headgate-io/headgate/sdk/host"
)

// Facts describe a Process.
type Facts struct {
	Name       string    `json:"name"`
	State      State     `json:"state"`
	Next       time.Time `json:"next,omitzero"` // when it is started again, in backoff and quarantined
	Generation int       `json:"generation"`    // the newest

	// What the plugin says of itself, last known.
	Plugin  string `json:"plugin"`
	Version string `json:"version"`
	SDK     string `json:"sdk"`
	Kind    string `json:"kind"`
	Redacts bool   `json:"redacts"` // originals never travel beside its results

	// What is known of its process, last known.
	PID      int      `json:"pid"`
	Since    string   `json:"since"` // RFC 3339, when it became ready
	Env      []string `json:"env"`
	Files    []string `json:"files"`
	Boundary string   `json:"boundary"`
	Protocol int      `json:"protocol"`
	SHA256   string   `json:"sha256,omitempty"`

	Failures   int    `json:"failures"`              // generations that failed or could not begin
	LastCrash  *Crash `json:"last_crash,omitempty"`  // of these, the last
	LastError  string `json:"last_error,omitempty"`  // of anything
	RolledBack string `json:"rolled_back,omitempty"` // why the last Replace was taken back

	Warned *Warning `json:"last_warning,omitempty"` // the last that the plugin said itself

	InFlight int `json:"in_flight"` // calls
	Calls    int `json:"calls"`
	Events   int `json:"events"`
	Misses   int `json:"deadline_misses"`
	Isolated int `json:"isolated"` // events that were run alone
	Blamed   int `json:"blamed"`   // of these, given up
	Failed   int `json:"failed"`   // events whose outcome was Fail, the blamed included
	Dropped  int `json:"log_lines_dropped"`
}

// Crash is how a generation ended that was not meant to.
type Crash struct {
	At         time.Time `json:"at"`
	Generation int       `json:"generation"`
	Reason     string    `json:"reason"`
	Stack      string    `json:"stack,omitempty"` // what it last wrote to stderr
}

// Warning is a line that a plugin logged, a warning or worse.
type Warning struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"` // with its fields, cut where it is long
}

// record is what a Process remembers for its Facts.
type record struct {
	about      host.Description
	kind       string
	redacts    bool
	process    host.Facts
	since      time.Time
	failures   int
	crash      *Crash
	err        string
	rolledBack string

	calls, events, misses, isolated, blamed, failedEvents int
}

func (r *record) serving(g *generation) {
	r.about, r.kind, r.redacts = g.about, g.kind.Name, g.kind.Redacts
	r.process, r.since = g.process.Facts(), time.Now()
}

func (r *record) failed(at time.Time, generation int, f failing) {
	r.failures++
	r.err = f.why
	r.crash = &Crash{At: at, Generation: generation, Reason: f.why, Stack: f.stack}
}

// isolated counts events that were run alone.
func (p *Process) isolated(events, blamed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.isolated += events
	p.record.blamed += blamed
}

// answers counts the outcomes of a call.
func (p *Process) answers(outcomes []sdk.Outcome) {
	failed := 0
	for _, o := range outcomes {
		if o.Verdict == sdk.Fail {
			failed++
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record.failedEvents += failed
}

// Facts gives the state as values.
func (p *Process) Facts() Facts {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &p.record
	f := Facts{
		Name: p.o.Name, State: p.machine.state, Generation: p.machine.generation,
		Plugin: r.about.Name, Version: r.about.Version, SDK: r.about.SDK, Kind: r.kind, Redacts: r.redacts,
		PID: r.process.PID, Env: r.process.Env, Files: r.process.Files, Boundary: r.process.Boundary, Protocol: r.process.Protocol, SHA256: r.process.SHA256,
		Failures: r.failures, LastCrash: r.crash, LastError: r.err, RolledBack: r.rolledBack,
		Calls: r.calls, Events: r.events, Misses: r.misses, Isolated: r.isolated, Blamed: r.blamed, Failed: r.failedEvents, Dropped: int(p.dropped.Load()),
		Warned: p.warned.Load(),
	}
	if !r.since.IsZero() {
		f.Since = r.since.UTC().Format(time.RFC3339)
	}
	if f.State == Backoff || f.State == Quarantined {
		f.Next = p.machine.due
	}
	if p.live != nil {
		f.InFlight = p.live.calls.count()
	}
	return f
}
