package admin

import (
	"context"
	"net/http"
	"strconv"
)

// Reload asks for the configuration to be read again.
type Reload struct {
	Why     string `json:"why,omitempty"`
	Orphans string `json:"orphans,omitempty"` // "hold": what waits for what is gone stays until it comes back; empty refuses
	Wait    bool   `json:"wait,omitempty"`    // until what is gone has ended
}

// Reloaded is what a reload has put in place.
type Reloaded struct {
	Generation int      `json:"generation"` // of the configuration, from 1 at the start
	Changes    []Change `json:"changes"`
}

// Change is one key that differs from the generation before.
type Change struct {
	Key     string `json:"key"`
	Was     string `json:"was,omitempty"`
	Now     string `json:"now,omitempty"`
	Weakens bool   `json:"weakens,omitempty"` // less is asked, or more is let in
	Restart bool   `json:"restart,omitempty"` // counts from the next start on
}

func (s *Server) reload(r *http.Request) (any, error) {
	var o Reload
	if err := read(r, &o); err != nil {
		return nil, err
	}
	var done Reloaded
	detail := map[string]string{"orphans": o.Orphans}
	err := s.audited(r.Context(), Record{Verb: "reload", Why: o.Why, Detail: detail}, func() (_ int, err error) {
		if done, err = s.o.Router.Reload(r.Context(), o); err == nil {
			detail["generation"] = strconv.Itoa(done.Generation)
		}
		return len(done.Changes), err
	})
	if done.Changes == nil {
		done.Changes = []Change{} // a list of JSON, not null
	}
	return done, err
}

// Reload implements Router.
func (c *Client) Reload(ctx context.Context, o Reload) (done Reloaded, err error) {
	return done, c.call(ctx, http.MethodPost, "/v1/reload", o, &done)
}
