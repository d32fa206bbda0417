package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headgate-io/headgate/core/supervisor"
)

// Readiness tells whether a router can do all of its work.
type Readiness struct {
	Ready  bool      `json:"ready"`
	Faults []Unready `json:"faults,omitempty"`
}

// Unready is one thing that a router waits for.
type Unready struct {
	What string `json:"what"`           // router, journal, audit, plugin or trust
	Name string `json:"name,omitempty"` // of the plugin, or the [[auth]]
	Why  string `json:"why"`
}

// Kinds lists every What.
func Kinds() []string { return []string{"router", "journal", "audit", "plugin", "trust"} }

// Readiness sums a router up.
func (t *Top) Readiness() Readiness {
	var faults []Unready
	if t.Draining {
		faults = append(faults, Unready{What: "router", Why: "draining"})
	}
	if d := t.Outbox.Disk; d != nil && d.Refusing != "" {
		faults = append(faults, Unready{What: "journal", Why: d.Refusing})
	}
	if t.Audit != nil && t.Audit.Failing != "" {
		faults = append(faults, Unready{What: "audit", Why: t.Audit.Failing})
	}
	for _, p := range t.Plugins {
		if slices.Contains(t.Required, p.Name) && p.State != supervisor.Ready {
			faults = append(faults, Unready{What: "plugin", Name: p.Name, Why: string(p.State)})
		}
	}
	for _, a := range t.Trust {
		if a.Generation == 0 { // what has gone stale since serves others all the same
			faults = append(faults, Unready{What: "trust", Name: a.Name, Why: "no keys have come yet"})
		}
	}
	return Readiness{Ready: len(faults) == 0, Faults: faults}
}

// outside is what everybody may know: of each why who fails and how, as in "outbox:
// disk is failing", without what stands behind it, which can name files.
func (r Readiness) outside() Readiness {
	r.Faults = slices.Clone(r.Faults)
	for i := range r.Faults {
		parts := strings.SplitN(r.Faults[i].Why, ":", 3)
		r.Faults[i].Why = strings.Join(parts[:min(len(parts), 2)], ":")
	}
	return r
}

// health is what everybody may ask: /livez and /readyz.
func (s *Server) health() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.livez)
	mux.HandleFunc("GET /readyz", s.readyz)
	return mux
}

// livez says that the process works, whatever its state.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) {
	s.write(w, http.StatusOK, struct {
		Live bool `json:"live"`
	}{true})
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ready, err := s.recent.readiness(r.Context(), s.o.Router)
	if err != nil {
		s.o.Log.Error().Err(err).Msg("readiness")
		ready = Readiness{Faults: []Unready{{What: "router", Why: "does not answer"}}}
	}
	if callerOf(r.Context()).role != local {
		ready = ready.outside()
	}
	status := http.StatusOK
	if !ready.Ready {
		status = http.StatusServiceUnavailable
	}
	s.write(w, status, ready)
}

// fresh is how old a look at the router may be for who needs no token: they must
// not make it look at itself all the time.
const fresh = 500 * time.Millisecond

// Ready asks whether the router can do all of its work. That it cannot is no error.
func (c *Client) Ready(ctx context.Context) (r Readiness, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://headgate/readyz", nil)
	if err != nil {
		return r, err
	}
	resp, err := c.send(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return r, fmt.Errorf("router's answer: %w", err)
	}
	return r, nil
}

// recent remembers the last look.
type recent struct {
	mu    sync.Mutex
	at    time.Time
	ready Readiness
}

func (c *recent) readiness(ctx context.Context, r Router) (Readiness, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < fresh {
		return c.ready, nil
	}
	top, err := r.Top(ctx)
	if err != nil {
		return Readiness{}, err
	}
	c.at, c.ready = time.Now(), top.Readiness()
	return c.ready, nil
}
